"""The door for Filebeat, Logstash's lumberjack output and whoever else speaks the Beats protocol."""

from __future__ import annotations

import asyncio
import logging
import time
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

from mlmon.core.errors import WireError
from mlmon.pipelines.collector.deliver import deliver
from mlmon.pipelines.collector.frames import Packed, Parser, Record, Window, acknowledgement
from mlmon.pipelines.collector.gate import Gate
from mlmon.pipelines.collector.inlet import Inlet
from mlmon.pipelines.collector.peers import peer_of
from mlmon.pipelines.pipeline import Pipeline

_MOST_BYTES_OPEN: Final = 4 << 20
"""A window larger than this is written, and acknowledged, in parts."""
_MOST_RECORDS_OPEN: Final = 1 << 16
_PART_AFTER_S: Final = 0.5
"""A sender that pauses within its window is told after this time what of it is durable."""
_ALIVE_S: Final = 3.0
_log: Final = logging.getLogger("mlmon.collector")


class Beats:
    """Serves connections; a record is acknowledged when it is durable, and not before."""

    def __init__(
        self, pipeline: Pipeline, *, max_event_bytes: int, max_batch_bytes: int, gate: Gate | None = None
    ) -> None:
        """A record over the first limit goes to the dead letters; one over the second ends the connection."""
        self._pipeline = pipeline
        self._max_event_bytes = max_event_bytes
        self._max_batch_bytes = max_batch_bytes
        self._gate = gate or Gate()

    async def __call__(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Serve one connection to its end; what was not acknowledged the sender sends again."""
        source = f"beats {peer_of(writer)}"
        inlet = Inlet(reader, writer, self._gate)
        try:
            await self._serve(inlet, writer, source)
        except WireError as error:
            _log.warning("%s is cut off: %s", source, error)
        finally:
            inlet.close()

    async def _serve(self, inlet: Inlet, writer: StreamWriter, source: str) -> None:
        parser = Parser(max_record_bytes=self._max_batch_bytes, max_batch_bytes=self._max_batch_bytes)
        opened = _Opened()
        while True:
            chunk = await inlet.read(kept=parser.buffered + opened.size, timeout_s=opened.left_s())
            if chunk == b"":
                return
            async for frame in _frames(parser, chunk or b"", inlet, opened):
                if opened.takes(frame):
                    await self._take(opened.taken(), parser.version, inlet, writer, source)
            if opened.left_s() == 0.0:
                await self._take(opened.taken(), parser.version, inlet, writer, source)

    async def _take(
        self, batch: list[Record], version: int, inlet: Inlet, writer: StreamWriter, source: str
    ) -> None:
        """Deliver a batch and acknowledge it, with a sign of life while that takes long."""
        inlet.serve()
        lines = [record.payload[: self._max_event_bytes + 1] for record in batch]
        alive = asyncio.create_task(_stay_alive(writer, version))
        try:
            await deliver(self._pipeline, lines, source)
        finally:
            alive.cancel()
            with suppress(asyncio.CancelledError, ConnectionError):
                await alive
        writer.write(acknowledgement(batch[-1].sequence, version))
        inlet.answer()
        await writer.drain()


class _Opened:
    """The records of a window that are not written yet."""

    def __init__(self) -> None:
        self._records: list[Record] = []
        self._expected = 0
        self._since = 0.0
        self.size = 0

    def takes(self, frame: Window | Record) -> bool:
        """Keep a record; says whether those kept must be written now.

        Records beyond what was announced are written one by one, so that they are never many.
        """
        if isinstance(frame, Window):
            self._expected = frame.size
            return False
        if not self._records:
            self._since = time.monotonic()
        self._records.append(frame)
        self.size += len(frame.payload)
        self._expected -= 1
        return (
            self._expected <= 0 or self.size >= _MOST_BYTES_OPEN or len(self._records) >= _MOST_RECORDS_OPEN
        )

    def taken(self) -> list[Record]:
        """Give the records away."""
        taken, self._records, self.size = self._records, [], 0
        return taken

    def left_s(self) -> float | None:
        """How long the first record may still wait for the others; None where there is none."""
        if not self._records:
            return None
        return max(0.0, self._since + _PART_AFTER_S - time.monotonic())


async def _frames(
    parser: Parser, chunk: bytes, inlet: Inlet, opened: _Opened
) -> AsyncIterator[Window | Record]:
    """The frames of a chunk, with those of compressed ones in their place."""
    for frame in parser.feed(chunk):
        if isinstance(frame, Packed):
            plain = await inlet.unpacked(parser, frame, kept=parser.buffered + opened.size)
            for inner in parser.frames_in(plain):
                yield inner
        else:
            yield frame


async def _stay_alive(writer: StreamWriter, version: int) -> None:
    """Acknowledge nothing, every few seconds, so that the sender does not give up waiting."""
    while True:
        await asyncio.sleep(_ALIVE_S)
        writer.write(acknowledgement(0, version))
        await writer.drain()
