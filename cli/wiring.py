"""With its neighbours `wiring_*` the one place that knows every implementation, and which a setting names.

All else in this package sees the protocols of the core. Each import is made when it is needed, so that a
command pays for its own parts only.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from threading import Thread
from typing import Final
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from mlmon.cli import threads
from mlmon.core.config import Config, StoreConfig
from mlmon.core.errors import StoreUnreachableError, UsageError
from mlmon.core.exposition import Family
from mlmon.core.store import Reader, Store
from mlmon.core.window import Window, parse_duration

EVENTS: Final = "events"
RESULTS: Final = "results"


def folder(store: StoreConfig) -> Path:
    """The folder of a store: a path, or `file://` and a path; of a cluster, what stays on this machine.

    Raises:
        UsageError: the URL has a scheme that no store has.

    """
    from mlmon.stores.search.access import SCHEMES

    with suppress(ValueError):  # of a bracket that is not closed
        parts = urlsplit(store.url)
        if parts.scheme == "file":
            return Path(unquote(parts.path))
        if "://" not in store.url:
            return Path(store.url)
        if parts.scheme in SCHEMES:
            return Path(store.folder)
    raise UsageError(
        f"The store '{store.url}' names no store. Give a folder, such as --store mlmon-data, or a cluster, "
        "such as --store elasticsearch+https://host:9200."
    )


def is_cluster(config: Config) -> bool:
    """Whether the store of the settings is a cluster."""
    from mlmon.stores.search import access

    return access.is_cluster(config.store.url)


def location(config: Config) -> Path | str:
    """Where the store of the settings is, the same however it is written: a folder, or a cluster's address.

    Raises:
        UsageError: the URL has a scheme that no store has.

    """
    return config.store.url.rstrip("/") if is_cluster(config) else folder(config.store).resolve()


def _in_cluster(config: Config) -> Store:
    import os

    from mlmon.stores.search import access

    way_in = access.of(config.store, os.environ)
    if way_in.engine == "opensearch":
        from mlmon.stores import opensearch as engine
    else:
        from mlmon.stores import elasticsearch as engine  # type: ignore[no-redef] # the one or the other
    return engine.open_store(
        way_in, namespace=config.store.namespace, stream_per_model=config.store.stream_per_model
    )


@contextmanager
def reading(config: Config) -> Iterator[Reader]:
    """The store of the settings, to ask; closed at the end of the block.

    Raises:
        StoreUnreachableError: there is no store.
        StoreVersionError: a newer mlmon wrote it.

    """
    if is_cluster(config):
        reader: Reader = _in_cluster(config)
    else:
        from mlmon.stores.embedded import open_store

        reader = open_store(there(config), read_only=True)
    try:
        yield reader
    finally:
        reader.close()


@contextmanager
def writing(config: Config, *parts: str) -> Iterator[Store]:
    """The store of the settings, to write the parts named: `EVENTS`, `RESULTS`; made where there is none.

    A cluster takes any number of writers, and was made by `mlmon setup`.

    Raises:
        StoreLockedError: another process writes one of the parts.

    """
    if is_cluster(config):
        with closing(_in_cluster(config)) as cluster:
            folder(config.store).mkdir(parents=True, exist_ok=True)
            yield cluster
        return
    from mlmon.stores.embedded import Group, open_store

    store = open_store(
        folder(config.store),
        keep_events=parse_duration(config.store.keep_events),
        keep_evaluations=parse_duration(config.store.keep_evaluations),
        keep_results=parse_duration(config.store.keep_results),
    )
    try:
        store.lock(*map(Group, parts))
        yield store
    finally:
        store.close()


def demo(*, once: bool, port: int, store: str, report: str) -> None:
    """Run the demo: `mlmon.demo.show.run(once=..., port=..., store=..., report=...)`.

    Raises:
        MissingExtraError: the extra `demo` is not installed.

    """
    from mlmon.demo import show

    show.run(once=once, port=port, store=store, report=report)


def ship_demo(ship: str) -> None:
    """Serve the demo's year to a collector or Logstash that runs elsewhere.

    Raises:
        MissingExtraError: the extra `demo` is not installed.
        WireError: not all events were taken.

    """
    from mlmon.demo import show

    show.ship_to(ship)


class StoreState(Struct, frozen=True, kw_only=True):
    """How an embedded store is: who writes which part, what a crash tore, and what was refused by reason."""

    url: str
    version: int
    writers: dict[str, str]
    torn_bytes: int
    dead_letters: dict[str, int]


def store_state(config: Config) -> StoreState:
    """Look at a store from outside, without its locks.

    Raises:
        StoreUnreachableError: there is no store.
        StoreVersionError: a newer mlmon wrote it.

    """
    from mlmon.pipelines import deadletter
    from mlmon.stores.embedded import layout, tail

    root = there(config)
    layout.check(root)
    writers = {part: holder for part in (EVENTS, RESULTS) if (holder := _lock_holder(root, part))}
    torn = 0
    for path in (root / "tail").glob("*.ndjson"):
        if path.name.partition("-")[0] not in writers:  # what is being written may be ahead of its length
            torn += path.stat().st_size - tail.durable_length(path)
    torn += sum(path.stat().st_size for path in (root / "tail").glob("*.torn"))
    return StoreState(
        url=config.store.url,
        version=layout.VERSION,
        writers=writers,
        torn_bytes=torn,
        dead_letters=dict(deadletter.by_reason(root / deadletter.FOLDER)),
    )


def _lock_holder(root: Path, part: str) -> str | None:
    """Who holds a writer's lock, as the lock says; None where nobody does."""
    import fcntl

    try:
        with (root / "locks" / f"{part}.lock").open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return file.read(200).strip() or "another process"
    except FileNotFoundError:
        return None
    return None


def there(config: Config) -> Path:
    """The folder of an embedded store that there is.

    Raises:
        StoreUnreachableError: there is none.

    """
    path = folder(config.store)
    if not path.is_dir():
        url = config.store.url
        raise StoreUnreachableError(
            f"There is no store at '{url}'. Start one with: mlmon up --store {url}, "
            "or name another with --store."
        )
    return path


@contextmanager
def serving(reader: Reader, config: Config) -> Iterator[str]:
    """The page of a store, on a thread; gives its address.

    Raises:
        WireError: the port is not to be had.

    """
    import uvicorn

    from mlmon.cli import exposed, wiring_page
    from mlmon.web.app import app

    def metrics(now: datetime) -> Iterator[Family]:
        return exposed.families(reader, config, now)

    listening = threads.bound(config.page.host, config.page.port, "page.port")
    server = uvicorn.Server(
        uvicorn.Config(
            app(
                reader,
                metrics=metrics,
                events=config.events,
                alerts=wiring_page.Alerts(reader, config),
                check=wiring_page.check(config),
            ),
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=2,
        )
    )
    thread = Thread(target=server.run, kwargs={"sockets": [listening]}, name="mlmon-page", daemon=True)
    thread.start()
    try:
        yield threads.address(config.page.host, listening.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


def tidy(store: Store, now: datetime) -> None:
    """Let go what is older than the settings keep, and merge small files, of the parts this store writes.

    A cluster does it itself, by the lifecycle that was set up.
    """
    from mlmon.stores.embedded import EmbeddedStore

    if isinstance(store, EmbeddedStore):
        store.apply_retention(now)
        store.compact()


def report(reader: Reader, config: Config, *, model: str | None, window: Window | None) -> str:
    """The report as one HTML text."""
    from mlmon.web.report import render_report

    return render_report(reader, window, models=() if model is None else (model,), events=config.events)
