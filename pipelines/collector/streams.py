"""Connections of the tcp and Beats doors: read to the last byte, ended without a loss."""

from __future__ import annotations

import asyncio
import socket
import ssl
from asyncio import StreamReader, StreamReaderProtocol, StreamWriter
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Final, SupportsIndex

from mlmon.pipelines.collector.gate import Gate

_BUFFER_BYTES: Final = 1 << 17
"""Beyond twice this the connection is not read; it is held beside what the door itself counts."""
_BEGIN_S: Final = 0.02
"""What was accepted just before the door closed begins within this time, so that it is not forgotten."""
Handler = Callable[[StreamReader, StreamWriter], Awaitable[None]]
Stop = Callable[[], Awaitable[None]]


class _Reader(StreamReader):
    """Ends where the connection breaks, behind the bytes that came before.

    Asyncio's own throws those away when a peer resets the connection.
    """

    _is_over = False

    def set_exception(self, exc: BaseException) -> None:  # noqa: ARG002 - a break is an end
        self.end()

    def end(self) -> None:
        """Give what has come, then the end; what still comes is for nobody."""
        if not self._is_over:
            self._is_over = True
            self.feed_eof()

    def feed_data(self, data: Iterable[SupportsIndex]) -> None:
        if not self._is_over:
            super().feed_data(data)


async def serve(
    listening: socket.socket | None,
    handler: Handler,
    *,
    gate: Gate,
    tls: ssl.SSLContext | None,
    ends_idle: bool,
    grace_s: float,
) -> Stop:
    """Serve connections until the returned function is called.

    That lets each connection finish what it has received, and cuts those that take longer than `grace_s`.
    `ends_idle` as for `Connection`.
    """
    if listening is None:
        return nothing
    loop = asyncio.get_running_loop()
    open_now: dict[asyncio.Task[None], _Reader] = {}

    async def one(reader: StreamReader, writer: StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - asyncio runs handlers in tasks
        assert isinstance(reader, _Reader)  # noqa: S101 - as the factory below made it
        open_now[task] = reader
        try:
            await handler(reader, writer)
            writer.close()
            await writer.wait_closed()
        except asyncio.CancelledError:
            writer.transport.abort()
        except ConnectionError:
            pass
        finally:
            open_now.pop(task)

    def protocol() -> StreamReaderProtocol:
        return StreamReaderProtocol(_Reader(limit=_BUFFER_BYTES, loop=loop), one, loop=loop)

    close = gate.listen(listening, protocol, tls=tls, ends_idle=ends_idle)

    async def stop() -> None:
        await close()
        await _drain(open_now, grace_s)

    return stop


async def nothing() -> None:
    """Stop a door that was never open."""


async def _drain(open_now: dict[asyncio.Task[None], _Reader], grace_s: float) -> None:
    await asyncio.sleep(_BEGIN_S)
    for reader in open_now.values():
        reader.end()
    if open_now:
        await asyncio.wait(list(open_now), timeout=grace_s)
    for task in list(open_now):
        task.cancel()
    if open_now:
        with suppress(asyncio.CancelledError):
            await asyncio.wait(list(open_now))
