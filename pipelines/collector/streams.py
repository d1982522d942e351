"""Connections of the tcp and Beats doors: read to the last byte, ended without a loss."""

from __future__ import annotations

import asyncio
import socket
from asyncio import StreamReader, StreamReaderProtocol, StreamWriter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Final, SupportsIndex

_BUFFER_BYTES: Final = 1 << 20
Handler = Callable[[StreamReader, StreamWriter], Awaitable[None]]


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


@asynccontextmanager
async def serving(
    listening: socket.socket | None, handler: Handler, *, grace_s: float
) -> AsyncIterator[None]:
    """Serve connections; at the end let each finish what it has received, and cut the slow."""
    if listening is None:
        yield
        return
    loop = asyncio.get_running_loop()
    open_now: dict[asyncio.Task[None], _Reader] = {}

    async def serve(reader: StreamReader, writer: StreamWriter) -> None:
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
        return StreamReaderProtocol(_Reader(limit=_BUFFER_BYTES, loop=loop), serve, loop=loop)

    server = await loop.create_server(protocol, sock=listening)
    try:
        yield
    finally:
        server.close()
        await _drain(open_now, grace_s)


async def _drain(open_now: dict[asyncio.Task[None], _Reader], grace_s: float) -> None:
    for reader in open_now.values():
        reader.end()
    if open_now:
        await asyncio.wait(list(open_now), timeout=grace_s)
    for task in list(open_now):
        task.cancel()
    if open_now:
        with suppress(asyncio.CancelledError):
            await asyncio.wait(list(open_now))
