"""The one place where connections come in, whichever door they are for: counted, watched, and cut when slow.

A sender that goes quiet amid a message holds a place and memory for nothing. Whose turn it is, the sender's
or ours, only the door knows, so it says so; the gate looks at all of them once a second.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from asyncio import BaseProtocol, BaseTransport, Protocol, Transport
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from enum import Enum
from typing import Any, Final, cast

from msgspec import Struct

from mlmon.pipelines.collector.room import Room

MOST_CONNECTIONS: Final = 1000
SLOW_AFTER_S: Final = 30.0
IDLE_AFTER_S: Final = 300.0
MOST_BYTES_RECEIVING: Final = 128 << 20
_LEAST_BYTES: Final = 4096
"""Who sends less than this in the time of `slow_after` is as slow as who sends nothing."""
_HANDSHAKE_S: Final = 10.0
_GOODBYE_S: Final = 2.0
_LOOK_EVERY_S: Final = 1.0
_FULL_PAUSE_S: Final = 1.0
_UNPACKING: Final = 2
"""Messages unpacked at the same time: each may grow to `collector.max_batch_bytes`."""
_TOGETHER: Final = 64
"""Connections taken in one go, before those that are there get their turn."""
_log: Final = logging.getLogger("mlmon.collector")

Close = Callable[[], Awaitable[None]]
Key = tuple[str, int, int] | None


class Turn(Enum):
    """Whose turn it is on a connection."""

    IDLE = "nothing has begun"
    SENDERS = "a message has begun, and the sender owes the rest"
    HELD = "the sender owes the rest, and we do not read it for want of room"
    OURS = "we owe the answer"


class GateCounters(Struct, frozen=True, kw_only=True):
    """What happened to connections since the start, and how many are open now."""

    open: int
    turned_away: int
    cut_slow: int
    failed_handshakes: int
    bytes_receiving: int


class Connection(Protocol):
    """One connection: passes everything on to the protocol of its door, and keeps when something came."""

    def __init__(self, inner: Protocol, gate: Gate | None, *, ends_idle: bool) -> None:
        """`ends_idle` says that the sender notices an end, so that one idle for long may be closed."""
        self._inner = inner
        self._gate = gate
        self._ends_idle = ends_idle
        self._transport: Transport | None = None
        self._turn = Turn.IDLE
        self._since = 0.0
        self._bytes = 0
        self.key: Key = None

    def turn(self, turn: Turn) -> None:
        """Say whose turn it is from now on."""
        if self._transport is not None and turn is not self._turn:
            self._turn = turn
            self._since, self._bytes = _now(), 0

    def connection_made(self, transport: BaseTransport) -> None:
        """Begin to watch."""
        self._transport = cast("Transport", transport)
        self._since = _now()
        self.key = key_of(transport.get_extra_info("peername"), transport.get_extra_info("sockname"))
        if self._gate is not None:
            self._gate.enter(self)
        self._inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Note that something came; the first of a message makes it the sender's turn."""
        if self._turn is Turn.IDLE:
            self.turn(Turn.SENDERS)
        self._bytes += len(data)
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        """Pass on."""
        return self._inner.eof_received()

    def pause_writing(self) -> None:
        """Pass on."""
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """Pass on."""
        self._inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop watching."""
        if self._gate is not None:
            self._gate.leave(self)
        self._inner.connection_lost(exc)

    def look(self, now: float, *, slow_after_s: float, idle_after_s: float) -> bool:
        """End the connection where its sender has been quiet for too long; says whether it was cut."""
        assert self._transport is not None  # noqa: S101 - only those that began are looked at
        passed = now - self._since
        if self._turn is Turn.IDLE and self._ends_idle and passed >= idle_after_s:
            self._transport.close()
        if self._turn is not Turn.SENDERS or passed < slow_after_s:
            return False
        if self._bytes < _LEAST_BYTES:
            self._transport.abort()
            return True
        self._since, self._bytes = now, 0
        return False


class Gate:
    """Takes connections for all doors. For one event loop."""

    def __init__(
        self,
        *,
        most_connections: int = MOST_CONNECTIONS,
        slow_after_s: float = SLOW_AFTER_S,
        idle_after_s: float = IDLE_AFTER_S,
        most_bytes_receiving: int = MOST_BYTES_RECEIVING,
    ) -> None:
        """Take so many connections at all doors together; what they send shares the room."""
        self._most = most_connections
        self._slow_after_s = slow_after_s
        self._idle_after_s = idle_after_s
        self._open: dict[Key, Connection] = {}
        self._arriving: set[Connection] = set()  # those taken that are not open yet, each counted once
        self._beginning: set[asyncio.Task[None]] = set()
        self._turned_away = 0
        self._cut_slow = 0
        self._failed_handshakes = 0
        self.room: Final = Room(most_bytes_receiving)
        self.unpacking: Final = asyncio.Semaphore(_UNPACKING)

    def counters(self) -> GateCounters:
        """What was done so far."""
        return GateCounters(
            open=len(self._open),
            turned_away=self._turned_away,
            cut_slow=self._cut_slow,
            failed_handshakes=self._failed_handshakes,
            bytes_receiving=self.room.used,
        )

    def of(self, key: Key) -> Connection:
        """The connection of a key; one that nobody watches where there is none."""
        return self._open.get(key) or Connection(Protocol(), None, ends_idle=False)

    def enter(self, connection: Connection) -> None:
        """Watch a connection."""
        self._arriving.discard(connection)
        self._open[connection.key] = connection

    def leave(self, connection: Connection) -> None:
        """Watch it no longer."""
        if self._open.get(connection.key) is connection:
            del self._open[connection.key]

    def listen(
        self,
        listening: socket.socket,
        make: Callable[[], BaseProtocol],
        *,
        tls: ssl.SSLContext | None,
        farewell: bytes = b"",
        ends_idle: bool = True,
    ) -> Close:
        """Take the connections of one door until the returned function is called.

        One too many hears the farewell, where it is in plain text, and is closed.
        """
        loop = asyncio.get_running_loop()
        listening.settimeout(0)

        def take() -> None:
            for _ in range(_TOGETHER):
                try:
                    taken, _ = listening.accept()
                except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                    return
                except OSError as error:
                    _log.warning("No connection can be taken: %s. Trying again in a second.", error.strerror)
                    loop.remove_reader(listening)
                    loop.call_later(_FULL_PAUSE_S, watch)
                    return
                taken.settimeout(0)
                if len(self._open) + len(self._arriving) >= self._most:
                    self._turn_away(taken, farewell if tls is None else b"")
                else:
                    self._begin(taken, make, tls, ends_idle=ends_idle)

        def watch() -> None:
            if listening.fileno() >= 0:
                loop.add_reader(listening, take)

        async def close() -> None:
            take()  # who had connected before the end is served
            loop.remove_reader(listening)
            listening.close()
            if self._beginning:
                await asyncio.wait(list(self._beginning), timeout=_HANDSHAKE_S)

        watch()
        return close

    def _turn_away(self, taken: socket.socket, farewell: bytes) -> None:
        self._turned_away += 1
        with suppress(OSError):
            taken.send(farewell)
        taken.close()

    def _begin(
        self,
        taken: socket.socket,
        make: Callable[[], BaseProtocol],
        tls: ssl.SSLContext | None,
        *,
        ends_idle: bool,
    ) -> None:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)  # a host that died is noticed

        connection = Connection(cast("Protocol", make()), self, ends_idle=ends_idle)
        self._arriving.add(connection)

        async def begin() -> None:
            loop = asyncio.get_running_loop()
            try:
                await loop.connect_accepted_socket(
                    lambda: connection,
                    taken,
                    ssl=tls,
                    ssl_handshake_timeout=_HANDSHAKE_S if tls else None,
                    ssl_shutdown_timeout=_GOODBYE_S if tls else None,
                )
            except OSError:  # of which TLS's own errors are a kind; the sender sees its side of it
                self._failed_handshakes += 1
                taken.close()
            finally:
                self._arriving.discard(connection)

        task = asyncio.ensure_future(begin())
        self._beginning.add(task)
        task.add_done_callback(self._beginning.discard)

    async def watch(self) -> None:
        """Cut who is slow, until cancelled."""
        while True:
            await asyncio.sleep(min(_LOOK_EVERY_S, self._slow_after_s / 4))
            now = _now()
            for each in list(self._open.values()):
                if each.look(now, slow_after_s=self._slow_after_s, idle_after_s=self._idle_after_s):
                    self._cut_slow += 1
                    _log.info("%s is cut off: it stopped amid a message.", each.key)


def _now() -> float:
    return asyncio.get_running_loop().time()


def key_of(peer: Sequence[Any] | None, own: Sequence[Any] | None) -> Key:
    """What tells one connection from the others: the port of its peer alone may be in use at two doors.

    >>> key_of(("192.0.2.7", 40001), ("127.0.0.1", 5959))
    ('192.0.2.7', 40001, 5959)
    """
    return (peer[0], peer[1], own[1]) if peer and own else None
