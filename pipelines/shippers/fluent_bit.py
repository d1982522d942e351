"""Fluent Bit, to the collector's http door."""

from __future__ import annotations

from typing import Any, Final

from mlmon.core import schema
from mlmon.core.errors import UsageError
from mlmon.pipelines.shippers.options import KEY_VARIABLE, Options, address, files, to_yaml
from mlmon.pipelines.wrapped import MARK

FILE: Final = "fluent-bit.yaml"
_PATH: Final = "/v1/events"
_CHUNK_BYTES: Final = 256 << 10


def render(options: Options) -> dict[str, str]:
    """The text of each file by its name.

    Raises:
        UsageError: the address, key or certificates cannot be meant.

    """
    document = {
        "service": {
            "flush": 1,
            "storage.path": f"{options.data}/chunks",
            "storage.sync": "full",
            "storage.checksum": "on",
        },
        "pipeline": {"inputs": [_input(options)], "filters": [_mark()], "outputs": [_output(options)]},
    }
    about = (
        "Fluent Bit 3.1 or newer: reads log files and sends their lines to a collector.",
        f"Check: fluent-bit --dry-run -c {FILE}",
        *((f"The collector's key is taken from the variable {KEY_VARIABLE}.",) if options.has_key else ()),
        "",
        "Acknowledged: a chunk on disk is removed when the collector has it on disk, and is sent again until",
        "then. Fluent Bit moves its place in a file when the chunk is written, so a machine that loses power",
        "may lose what it read last. A line over buffer_max_size is passed over by Fluent Bit, which counts",
        f"it in its own log. The field {MARK} tells the collector to take the line out; leave it.",
    )
    return {FILE: to_yaml(document, *about)}


def _input(options: Options) -> dict[str, Any]:
    return {
        "name": "tail",
        "tag": "mlmon",
        "path": _together(files(options)),
        "key": schema.MESSAGE,
        "path_key": "file",
        "offset_key": "offset",
        "read_from_head": True,
        "refresh_interval": 1,
        "rotate_wait": 60,
        "buffer_chunk_size": min(_CHUNK_BYTES, options.max_line_bytes),
        "buffer_max_size": options.max_line_bytes + 1,
        "skip_long_lines": True,
        "skip_empty_lines": True,
        "db": f"{options.data}/places.db",
        "db.sync": "full",
        "storage.type": "filesystem",
        # What waits beyond so many chunks waits in the files that are read, and fills no disk.
        "storage.pause_on_chunks_overlimit": "on",
    }


def _together(paths: list[str]) -> str:
    if comma := next((path for path in paths if "," in path), None):
        raise UsageError(
            f"'{comma}' has a comma in it, at which Fluent Bit parts files. Write '?' in its place, or give "
            "--tail for each file."
        )
    return ",".join(paths)


def _mark() -> dict[str, Any]:
    return {"name": "modify", "match": "mlmon", "add": f"{MARK} true"}


def _output(options: Options) -> dict[str, Any]:
    door = address(options, "http")
    made: dict[str, Any] = {
        "name": "http",
        "match": "mlmon",
        "host": door.host,
        "port": door.port,
        "uri": _PATH,
        "format": "json_lines",
        # The time at which the line was read; the collector tells by it what is sent again.
        "json_date_key": "read",
        "json_date_format": "iso8601",
        "compress": "gzip",
        "retry_limit": "no_limits",
    }
    if options.has_key:
        made["header"] = [f"Authorization ApiKey ${{{KEY_VARIABLE}}}"]
    if door.is_tls:
        named = {
            "tls.ca_file": options.ca,
            "tls.crt_file": options.certificate,
            "tls.key_file": options.certificate_key or options.certificate,
        }
        # Without the second an agent would take the certificate of any other that the authority signed.
        made |= {"tls": True, "tls.verify": True, "tls.verify_hostname": True}
        made |= {name: value for name, value in named.items() if value}
    return made
