"""A collector in a process of its own, as a service would find one on its network."""

from __future__ import annotations

import asyncio
import multiprocessing
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

from mlmon.core.config import CollectorConfig
from mlmon.core.errors import MlmonError, WireError
from mlmon.pipelines.collector.server import running
from mlmon.pipelines.deadletter import FOLDER, Folder
from mlmon.pipelines.pipeline import Pipeline
from mlmon.stores.embedded import open_store


@contextmanager
def collector(store: str) -> Iterator[str]:
    """Run a collector that writes to a store's folder; gives the address of its http door.

    At the end of the block it has written all that it took, and freed the store.

    Raises:
        MlmonError: it could not start.

    """
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=_collect, args=(store, there), name="mlmon-collector", daemon=True
    )
    process.start()
    there.close()
    try:
        yield _address(here)
        here.send(None)
        here.recv()
    finally:
        here.close()
        process.join()


def _address(connection: Connection) -> str:
    try:
        told = connection.recv()
    except EOFError:
        raise WireError("The collector ended before it was ready. Run mlmon collect to see why.") from None
    if isinstance(told, MlmonError):
        raise told
    return str(told)


def _collect(store: str, connection: Connection) -> None:
    # Ctrl-C reaches the whole group; the demo tells this process to end when all is sent.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        events = open_store(store)
        pipeline = Pipeline(events, Folder(Path(store) / FOLDER))
        try:
            asyncio.run(_serve(pipeline, connection))
        finally:
            pipeline.close()
            events.close()
        connection.send(None)
    except MlmonError as error:
        connection.send(error)


async def _serve(pipeline: Pipeline, connection: Connection) -> None:
    config = CollectorConfig(http_port=0, tcp_port=None, beats_port=None)
    async with running(config, pipeline) as doors:
        connection.send(doors.http)
        try:
            await asyncio.get_running_loop().run_in_executor(None, connection.recv)
        except EOFError:
            return  # the demo is gone
