"""The door for Filebeat, Logstash's lumberjack output and whoever else speaks the Beats protocol."""

from __future__ import annotations

import asyncio
import logging
from asyncio import StreamReader, StreamWriter
from contextlib import suppress
from typing import Final

from mlmon.core.errors import WireError
from mlmon.pipelines.collector.deliver import deliver
from mlmon.pipelines.collector.frames import Parser, Record, Window, acknowledgement
from mlmon.pipelines.collector.peers import peer_of
from mlmon.pipelines.pipeline import Pipeline

_CHUNK_BYTES: Final = 1 << 20
_MOST_BYTES_OPEN: Final = 4 << 20
"""A window larger than this is written, and acknowledged, in parts."""
_MOST_RECORDS_OPEN: Final = 1 << 16
_ALIVE_S: Final = 3.0
_log: Final = logging.getLogger("mlmon.collector")


class Beats:
    """Serves connections; a record is acknowledged when it is durable, and not before."""

    def __init__(self, pipeline: Pipeline, *, max_event_bytes: int, max_batch_bytes: int) -> None:
        """A record over the first limit goes to the dead letters; one over the second ends the connection."""
        self._pipeline = pipeline
        self._max_event_bytes = max_event_bytes
        self._max_batch_bytes = max_batch_bytes

    async def __call__(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Serve one connection to its end; what was not acknowledged the sender sends again."""
        source = f"beats {peer_of(writer)}"
        parser = Parser(max_record_bytes=self._max_batch_bytes, max_batch_bytes=self._max_batch_bytes)
        try:
            await self._serve(parser, reader, writer, source)
        except WireError as error:
            _log.warning("%s is cut off: %s", source, error)

    async def _serve(self, parser: Parser, reader: StreamReader, writer: StreamWriter, source: str) -> None:
        batch: list[Record] = []
        expected = 0
        size = 0
        while chunk := await reader.read(_CHUNK_BYTES):
            for frame in parser.feed(chunk):
                if isinstance(frame, Window):
                    expected = frame.size
                    continue
                batch.append(frame)
                size += len(frame.payload)
                expected -= 1
                if expected <= 0 or size >= _MOST_BYTES_OPEN or len(batch) >= _MOST_RECORDS_OPEN:
                    await self._take(batch, parser.version, writer, source)
                    batch, size = [], 0

    async def _take(self, batch: list[Record], version: int, writer: StreamWriter, source: str) -> None:
        """Deliver a batch and acknowledge it, with a sign of life while that takes long."""
        lines = [record.payload[: self._max_event_bytes + 1] for record in batch]
        alive = asyncio.create_task(_stay_alive(writer, version))
        try:
            await deliver(self._pipeline, lines, source)
        finally:
            alive.cancel()
            with suppress(asyncio.CancelledError, ConnectionError):
                await alive
        writer.write(acknowledgement(batch[-1].sequence, version))
        await writer.drain()


async def _stay_alive(writer: StreamWriter, version: int) -> None:
    """Acknowledge nothing, every few seconds, so that the sender does not give up waiting."""
    while True:
        await asyncio.sleep(_ALIVE_S)
        writer.write(acknowledgement(0, version))
        await writer.drain()
