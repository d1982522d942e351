"""Opens the doors, and closes them so that nothing that was taken is lost."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import uvicorn
from msgspec import Struct
from starlette.types import ASGIApp

from mlmon.core.config import CollectorConfig
from mlmon.core.errors import ConfigError, WireError
from mlmon.core.window import parse_duration
from mlmon.pipelines.collector import http
from mlmon.pipelines.collector.access import Access
from mlmon.pipelines.collector.beats import Beats
from mlmon.pipelines.collector.gate import IDLE_AFTER_S, Gate
from mlmon.pipelines.collector.guard import guard
from mlmon.pipelines.collector.streams import Stop, nothing, serve
from mlmon.pipelines.collector.tcp import Tcp
from mlmon.pipelines.health import Seen, Watch
from mlmon.pipelines.keys import Keyring
from mlmon.pipelines.pipeline import Pipeline

GRACE_S: Final = 10
_BACKLOG: Final = 512
_FULL: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
)
"""What a connection beyond `collector.max_connections` hears."""


class Doors(Struct, frozen=True, kw_only=True):
    """The addresses that are listened on, as URLs for the SDK; None where a door is closed."""

    http: str | None
    tcp: str | None
    beats: str | None


@asynccontextmanager
async def running(
    config: CollectorConfig, pipeline: Pipeline, *, keys: Path | None = None, watch: Watch | None = None
) -> AsyncIterator[Doors]:
    """Open the doors; at the end stop listening, answer what was taken, and cut who lingers.

    `keys` is the file of the keys, `watch` what `/metrics` is read off. The pipeline stays open; its owner
    closes it afterwards.

    Raises:
        ConfigError: a door would be open that should be locked.
        WireError: a port is in use or not allowed.

    """
    rules = guard(config)
    gate = Gate(
        most_connections=config.max_connections,
        slow_after_s=parse_duration(config.slow_after).total_seconds(),
    )
    access = Access(_keyring(keys) if rules.needs_key else None)
    if watch is not None:
        watch.doors = lambda: _seen(gate, access)
    application = http.app(
        pipeline, max_batch_bytes=config.max_batch_bytes, gate=gate, access=access, watch=watch
    )
    tcp = Tcp(pipeline, max_event_bytes=config.max_event_bytes, gate=gate)
    beats = Beats(
        pipeline, max_event_bytes=config.max_event_bytes, max_batch_bytes=config.max_batch_bytes, gate=gate
    )
    sockets: dict[str, socket.socket | None] = {}
    stops: list[Stop] = []
    watching = asyncio.create_task(gate.watch())
    try:
        # All ports are taken before any door opens, so that half a collector never runs.
        for name in ("http_port", "tcp_port", "beats_port"):
            sockets[name] = _bind(config.host, getattr(config, name), name)
        doors = Doors(
            http=_url("http" if rules.http is None else "https", sockets["http_port"]),
            tcp=_url(f"tcp{'' if rules.streams is None else '+tls'}", sockets["tcp_port"]),
            beats=_url(f"beats{'' if rules.streams is None else '+tls'}", sockets["beats_port"]),
        )
        stops += [
            await _http(sockets["http_port"], application, gate, rules.http),
            # A sender by tcp cannot notice an end before it has lost what it sent into it.
            await serve(
                sockets["tcp_port"], tcp, gate=gate, tls=rules.streams, ends_idle=False, grace_s=GRACE_S
            ),
            await serve(
                sockets["beats_port"], beats, gate=gate, tls=rules.streams, ends_idle=True, grace_s=GRACE_S
            ),
        ]
        yield doors
    finally:
        await asyncio.gather(*(stop() for stop in stops))
        watching.cancel()
        for each in sockets.values():
            if each is not None:
                each.close()


def _seen(gate: Gate, access: Access) -> Seen:
    """What the doors did so far, as reports have it."""
    counters = gate.counters()
    refused = {
        "too_many_connections": counters.turned_away,
        "slow": counters.cut_slow,
        "handshake": counters.failed_handshakes,
        **{f"key_{reason}": number for reason, number in access.refused.items()},
    }
    return Seen(connections=counters.open, refused=refused)


def _keyring(keys: Path | None) -> Keyring:
    if keys is None:
        raise ConfigError(
            "Keys are required (collector.require_keys), and there is no place where they are kept. "
            "Give the collector a store's folder."
        )
    return Keyring(keys)


def _bind(host: str, port: int | None, setting: str) -> socket.socket | None:
    if port is None:
        return None
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except (OSError, OverflowError) as error:
        raise WireError(_why(error, host, port, setting)) from None
    # Connections inherit this. Without it an answer in two parts waits 40 ms for the sender's delayed ACK.
    # asyncio sets it on sockets that name their protocol only, which this one does not.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def _why(error: Exception, host: str, port: int, setting: str) -> str:
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} of {host} is in use, perhaps by another collector. "
            "Stop that one (ss -ltnp shows which), "
            f"or choose another port with collector.{setting}; 0 takes a free one."
        )
    return f"Cannot listen on {host}:{port}: {error}. Check collector.host and collector.{setting}."


def _url(scheme: str, listening: socket.socket | None) -> str | None:
    if listening is None:
        return None
    host, port = listening.getsockname()[:2]
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


async def _http(
    listening: socket.socket | None, application: ASGIApp, gate: Gate, tls: ssl.SSLContext | None
) -> Stop:
    """Serve http. Uvicorn speaks the protocol; the gate takes the connections."""
    if listening is None:
        return nothing
    config = uvicorn.Config(
        application,
        ws="none",
        log_config=None,
        access_log=False,
        log_level="error",  # each stranger that speaks no HTTP would be a line
        lifespan="off",
        proxy_headers=False,  # a sender must not choose the address it is known by
        timeout_keep_alive=int(IDLE_AFTER_S),
        timeout_graceful_shutdown=GRACE_S,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[]))
    while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn offers nothing to wait for
        await asyncio.sleep(0.005)

    def protocol() -> asyncio.Protocol:
        made = config.http_protocol_class(config=config, server_state=server.server_state, app_state={})  # type: ignore[call-arg]  # as uvicorn makes it
        assert isinstance(made, asyncio.Protocol)  # noqa: S101 - each of uvicorn's is
        return made

    close = gate.listen(listening, protocol, tls=tls, farewell=_FULL)

    async def stop() -> None:
        await close()
        server.should_exit = True
        await serving

    return stop


class _Server(uvicorn.Server):
    """Uvicorn's, without its own handling of signals: the command that runs it decides when to stop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield
