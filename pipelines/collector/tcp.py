"""The door for Logstash's json_lines: one JSON object a line over tcp.

Nothing is acknowledged on this wire.
"""

from __future__ import annotations

from asyncio import StreamReader, StreamWriter
from contextlib import suppress

from mlmon.core.errors import WireError
from mlmon.pipelines.collector.deliver import deliver
from mlmon.pipelines.collector.gate import Gate
from mlmon.pipelines.collector.inlet import Inlet
from mlmon.pipelines.collector.lines import Lines
from mlmon.pipelines.collector.peers import peer_of
from mlmon.pipelines.pipeline import Pipeline


class Tcp:
    """Serves connections; each is read only as fast as the store takes its lines."""

    def __init__(self, pipeline: Pipeline, *, max_event_bytes: int, gate: Gate | None = None) -> None:
        """A longer line is cut to one byte over the limit, which sends it to the dead letters."""
        self._pipeline = pipeline
        self._max_event_bytes = max_event_bytes
        self._gate = gate or Gate()

    async def __call__(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Serve one connection to its end."""
        source = f"tcp {peer_of(writer)}"
        lines = Lines(max_line_bytes=self._max_event_bytes)
        inlet = Inlet(reader, writer, self._gate)
        try:
            with suppress(WireError):
                while chunk := await inlet.read(kept=lines.kept):
                    await self._take(lines.feed(chunk), inlet, source)
                await self._take(lines.finish(), inlet, source)
        finally:
            inlet.close()

    async def _take(self, lines: list[bytes], inlet: Inlet, source: str) -> None:
        if lines:
            inlet.serve()
            await deliver(self._pipeline, lines, source)
