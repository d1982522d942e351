"""Filebeat, to the collector's Beats door."""

from __future__ import annotations

from typing import Final

from mlmon.pipelines.shippers import beats
from mlmon.pipelines.shippers.options import Options, to_yaml

FILE: Final = "filebeat.yml"


def render(options: Options) -> dict[str, str]:
    """The text of each file by its name.

    Raises:
        UsageError: the address or the certificates cannot be meant.

    """
    document = {
        "filebeat.inputs": [{"type": "filestream", "id": "mlmon", "enabled": True} | beats.stream(options)],
        "path.data": options.data,
        "output.logstash": beats.output(options),
    }
    about = (
        "Filebeat 8.10 or newer: reads log files and sends their lines to a collector.",
        f"Check: filebeat test config -c {FILE}; filebeat test output -c {FILE}",
        "",
        *beats.PROMISE,
    )
    return {FILE: to_yaml(document, *about)}
