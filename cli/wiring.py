"""The one place that knows every implementation, and which of them a setting names.

All else in this package sees the protocols of the core. Each import is made when it is needed, so that a
command pays for its own parts only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from mlmon.cli import ship, threads
from mlmon.core.clock import to_ns
from mlmon.core.config import Config, StoreConfig
from mlmon.core.errors import (
    InvalidEventError,
    StoreError,
    StoreLockedError,
    StoreUnreachableError,
    UsageError,
)
from mlmon.core.event import Event as Sent
from mlmon.core.exposition import Family
from mlmon.core.result import Metric
from mlmon.core.sequences import Runs
from mlmon.core.store import Reader, Store, Written
from mlmon.core.window import Window, parse_duration

if TYPE_CHECKING:
    from mlmon.analyzers.account import Account as Account  # noqa: PLC0414 - for commands to name
    from mlmon.analyzers.account import Named as Named  # noqa: PLC0414 - for commands to name
    from mlmon.analyzers.delivery import Now as Accounting
    from mlmon.analyzers.health import Reporter as JobReporter
    from mlmon.analyzers.jobs import Pass as Pass  # noqa: PLC0414 - for commands to name
    from mlmon.analyzers.ledger import Letters as NumberedLetters
    from mlmon.analyzers.models import Model as Model  # noqa: PLC0414 - for commands to name
    from mlmon.analyzers.partition import Partition
    from mlmon.analyzers.pending import Tally
    from mlmon.analyzers.reference import Reference
    from mlmon.cli.training import Table
    from mlmon.pipelines.collector.server import Doors
    from mlmon.pipelines.keys import Key
    from mlmon.pipelines.letters import Letters as Letters  # noqa: PLC0414 - for commands to name
    from mlmon.pipelines.pipeline import Counters, Sink
    from mlmon.pipelines.tail.tail import Tail as Tail  # noqa: PLC0414 - for commands to name
    from mlmon.pipelines.validate import Validator

EVENTS: Final = "events"
RESULTS: Final = "results"


def folder(store: StoreConfig) -> Path:
    """The folder of a store: a path, or `file://` and a path; of a cluster, what stays on this machine.

    Raises:
        UsageError: the URL has a scheme that no store has.

    """
    from mlmon.stores.search.access import SCHEMES

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

        reader = open_store(_there(config), read_only=True)
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
        folder(config.store).mkdir(parents=True, exist_ok=True)
        with closing(_in_cluster(config)) as cluster:
            yield cluster
        return
    from mlmon.stores.embedded import Group, open_store

    store = open_store(
        folder(config.store),
        keep_events=parse_duration(config.store.keep_events),
        keep_results=parse_duration(config.store.keep_results),
    )
    try:
        store.lock(*map(Group, parts))
        yield store
    finally:
        store.close()


def models(reader: Reader, config: Config) -> list[Model]:
    """Every model that served an inference, by name."""
    from mlmon.analyzers import models as known

    return known.models(reader, config)


def metrics(  # noqa: PLR0913 - as what it calls
    reader: Reader,
    model: Model,
    span: Window,
    *,
    size: str,
    by: tuple[str, ...],
    version: str,
    now: datetime,
    config: Config,
    analyzers: tuple[str, ...] = (),
) -> Iterator[Metric]:
    """The metrics of a model, computed now."""
    from mlmon.analyzers import live

    return live.metrics(
        reader, model, span, size=size, by=by, version=version, now=now, config=config, analyzers=analyzers
    )


def outcome_tally(reader: Reader) -> Tally:
    """What all outcomes so far came to."""
    from mlmon.analyzers import pending

    return pending.status(reader)


def references(reader: Reader, model: str) -> dict[str, Reference]:
    """Every reference of a model, by version."""
    from mlmon.analyzers import reference

    return reference.load_all(reader, model)


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


def save_reference(store: Store, made: Reference) -> None:
    """Store a reference."""
    from mlmon.analyzers import reference

    reference.save(store, made)


def reference_from_window(
    reader: Reader, model: Model, window: Window, *, now: datetime, version: str
) -> Reference:
    """The reference of what a model served in a past time."""
    from mlmon.analyzers.profile_window import from_window

    return from_window(reader, model, window, now=now, version=version)


def reference_from_table(
    table: Table, *, model: str, version: str, source: str, positive_label: str | None, now: datetime
) -> Reference:
    """The reference of a training table."""
    from msgspec.structs import replace

    from mlmon.analyzers.profile_columns import Columns, from_columns

    columns = replace(Columns(features=table.features, segments=table.segments), **table.roles)
    return from_columns(
        columns, model=model, version=version, source=source, positive_label=positive_label, now=now
    )


def analyze_once(
    store: Store,
    config: Config,
    *,
    progress: Callable[[str, int, int], None],
    again: Window | None,
    partition: Partition | None = None,
) -> Pass:
    """One pass of the jobs, reported."""
    from mlmon.analyzers import jobs

    reporter = job_reporter()
    try:
        done = jobs.run_once(
            store,
            config,
            progress=progress,
            again=again,
            letters=lambda: _numbered_letters(config),
            partition=partition,
        )
    except StoreError as error:
        reporter.failed(store, error)
        raise
    reporter.passed(store, done, is_last=True)
    return done


def analyze_forever(
    store: Store,
    config: Config,
    every: timedelta,
    stop: Event,
    reporter: JobReporter,
    *,
    partition: Partition | None = None,
) -> Iterator[Pass]:
    """A pass every so often, each yielded and reported, until `stop` is set."""
    from mlmon.analyzers import health, jobs

    passes = jobs.run_forever(
        store,
        config,
        every=every,
        stop=stop,
        letters=lambda: _numbered_letters(config),
        partition=partition,
    )
    return health.reported(passes, store, reporter)


def partition(text: str | None) -> Partition | None:
    """A part of the models as it is written, `2/8`; None means all.

    Raises:
        UsageError: it is no part.

    """
    from mlmon.analyzers.partition import parse

    return None if text is None else parse(text)


def job_reporter() -> JobReporter:
    """What reports the passes of this process; its counts begin with it."""
    from mlmon.analyzers import health

    return health.Reporter()


def lags_s(reader: Reader, now: datetime) -> dict[str, float]:
    """For how long the oldest inference of a model that is not analysed yet has been stored, in seconds."""
    from mlmon.analyzers import health

    return health.lags_s(reader, now)


def accounting(reader: Reader, config: Config, now: datetime) -> Accounting:
    """Where the events of every producer are, as of this moment, whether or when the jobs ran."""
    from mlmon.analyzers import accounting as accounts

    return accounts.current(reader, config, _numbered_letters(config), now=now)


def cut_accounts(accounts: Iterable[Named], by: str) -> list[Named]:
    """Accounts put together by model, service, host or producer."""
    from mlmon.analyzers import account

    return account.cut(accounts, by)


def total_account(accounts: Iterable[Named]) -> Account:
    """Accounts of different producers as one."""
    from mlmon.analyzers import account

    return account.total(accounts)


def missing_numbers(reader: Reader, at: Accounting, producer: str) -> Runs:
    """The numbers of a producer's events that are nowhere, as pairs of the first and the last of a run."""
    from mlmon.analyzers import delivery

    return delivery.missing(reader, at, producer)


