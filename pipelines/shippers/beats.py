"""What Filebeat and Elastic Agent share: how files are read, and the output to the collector's Beats door."""

from __future__ import annotations

from typing import Any, Final

from mlmon.pipelines.shippers.options import Options, address, files
from mlmon.pipelines.wrapped import MARK

PROMISE: Final = (
    "Acknowledged: the agent keeps its place until the collector has the lines on disk, so lines may be",
    "sent again, and none is lost while the agent can read the file. The line is sent as it stands in the",
    "file; the collector takes it out of the agent's record. Lines with an event.id are stored once.",
    f"The field {MARK} tells the collector to do so; leave it.",
)


def stream(options: Options) -> dict[str, Any]:
    """A filestream: files known by their first bytes, so that rotation and reused inodes deceive nobody."""
    return {
        "paths": files(options),
        "prospector.scanner.fingerprint": {"enabled": True, "offset": 0, "length": 256},
        "file_identity.fingerprint": None,
        "close.on_state_change.removed": False,
        "clean_removed": False,
        "message_max_bytes": options.max_line_bytes + 1,
        "processors": [{"add_fields": {"target": "", "fields": {MARK: True}}}],
    }


def output(options: Options) -> dict[str, Any]:
    """The Logstash output, which speaks the Beats protocol.

    Raises:
        UsageError: as `options.address`.

    """
    door = address(options, "beats")
    made: dict[str, Any] = {"hosts": [door.text], "bulk_max_size": 2048, "compression_level": 1}
    if door.is_tls:
        made["ssl.enabled"] = True
        made["ssl.verification_mode"] = "full"
        named = {
            "ssl.certificate_authorities": [options.ca] if options.ca else None,
            "ssl.certificate": options.certificate,
            "ssl.key": options.certificate_key or options.certificate,
        }
        made |= {name: value for name, value in named.items() if value}
    return made
