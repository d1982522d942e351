"""Opens the doors, and closes them so that nothing that was taken is lost."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Final

import uvicorn
from msgspec import Struct

from mlmon.core.config import CollectorConfig
from mlmon.core.errors import WireError
from mlmon.pipelines.collector import http
from mlmon.pipelines.collector.beats import Beats
from mlmon.pipelines.collector.streams import Stop, nothing, serve
from mlmon.pipelines.collector.tcp import Tcp
from mlmon.pipelines.pipeline import Pipeline

GRACE_S: Final = 10
_BACKLOG: Final = 512


class Doors(Struct, frozen=True, kw_only=True):
    """The addresses that are listened on, as URLs for the SDK; None where a door is closed."""

    http: str | None
    tcp: str | None
    beats: str | None


@asynccontextmanager
async def running(config: CollectorConfig, pipeline: Pipeline) -> AsyncIterator[Doors]:
    """Open the doors; at the end stop listening, answer what was taken, and cut who lingers.

    The pipeline stays open; its owner closes it afterwards.

    Raises:
        WireError: a port is in use or not allowed.

    """
    beats = Beats(pipeline, max_event_bytes=config.max_event_bytes, max_batch_bytes=config.max_batch_bytes)
    tcp = Tcp(pipeline, max_event_bytes=config.max_event_bytes)
    sockets: dict[str, socket.socket | None] = {}
    stops: list[Stop] = []
    try:
        # All ports are taken before any door opens, so that half a collector never runs.
        for name in ("http_port", "tcp_port", "beats_port"):
            sockets[name] = _bind(config.host, getattr(config, name), name)
        stops += [
            await _http(sockets["http_port"], pipeline, config),
            await serve(sockets["tcp_port"], tcp, grace_s=GRACE_S),
            await serve(sockets["beats_port"], beats, grace_s=GRACE_S),
        ]
        yield Doors(
            http=_url("http", sockets["http_port"]),
            tcp=_url("tcp", sockets["tcp_port"]),
            beats=_url("beats", sockets["beats_port"]),
        )
    finally:
        await asyncio.gather(*(stop() for stop in stops))
        for each in sockets.values():
            if each is not None:
                each.close()


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


async def _http(listening: socket.socket | None, pipeline: Pipeline, config: CollectorConfig) -> Stop:
    if listening is None:
        return nothing
    server = _Server(
        uvicorn.Config(
            http.app(pipeline, max_batch_bytes=config.max_batch_bytes),
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=GRACE_S,
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn offers nothing to wait for
        await asyncio.sleep(0.005)

    async def stop() -> None:
        server.should_exit = True
        await serving

    return stop


class _Server(uvicorn.Server):
    """Uvicorn's, without its own handling of signals: the command that runs it decides when to stop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield
