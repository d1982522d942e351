"""Servers on threads of their own: sockets they listen on, and event loops they live in."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, contextmanager
from threading import Thread
from typing import TypeVar

from mlmon.core.errors import WireError

_T = TypeVar("_T")


@contextmanager
def on_a_loop(opened: Callable[[], AbstractAsyncContextManager[_T]]) -> Iterator[_T]:
    """Hold an asynchronous context open on an event loop in a thread, and give what it gives."""
    ready: Future[_T] = Future()
    loop = asyncio.new_event_loop()
    closing = asyncio.Event()

    async def hold() -> None:
        try:
            async with opened() as given:
                ready.set_result(given)
                await closing.wait()
        except BaseException as error:
            if ready.done():
                raise
            ready.set_exception(error)

    def run() -> None:
        try:
            loop.run_until_complete(hold())
        finally:
            loop.close()

    thread = Thread(target=run, name="mlmon-doors", daemon=True)
    thread.start()
    try:
        given = ready.result()
    except BaseException:
        thread.join()
        raise
    try:
        yield given
    finally:
        loop.call_soon_threadsafe(closing.set)
        thread.join()


def address(host: str, port: int, scheme: str = "http") -> str:
    """A URL."""
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def bound(host: str, port: int, key: str) -> socket.socket:
    """A socket that listens on a port; `key` is the setting to change where that fails.

    Raises:
        WireError: the port is not to be had.

    """
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise WireError(
            f"{host}:{port} cannot be listened on: {error.strerror}. "
            f"Stop what uses it, or set {key} to another port (0 takes a free one)."
        ) from None