def _numbered_letters(config: Config) -> NumberedLetters:
    from mlmon.analyzers.ledger import Letters as Numbered
    from mlmon.pipelines import deadletter, tally

    found = tally.tally(folder(config.store) / deadletter.FOLDER)
    return Numbered(
        waiting={name: each.waiting for name, each in found.producers.items()},
        discarded={name: each.discarded for name, each in found.producers.items()},
        nameless=found.nameless_waiting,
    )


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

    root = _there(config)
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


def _there(config: Config) -> Path:
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

    from mlmon.cli import exposed
    from mlmon.web.app import app

    def metrics(now: datetime) -> Iterator[Family]:
        return exposed.families(reader, config, now)

    listening = threads.bound(config.page.host, config.page.port, "page.port")
    server = uvicorn.Server(
        uvicorn.Config(
            app(reader, metrics=metrics), log_level="warning", access_log=False, timeout_graceful_shutdown=2
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Collector:
    """A running collector: the addresses it listens on, and what it has done so far."""

    doors: Doors
    counters: Callable[[], Counters]
    tail: Tail | None = None


@contextmanager
def collecting(store: Store, config: Config) -> Iterator[Collector]:
    """The collector, on threads of its own; at the end what was taken is written and answered.

    Raises:
        WireError: a port is not to be had.
        UsageError: a folder is to be followed as a file.

    """
    from mlmon.pipelines import deadletter
    from mlmon.pipelines.collector.server import running
    from mlmon.pipelines.health import Watch, reporting
    from mlmon.pipelines.pipeline import Pipeline
    from mlmon.pipelines.tail.tail import following

    root = folder(config.store)
    pipeline = Pipeline(store, deadletter.Folder(root / deadletter.FOLDER), _validator(config))
    watch = Watch(pipeline, root)

    def opened() -> AbstractAsyncContextManager[Doors]:
        return running(config.collector, pipeline, keys=_keys_file(config), watch=watch)

    try:
        with (
            reporting(watch),
            threads.on_a_loop(opened) as doors,
            following(
                config.collector.tail, pipeline, root, max_line_bytes=config.collector.max_event_bytes
            ) as tail,
        ):
            yield Collector(doors=doors, counters=pipeline.counters, tail=tail)
    finally:
        pipeline.close()


def _keys_file(config: Config) -> Path:
    from mlmon.pipelines import keys

    return folder(config.store) / keys.FILE


def keys(config: Config) -> list[Key]:
    """Every key of the collector, also those revoked, oldest first."""
    from mlmon.pipelines import keys as kept

    return kept.read(_keys_file(config))


def create_key(config: Config, *, namespace: str, name: str, now: datetime) -> tuple[Key, str]:
    """Make a key for a namespace; gives it and the text to show this once."""
    from mlmon.pipelines import keys as kept

    return kept.create(_keys_file(config), namespace=namespace, name=name, clock=lambda: to_ns(now))


def revoke_key(config: Config, key_id: str, *, now: datetime) -> Key:
    """Let a key no longer in.

    Raises:
        UsageError: there is no such key.

    """
    from mlmon.pipelines import keys as kept

    return kept.revoke(_keys_file(config), key_id, clock=lambda: to_ns(now))


def _validator(config: Config) -> Validator:
    from mlmon.pipelines.validate import Validator, limits

    return Validator(limits(config.collector.max_event_bytes, config.collector.max_future))


def letters(config: Config) -> Letters:
    """The dead letters of the store of the settings.

    Raises:
        StoreUnreachableError: there is no store.

    """
    from mlmon.pipelines.deadletter import FOLDER
    from mlmon.pipelines.letters import Letters

    return Letters(_there(config) / FOLDER)


@contextmanager
def replaying(config: Config, url: str | None) -> Iterator[tuple[Validator, Sink, str]]:
    """The validation for dead letters, where they go from there, and the name of that place.

    It is the store itself, or the collector at `url`; without one the store's collector, if it has one.

    Raises:
        StoreLockedError: a collector writes the store, and the settings do not say where it listens.
        UsageError: the URL is none of http.

    """
    with ExitStack() as stack:
        if url is None:
            try:
                store = stack.enter_context(writing(config, EVENTS))
            except StoreLockedError as error:
                url = _http_door(config, error)
            else:
                yield _validator(config), store, store.url
                return
        yield _validator(config), stack.enter_context(ship.to(url)), url


def _http_door(config: Config, locked: StoreLockedError) -> str:
    collector = config.collector
    if not collector.http_port:
        raise StoreLockedError(
            f"{locked} To replay through a running collector, name its http door: --ship http://HOST:PORT."
        )
    scheme = "https" if collector.tls_cert else "http"
    return f"{scheme}://{collector.host}:{collector.http_port}"


def tidy(store: Store, now: datetime) -> None:
    """Let go what is older than the settings keep, and merge small files, of the parts this store writes.

    A cluster does it itself, by the lifecycle that was set up.
    """
    from mlmon.stores.embedded import EmbeddedStore

    if isinstance(store, EmbeddedStore):
        store.apply_retention(now)
        store.compact()


class _Direct:
    """Outcomes into a store that this process writes, bad rows to its dead letters."""

    def __init__(self, store: Store, root: Path) -> None:
        from mlmon.pipelines import deadletter

        self._store = store
        self._letters = deadletter.Folder(root / deadletter.FOLDER)

    def write(self, events: Sequence[Sent]) -> Written:
        """Write them."""
        return self._store.write(events)

    def refuse(self, refused: Sequence[tuple[bytes, InvalidEventError]]) -> None:
        """Keep them with their reasons."""
        from mlmon.pipelines.deadletter import LOADED, letter

        self._letters.write(
            [letter(raw, reason=error.reason, detail=str(error), source=LOADED) for raw, error in refused]
        )


@contextmanager
def loading(config: Config) -> Iterator[_Direct]:
    """A target for outcomes: the store of the settings.

    Raises:
        StoreLockedError: a collector holds it.

    """
    with writing(config, EVENTS) as store:
        yield _Direct(store, folder(config.store))


def report(reader: Reader, *, model: str | None, window: Window | None) -> str:
    """The report as one HTML text."""
    from mlmon.web.report import render_report

    return render_report(reader, window, models=() if model is None else (model,))
