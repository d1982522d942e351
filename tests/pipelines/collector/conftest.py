"""A collector in a thread of its own, with its doors on free ports."""

import asyncio
import contextlib
import fcntl
import socket
import struct
import termios
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import pytest

from mlmon.core.config import CollectorConfig
from mlmon.pipelines.collector.server import Doors, running
from mlmon.pipelines.health import Watch
from mlmon.pipelines.pipeline import Pipeline

ANY_PORTS = CollectorConfig(http_port=0, tcp_port=0, beats_port=0)
TIMEOUT_S = 60


class Open(msgspec.Struct, kw_only=True):
    """The doors of a running collector, and how to close them."""

    doors: Doors
    stop: Callable[[], None]

    def address(self, door: str) -> tuple[str, int]:
        """Give host and port of a door."""
        url = urlsplit(getattr(self.doors, door))
        assert url.hostname
        assert url.port
        return url.hostname, url.port

    def connect(self, door: str) -> socket.socket:
        """Connect to a door."""
        return socket.create_connection(self.address(door), timeout=TIMEOUT_S)


@contextlib.contextmanager
def _opened(
    pipeline: Pipeline, config: CollectorConfig, watch: Watch | None, keys: Path | None
) -> Iterator[Open]:
    loop = asyncio.new_event_loop()
    is_open, stopping = threading.Event(), asyncio.Event()
    found: list[Doors] = []
    failed: list[BaseException] = []

    async def serve() -> None:
        async with running(config, pipeline, watch=watch, keys=keys) as doors:
            found.append(doors)
            is_open.set()
            await stopping.wait()

    def run() -> None:
        try:
            loop.run_until_complete(serve())
        except BaseException as error:  # noqa: BLE001 - told to the test below
            failed.append(error)
        finally:
            is_open.set()
            loop.close()

    thread = threading.Thread(target=run)

    def stop() -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed already
            loop.call_soon_threadsafe(stopping.set)
        thread.join(TIMEOUT_S * 2)
        assert not thread.is_alive()

    thread.start()
    assert is_open.wait(TIMEOUT_S)
    try:
        if failed:
            raise failed[0]
        yield Open(doors=found[0], stop=stop)
    finally:
        stop()
    assert not failed, failed


@pytest.fixture
def opened() -> Callable[..., AbstractContextManager[Open]]:
    """Give a function of a pipeline and a configuration, which opens a collector while entered."""

    def open_one(
        pipeline: Pipeline,
        config: CollectorConfig = ANY_PORTS,
        *,
        watch: Watch | None = None,
        keys: Path | None = None,
    ) -> AbstractContextManager[Open]:
        return _opened(pipeline, config, watch, keys)

    return open_one


@pytest.fixture
def collector(pipeline, opened) -> Iterator[Open]:
    """Give a collector with its three doors open, into the embedded store."""
    with opened(pipeline) as found:
        yield found


@pytest.fixture
def reset(until) -> Callable[[socket.socket], None]:
    """Give a function of a connection, which resets it once all that was sent was received."""

    def close(sender: socket.socket) -> None:
        # What this side has not sent yet would be thrown away with the reset.
        until(lambda: fcntl.ioctl(sender, termios.TIOCOUTQ, bytes(4)) == bytes(4))
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sender.close()

    return close


@pytest.fixture
def until() -> Callable[..., None]:
    """Give a function of a condition, which polls it until it is true and fails at a deadline."""

    def poll(condition: Callable[[], object], timeout_s: float = TIMEOUT_S) -> None:
        deadline = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline, "it did not come true in time"
            time.sleep(0.01)

    return poll
