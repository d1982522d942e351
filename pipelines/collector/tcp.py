"""The door for Logstash's json_lines: one JSON object a line over tcp.

Nothing is acknowledged on this wire.
"""

from __future__ import annotations

from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

from mlmon.core.errors import WireError
from mlmon.pipelines.collector.deliver import deliver
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
        with suppress(ConnectionError, WireError):
            async for lines in self._lines(reader):
                await deliver(self._pipeline, lines, source)
        writer.close()

    async def _lines(self, reader: StreamReader) -> AsyncIterator[list[bytes]]:
        """Whole lines as they come; what stands after the last line end counts when the sender is done."""
        rest = b""
        while chunk := await reader.read(_CHUNK_BYTES):
            *lines, rest = (rest + chunk).split(b"\n")
            # A line longer than the limit is already lost to the limit: its end need not be kept.
            rest = rest[: self._max_event_bytes + 1]
            if found := [line for line in lines if line.strip()]:
                yield found
        if rest.strip():
            yield [rest]
