"""The door for Logstash's json_lines: one JSON object a line over tcp.

Nothing is acknowledged on this wire.
"""

from __future__ import annotations

from asyncio import StreamReader, StreamWriter
from contextlib import suppress
from typing import Final

from mlmon.core.errors import WireError
from mlmon.pipelines.collector.deliver import deliver
from mlmon.pipelines.collector.lines import Lines
from mlmon.pipelines.collector.peers import peer_of
from mlmon.pipelines.pipeline import Pipeline

_CHUNK_BYTES: Final = 1 << 20


class Tcp:
    """Serves connections; each is read only as fast as the store takes its lines."""

    def __init__(self, pipeline: Pipeline, *, max_event_bytes: int) -> None:
        """A longer line is cut to one byte over the limit, which sends it to the dead letters."""
        self._pipeline = pipeline
        self._max_event_bytes = max_event_bytes

    async def __call__(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Serve one connection to its end."""
        source = f"tcp {peer_of(writer)}"
        lines = Lines(max_line_bytes=self._max_event_bytes)
        with suppress(WireError):
            while chunk := await reader.read(_CHUNK_BYTES):
                await self._take(lines.feed(chunk), source)
            await self._take(lines.finish(), source)

    async def _take(self, lines: list[bytes], source: str) -> None:
        if lines:
            await deliver(self._pipeline, lines, source)
