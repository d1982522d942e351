"""What events come in by: the collector, its keys, dead letters sent again, and outcomes loaded."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mlmon.cli import ship, threads, wiring
from mlmon.core.clock import to_ns
from mlmon.core.config import Config
from mlmon.core.errors import InvalidEventError, StoreLockedError, StoreUnreachableError
from mlmon.core.event import Event as Sent
from mlmon.core.store import Store, Written

if TYPE_CHECKING:
    from mlmon.pipelines.collector.server import Doors
    from mlmon.pipelines.deadletter import Head
    from mlmon.pipelines.keys import Key, Keyring
    from mlmon.pipelines.letters import Letters as Letters  # noqa: PLC0414 - for commands to name
    from mlmon.pipelines.pipeline import Counters, Sink
    from mlmon.pipelines.tail.tail import Tail as Tail  # noqa: PLC0414 - for commands to name
    from mlmon.pipelines.validate import Validator

_UNSEEN: Final = (
    "What Logstash refused is not among these: this user may not read it. The role mlmon_operator may."
)
_MOST_COUNTED: Final = 20_000
"""Letters that a pass reads of a cluster to account for them; each comes with its whole line."""


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

    root = wiring.folder(config.store)
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

    return wiring.folder(config.store) / keys.FILE


def keys(config: Config) -> list[Key]:
    """Every key of the collector, also those revoked, oldest first."""
    from mlmon.pipelines import keys as kept

    return kept.read(_keys_file(config))


def keyring(config: Config) -> Keyring:
    """The keys as a service that runs reads them, which sees changes; for one thread at a time.

    Raises:
        StoreError: they are there and cannot be read.

    """
    from mlmon.pipelines import keys as kept

    return kept.Keyring(_keys_file(config))


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


@contextmanager
def letters(config: Config) -> Iterator[Letters]:
    """The dead letters of the store of the settings; of a cluster also those that Logstash wrote to it.

    Where these cannot be seen, `unseen` says why, and those on this machine are there all the same.

    Raises:
        StoreUnreachableError: there is no store.

    """
    from mlmon.cli import wiring_cluster
    from mlmon.pipelines import letters as kept
    from mlmon.pipelines.deadletter import FOLDER

    if not wiring.is_cluster(config):
        yield kept.Letters(kept.Folder(wiring.there(config) / FOLDER))
        return
    from mlmon.pipelines.logstash import letters as logstash

    own = wiring.folder(config.store) / FOLDER
    with wiring_cluster.dead_letters(config) as stream:
        try:
            unseen = "" if stream.is_open() else _UNSEEN
        except StoreUnreachableError as error:
            unseen = f"What Logstash refused is not among these: {error}"
        shelves = [] if unseen else [logstash.Shelf(stream, own)]
        yield kept.Letters(kept.Folder(own), *shelves, unseen=unseen)


@contextmanager
def stored_letters(config: Config) -> Iterator[Iterable[Head]]:
    """The oldest letters of what Logstash refused, which every pass counts; a folder has none.

    Raises:
        StoreError: the cluster does not answer.

    """
    from mlmon.cli import wiring_cluster
    from mlmon.pipelines.logstash import letters as logstash

    if not wiring.is_cluster(config):
        yield ()
        return
    with wiring_cluster.dead_letters(config) as stream:
        shelf = logstash.Shelf(stream, wiring.folder(config.store))
        yield itertools.islice(shelf.heads(), _MOST_COUNTED) if stream.is_open() and stream.counts() else ()


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
                store = stack.enter_context(wiring.writing(config, wiring.EVENTS))
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
    with wiring.writing(config, wiring.EVENTS) as store:
        yield _Direct(store, wiring.folder(config.store))
