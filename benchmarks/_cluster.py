"""What the benchmarks of analysing in a cluster share: two passes there and in a folder, measured once."""

import json
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from functools import cache
from itertools import islice
from pathlib import Path

import _outcomes
import _pass
from msgspec import Struct

from mlmon.core.clock import to_ns
from mlmon.core.event import Event
from mlmon.stores.elasticsearch import ClientConnection
from mlmon.stores.embedded import EmbeddedStore
from mlmon.stores.search import facts, setup
from mlmon.stores.search.access import Access
from mlmon.stores.search.templates import Options

HERE = Path(__file__).parent
VARIABLE = "MLMON_TEST_ELASTICSEARCH_9"
COUNT = "MLMON_BENCH_INFERENCES"
INFERENCES = int(os.environ.get(COUNT, "200000"))
"""A million takes some twenty minutes; so fewer, unless the environment says so."""
NEW = 5_000
"""Inferences between the passes, each with its outcome: 10,000 events."""
DAYS = 60
BATCH = 5_000


class Pass(Struct, frozen=True, kw_only=True):
    """What a pass took, in a process of its own."""

    seconds: float
    megabytes: float
    joined: int
    metrics: int
    stages: dict[str, float]


class Passes(Struct, frozen=True, kw_only=True):
    """The first pass, and one after 10,000 new events."""

    first: Pass
    second: Pass


def server() -> str:
    """The address of the server to measure against, as a store's.

    Raises:
        RuntimeError: none is named.

    """
    url = os.environ.get(VARIABLE, "").rstrip("/")
    if not url:
        raise RuntimeError(
            f"no server: name a running Elasticsearch 9 in {VARIABLE}, as http://127.0.0.1:9200"
        )
    scheme = "elasticsearch+https" if url.startswith("https:") else "elasticsearch"
    return f"{scheme}://{url.partition('://')[2]}"


def prepared(url: str) -> str:
    """A namespace that nothing was written to, on a server that is set up."""
    access = Access(url=url)
    with closing(ClientConnection(access)) as connection:
        found = facts.probe(connection, access.engine)
        list(setup.apply(connection, setup.plan(connection, found, Options())))
    return f"bench_{secrets.token_hex(4)}"


@cache
def in_cluster() -> Passes:
    """Both passes in the cluster that is named; removes nothing there."""
    url = server()
    return _passes(url, prepared(url))


@cache
def in_folder() -> Passes:
    """Both passes in a folder of the embedded store."""
    with tempfile.TemporaryDirectory(prefix="mlmon-bench-") as folder:
        return _passes(folder, "")


def _passes(url: str, namespace: str) -> Passes:
    events = _events()
    _fill(url, namespace, islice(events, 2 * INFERENCES))
    first = _measured(url, namespace)
    _fill(url, namespace, events)
    passes = Passes(first=first, second=_measured(url, namespace))
    assert passes.first.joined == INFERENCES
    assert passes.second.joined == NEW
    return passes


def _events() -> Iterator[Event]:
    step = timedelta(days=DAYS) / INFERENCES
    for number, row in enumerate(_outcomes.rows(INFERENCES + NEW, step)):
        yield from _outcomes.events(number, row)


def _fill(url: str, namespace: str, events: Iterator[Event]) -> None:
    store = _pass.opened(url, namespace)
    with closing(store):
        while batch := list(islice(events, BATCH)):
            assert store.write(batch).stored == len(batch)
        if isinstance(store, EmbeddedStore):
            store.compact()


def _measured(url: str, namespace: str) -> Pass:
    now = to_ns(_outcomes.START + timedelta(days=2 * DAYS))
    command = [sys.executable, str(HERE / "_pass.py"), url, namespace, str(now)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)  # noqa: S603 - our own
    return Pass(**json.loads(done.stdout))
