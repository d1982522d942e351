"""What commands ask of a cluster as such: to set it up, and to look at it.

Beside `mlmon.cli.wiring` the one module that knows an implementation. Imports are made when they are needed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

from mlmon.cli import wiring
from mlmon.core.config import Config, StoreConfig
from mlmon.core.errors import MissingExtraError, StoreError, UsageError

if TYPE_CHECKING:
    from mlmon.stores.search.access import Access
    from mlmon.stores.search.connection import Connection, Http
    from mlmon.stores.search.facts import Facts
    from mlmon.stores.search.letters import Stream
    from mlmon.stores.search.setup import Change as Change  # noqa: PLC0414 - for commands to name
    from mlmon.stores.search.templates import Options
    from mlmon.stores.search.templates import Part as Part  # noqa: PLC0414 - for commands to name


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A cluster that answers: the connection, what was found out of it, and what the settings want of it."""

    connection: Connection
    facts: Facts
    options: Options

    @property
    def name(self) -> str:
        """The engine with its version, and where it is."""
        return f"{self.facts.name} at {self.connection.url}"


@contextmanager
def cluster(config: Config) -> Iterator[Cluster]:
    """The cluster of the settings; the connection is closed at the end of the block.

    Raises:
        UsageError, ConfigError: the store is no cluster, or its settings cannot be meant.
        StoreUnreachableError: it does not answer.
        StoreError: it lets nobody in this way.

    """
    from mlmon.stores.search import access, facts

    if "://" not in config.store.url:
        raise UsageError(
            f"The store '{config.store.url}' is a folder and needs no setting up. "
            "Name a cluster, such as --store elasticsearch+https://host:9200."
        )
    way_in = access.of(config.store, os.environ)
    connection = _connected(way_in)
    try:
        found = facts.probe(connection, way_in.engine)
        yield Cluster(connection=connection, facts=found, options=options(config.store))
    finally:
        connection.close()


def _connected(way_in: Access) -> Http:
    try:
        from mlmon.stores.search.connection import Http
    except ImportError:
        raise MissingExtraError("urllib3", way_in.engine) from None
    return Http(way_in)


def options(store: StoreConfig) -> Options:
    """What the settings want of a cluster.

    Raises:
        UsageError: the namespace cannot be part of an index's name.

    """
    from mlmon.stores.search import names
    from mlmon.stores.search.templates import Options

    return Options(
        namespace=names.checked(store.namespace),
        shards=store.shards,
        replicas=store.replicas,
        keep_events=store.keep_events,
        keep_evaluations=store.keep_evaluations,
        keep_results=store.keep_results,
    )


def plan(at: Cluster) -> list[Change]:
    """Every part of the cluster, as it is and as it should be."""
    from mlmon.stores.search import setup

    return setup.plan(at.connection, at.facts, at.options)


def plan_for_all(at: Cluster) -> list[Change]:
    """As `plan`, of what serves every namespace that has no settings of its own."""
    from msgspec.structs import replace

    from mlmon.stores.search import names, setup

    return setup.plan(at.connection, at.facts, replace(at.options, namespace=names.DEFAULT))


def parts(at: Cluster) -> dict[str, dict[str, Any]]:
    """The body of every part by the path it is put to, in the order in which they must be put."""
    from mlmon.stores.search import templates

    return {part.path: part.body for part in templates.parts(at.facts, at.options)}


def missing(at: Cluster) -> list[tuple[str, str]]:
    """What the cluster cannot do by itself: what that is about, and a sentence or two."""
    from mlmon.stores.search import setup

    return list(setup.missing(at.facts))


def apply(at: Cluster, changes: Sequence[Change]) -> Iterator[Change]:
    """Put what is due."""
    from mlmon.stores.search import setup

    return setup.apply(at.connection, changes)


def examine() -> ModuleType:
    """The questions about a cluster's state: `mlmon.stores.search.examine`."""
    from mlmon.stores.search import examine as questions

    return questions


@contextmanager
def dead_letters(config: Config) -> Iterator[Stream]:
    """The stream of what Logstash refused; whoever may read and delete there needs no other right.

    Raises:
        UsageError, ConfigError: the settings of the store cannot be meant.

    """
    from mlmon.stores.search import access

    way_in = access.of(config.store, os.environ)
    connection = _connected(way_in)
    try:
        yield _letters(connection, config, is_elasticsearch=way_in.engine == "elasticsearch")
    finally:
        connection.close()


def refused(at: Cluster, config: Config) -> dict[str, int] | None:
    """How many dead letters Logstash wrote, by reason; None where this user may not look."""
    try:
        return _letters(at.connection, config, is_elasticsearch=at.facts.is_elasticsearch).counts()
    except StoreError:
        return None


def _letters(connection: Connection, config: Config, *, is_elasticsearch: bool) -> Stream:
    from mlmon.core.schema import Dataset
    from mlmon.stores.search import letters, names, scan

    name = names.stream(Dataset.APP, names.checked(config.store.namespace), names.DEAD_LETTERS)
    return letters.Stream(connection, scan.ELASTICSEARCH if is_elasticsearch else scan.OPENSEARCH, name)


def going(at: Cluster) -> Iterator[Part]:
    """What `remove` would take away."""
    from mlmon.stores.search import setup

    return setup.going(at.connection, at.facts, at.options)


def remove(at: Cluster) -> Iterator[Part]:
    """Take away what was set up."""
    from mlmon.stores.search import setup

    return setup.remove(at.connection, at.facts, at.options)


def roles(config: Config) -> dict[str, dict[str, Any]]:
    """The roles for the engine and namespace of the settings, each by the path it is put to."""
    from mlmon.stores.search import access, names
    from mlmon.stores.search import roles as known

    engine = access.Access(url=config.store.url).engine if wiring.is_cluster(config) else "elasticsearch"
    namespace = names.checked(config.store.namespace)
    return dict(known.paths(engine, "*" if namespace == names.DEFAULT else namespace))
