"""What comes in on one connection of the tcp or Beats door: read when there is room, counted while here."""

from __future__ import annotations

import asyncio
from asyncio import StreamReader, StreamWriter
from typing import Final

from mlmon.pipelines.collector.frames import Packed, Parser
from mlmon.pipelines.collector.gate import Gate, Turn, key_of

_CHUNK_BYTES: Final = 1 << 20


class Inlet:
    """The reading side of one connection, and whose turn it is there."""

    def __init__(self, reader: StreamReader, writer: StreamWriter, gate: Gate) -> None:
        """Nothing has come yet."""
        self._reader = reader
        self._gate = gate
        self._connection = gate.of(
            key_of(writer.get_extra_info("peername"), writer.get_extra_info("sockname"))
        )
        self._share = gate.room.share()

    async def read(self, *, kept: int, timeout_s: float | None = None) -> bytes | None:
        """Give the next bytes; none at the end; None where nothing came in time.

        `kept` are the bytes of an unfinished message that the caller still has.
        """
        self._share.hold(kept)
        await self._until_free()
        self._connection.turn(Turn.SENDERS if kept else Turn.IDLE)
        try:
            async with asyncio.timeout(timeout_s):
                chunk = await self._reader.read(_CHUNK_BYTES)
        except TimeoutError:
            return None
        self._share.hold(kept + len(chunk))
        return chunk

    async def unpacked(self, parser: Parser, packed: Packed, *, kept: int) -> bytes:
        """What a compressed frame holds, unpacked beside the event loop. `kept` as for `read`.

        Raises:
            WireError: it is broken, or too large unpacked.

        """
        async with self._gate.unpacking:
            await self._until_free()
            plain = await asyncio.to_thread(parser.unpack, packed)
            self._share.hold(kept + len(plain))
        return plain

    def serve(self) -> None:
        """Say that it is our turn: what came is being written."""
        self._connection.turn(Turn.OURS)

    def answer(self) -> None:
        """Say that it is the sender's turn: it has an answer to read."""
        self._connection.turn(Turn.SENDERS)

    def close(self) -> None:
        """Give back what was counted."""
        self._share.free()

    async def _until_free(self) -> None:
        if self._gate.room.is_full:
            self._connection.turn(Turn.HELD)
            await self._share.until_free()
