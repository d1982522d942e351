"""Vector, to the collector's http door."""

from __future__ import annotations

from typing import Any, Final

from mlmon.pipelines.shippers.options import KEY_VARIABLE, Address, Options, address, files, to_yaml

FILE: Final = "vector.yaml"
_PATH: Final = "/v1/events"


def render(options: Options) -> dict[str, str]:
    """The text of each file by its name.

    Raises:
        UsageError: the address, key or certificates cannot be meant.

    """
    document = {
        "data_dir": options.data,
        "sources": {"mlmon_files": _source(options)},
        "sinks": {"mlmon": _sink(options)},
    }
    about = (
        "Vector 0.34 or newer: reads log files and sends their lines to a collector.",
        f"Check: vector validate {FILE}",
        *((f"The collector's key is taken from the variable {KEY_VARIABLE}.",) if options.has_key else ()),
        "",
        "Acknowledged: Vector keeps its place until the collector has the lines on disk, so lines may be",
        "sent again. Those with an event.id are stored once; of others, those without a time may come twice.",
        "What the collector answers with 401 or 403 Vector gives up: try the key before the start.",
        "A line over max_line_bytes is passed over by Vector, which counts it in its own metrics.",
    )
    return {FILE: to_yaml(document, *about)}


def _source(options: Options) -> dict[str, Any]:
    return {
        "type": "file",
        "include": files(options),
        "read_from": "beginning",
        "max_line_bytes": options.max_line_bytes,
        "max_read_bytes": 262_144,
        "fingerprint": {"strategy": "device_and_inode"},
        "glob_minimum_cooldown_ms": 1000,
    }


def _sink(options: Options) -> dict[str, Any]:
    door = address(options, "http")
    made: dict[str, Any] = {
        "type": "http",
        "inputs": ["mlmon_files"],
        "uri": f"{'https' if door.is_tls else 'http'}://{door.text}{_PATH}",
        "method": "post",
        "encoding": {"codec": "text"},
        "framing": {"method": "newline_delimited"},
        "compression": "gzip",
        "batch": {"max_bytes": 4_194_304, "timeout_secs": 0.5},
        "acknowledgements": {"enabled": True},
        # What waits is in the files; a buffer in memory does, and holds the reading up when it is full.
        "buffer": {"type": "memory", "max_events": 10_000, "when_full": "block"},
        "healthcheck": {"enabled": False},
    }
    if options.has_key:
        made["request"] = {"headers": {"Authorization": f"ApiKey ${{{KEY_VARIABLE}}}"}}
    if door.is_tls:
        made["tls"] = _tls(options, door)
    return made


def _tls(options: Options, door: Address) -> dict[str, Any]:
    named = {
        "ca_file": options.ca,
        "crt_file": options.certificate,
        "key_file": options.certificate_key or options.certificate,
    }
    asked = {"verify_certificate": door.is_tls, "verify_hostname": door.is_tls}
    return asked | {name: value for name, value in named.items() if value}
