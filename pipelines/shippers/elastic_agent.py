"""Elastic Agent, run on its own without Fleet, to the collector's Beats door."""

from __future__ import annotations

from typing import Final

from mlmon.pipelines.shippers import beats
from mlmon.pipelines.shippers.options import Options, to_yaml

FILE: Final = "elastic-agent.yml"


def render(options: Options) -> dict[str, str]:
    """The text of each file by its name.

    Raises:
        UsageError: the address or the certificates cannot be meant.

    """
    streams = [{"id": "mlmon-files", "data_stream": {"dataset": "mlmon.lines"}} | beats.stream(options)]
    document = {
        "outputs": {"mlmon": {"type": "logstash"} | beats.output(options)},
        "inputs": [
            {
                "id": "mlmon",
                "type": "filestream",
                "use_output": "mlmon",
                "data_stream": {"namespace": "default"},
                "streams": streams,
            }
        ],
        "agent.monitoring": {"enabled": False},
    }
    about = (
        "Elastic Agent 8.10 or newer, standalone: reads log files and sends their lines to a collector.",
        f"Check: elastic-agent inspect -c {FILE}. The agent keeps its places in its own folder.",
        "data_stream is what the agent asks for; the collector goes by the lines.",
        "",
        *beats.PROMISE,
    )
    return {FILE: to_yaml(document, *about)}
