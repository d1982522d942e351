"""Every store under the suite, the documents it holds, and the oracle that knows the answers.

A store joins by one more entry in `STORES`: a function that fills an empty store and gives it back.
"""

import importlib.util
import itertools
import random
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mlmon.core import schema
from mlmon.core.clock import isoformat
from mlmon.core.event import Document, encode
from mlmon.core.result import Finding, Metric, Result, to_document
from mlmon.core.schema import Dataset
from mlmon.core.store import Store
from mlmon.core.window import Window
from mlmon.stores import elasticsearch, opensearch
from mlmon.stores.embedded import open_store
from mlmon.stores.search import setup
from mlmon.stores.search.access import Access
from mlmon.stores.search.connection import Http
from mlmon.stores.search.facts import probe
from mlmon.stores.search.templates import Options

START = datetime(2013, 3, 1, tzinfo=UTC)


def _load_oracle() -> ModuleType:
    spec = importlib.util.spec_from_file_location("oracle", Path(__file__).with_name("oracle.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def oracle() -> ModuleType:
    """Give the oracle."""
    return _load_oracle()


def _moment(at: int, random_: random.Random) -> str:
    """Mostly minutes apart; some on edges of days, weeks and months, before 1970, or with an offset."""
    edges = [
        "2013-03-01T00:00:00Z", "2013-03-03T23:59:59.999999Z", "2013-03-04T00:00:00Z", "2013-02-28T23:59:59Z",
        "2013-03-04T05:29:59.5+05:30", "1969-12-31T23:59:59.999999Z", "1969-12-28T12:00:00Z",
        "2013-12-31T23:30:00-01:00",
    ]  # fmt: skip
    if at < len(edges):
        return edges[at]
    return isoformat(START + timedelta(minutes=7 * at, microseconds=random_.randrange(10**6)))


def _inference(at: int, random_: random.Random) -> Document:
    document: Document = {
        schema.TIMESTAMP: _moment(at, random_),
        schema.LOG_LEVEL: random_.choice(["info", "warning", "error"]),
        schema.MESSAGE: random_.choice(
            ["Predicted late.", "weather MISSING at JFK", "über-spät: 日本 jfk", "x"]
        ),
        schema.EVENT_ID: f"p{at % 3}-{at}",
        schema.PRODUCER_ID: f"p{at % 3}",
        schema.EVENT_SEQUENCE: at,
        schema.EVENT_DATASET: str(Dataset.INFERENCE),
        schema.EVENT_OUTCOME: random_.choice(["success", "success", "failure"]),
        schema.MODEL_NAME: random_.choice(["flights", "délai ✈", "a'b\"c"]),
        schema.INFERENCE_ID: f"i{at}",
    }
    optional: Document = {
        schema.MODEL_VERSION: random_.choice(["1", "2", "", None]),
        schema.EVENT_DURATION: random_.choice([0, 1, 10**6, 2**53 + 1, 7_000_000]),
        schema.PREDICTION_SCORE: random_.choice([0.0, -0.0, 0.25, 0.5, 0.75, 1.0, random_.random(), None]),
        schema.PREDICTION_LABEL: random_.choice(["late", "on_time", "Late", "spät"]),
        schema.PREDICTION_VALUE: random_.choice([-3, -0.5, 1e300, 12.5, 3]),
        schema.REDACTION_FIELDS: random_.choice([[], ["a"], ["a", "b"]]),
        schema.FEATURES_NUMERIC: {
            "temp": random_.choice([None, 1, 2.5, -7.25]), "Temp": random_.random(), "wind speed": at % 5,
        },
        schema.FEATURES_CATEGORICAL: {"carrier": random_.choice(["UA", "ua", None]), 'odd"\'name': "x"},
        schema.SEGMENT: random_.choice([{}, {"carrier": "UA"}, {"carrier": "B6", "origin": "JFK"}]),
        schema.LABELS: {f"k{at % 4}": "v", "": "empty name"},
    }  # fmt: skip
    return document | {name: value for name, value in optional.items() if random_.random() < 0.8}


def _outcome(at: int, random_: random.Random) -> Document:
    return {
        schema.TIMESTAMP: isoformat(START + timedelta(hours=at)),
        schema.LOG_LEVEL: "info",
        schema.EVENT_ID: f"outcome of i{at}",
        schema.EVENT_DATASET: str(Dataset.OUTCOME),
        schema.MODEL_NAME: "flights",
        schema.INFERENCE_ID: f"i{at}",
        schema.OUTCOME_LABEL: random_.choice(["late", "on_time"]),
        schema.OUTCOME_RETRACTED: random_.choice([True, False, None]),
        schema.OUTCOME_OBSERVED_AT: random_.choice([isoformat(START + timedelta(days=at)), None]),
        "not.in.the.schema": {"kept": [1, "two"]},
    }


def _results() -> list[Result]:
    window = Window(start=START, end=START + timedelta(days=1))
    metrics = [
        Metric(analyzer="service", model="flights", name=name, window=window, size="1d", value=value, n=10)
        for name, value in (
            ("error_rate", 0.5),
            ("inferences", 9.0),
            ("latency_p50", None),
            ("error_rate", 0.25),
        )
    ]
    finding = Finding(
        analyzer="drift", model="flights", metric="psi", window=window, size="1d", value=0.4, bound=0.2, n=10,
        message="temp drifted.", subject="temp", evidence={"bins": [1, 2]},
    )  # fmt: skip
    return [*metrics, finding]


@pytest.fixture(scope="session")
def events() -> list[Document]:
    """Give the documents that are written as events."""
    random_ = random.Random(2013)
    return [_inference(at, random_) for at in range(240)] + [_outcome(at, random_) for at in range(30)]


@pytest.fixture(scope="session")
def results() -> list[Result]:
    """Give the results, one of them stated twice."""
    return _results()


def _clock() -> Callable[[], int]:
    ticks = itertools.count(1_700_000_000_000_000_000, 1_000_000)
    return lambda: next(ticks)


def _fill(store: Store, events: list[Document], results: list[Result]) -> None:
    for at in range(0, len(events), 50):
        store.write([encode(document) for document in events[at : at + 50]])
    for result in results:
        store.put([result])


def _tail_only(folder: Path, events: list[Document], results: list[Result]) -> Store:
    store = open_store(folder, clock=_clock())
    _fill(store, events, results)
    return store


def _segments_only(folder: Path, events: list[Document], results: list[Result]) -> Store:
    _tail_only(folder, events, results).close()
    return open_store(folder)


def _mixed(folder: Path, events: list[Document], results: list[Result]) -> Store:
    clock = _clock()
    with_segments = open_store(folder, clock=clock, roll_rows=60)
    _fill(with_segments, events[:200], results[:2])
    with_segments.close()
    store = open_store(folder, clock=clock)
    _fill(store, events[200:], results[2:])
    return store


STORES: dict[str, Callable[[Path, list[Document], list[Result]], Store]] = {
    "embedded, tail only": _tail_only,
    "embedded, segments only": _segments_only,
    "embedded, mixed": _mixed,
}
CLUSTERS = {
    "elasticsearch 9": "elasticsearch_9",
    "elasticsearch 8": "elasticsearch_8",
    "opensearch": "opensearch",
}
"""By the name of a store that of the fixture that has its server."""


@pytest.fixture(
    scope="session", params=[*STORES, *(pytest.param(name, marks=pytest.mark.slow) for name in CLUSTERS)]
)
def store_name(request: pytest.FixtureRequest) -> str:
    """Give the name of each store."""
    given: str = request.param
    return given


@pytest.fixture(scope="session")
def tolerance(store_name: str, oracle: ModuleType) -> Any:
    """Give in what the answers of a store may differ.

    In a cluster quantiles are read off a sketch, and dates of groups are cut to milliseconds. OpenSearch
    takes equal values for values around them.
    """
    if store_name in CLUSTERS:
        has_ties = store_name == "opensearch"
        return oracle.Tolerance(rank=0.01, ties=has_ties, date_key=timedelta(milliseconds=1))
    return oracle.EXACT


@pytest.fixture(scope="session")
def kept_events(store_name: str, events: list[Document]) -> list[Document]:
    """Give the events that a store takes; a cluster keeps no time before 1970 and refuses the event."""
    if store_name not in CLUSTERS:
        return events
    return [event for event in events if not event[schema.TIMESTAMP].startswith("19")]


@pytest.fixture(scope="session")
def store(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    store_name: str,
    events: list[Document],
    kept_events: list[Document],
    results: list[Result],
) -> Iterator[Store]:
    """Give each store, filled."""
    if store_name in STORES:
        filled = STORES[store_name](tmp_path_factory.mktemp("store"), events, results)
    else:
        filled = _in_cluster(request.getfixturevalue(CLUSTERS[store_name]), kept_events, results)
    yield filled
    filled.close()


def _in_cluster(engine: Any, events: list[Document], results: list[Result]) -> Store:
    store = _empty(engine)
    _fill(store, events, results)
    return store


def _empty(engine: Any) -> Store:
    """A store in a namespace of its own."""
    namespace = f"conformance{secrets.token_hex(4)}"
    access = Access(url=engine.store_url)
    with closing(Http(access)) as connection:
        facts = probe(connection, access.engine)
        list(setup.apply(connection, setup.plan(connection, facts, Options(namespace=namespace))))
    module = opensearch if engine.kind == "opensearch" else elasticsearch
    return module.open_store(access, namespace=namespace, clock=_clock())


@pytest.fixture(scope="session")
def open_embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Store]]:
    """Give a function that opens an empty embedded store; they are closed at the end."""
    with ExitStack() as stack:

        def start() -> Store:
            store = open_store(tmp_path_factory.mktemp("embedded"), clock=_clock())
            stack.callback(store.close)
            return store

        yield start


@pytest.fixture(scope="session")
def open_on() -> Iterator[Callable[[Any], Store]]:
    """Give a function that opens an empty store on a server; they are closed at the end."""
    with ExitStack() as stack:

        def start(engine: Any) -> Store:
            store = _empty(engine)
            stack.callback(store.close)
            return store

        yield start


@pytest.fixture(scope="session")
def open_cluster(request: pytest.FixtureRequest, open_on: Callable[[Any], Store]) -> Callable[[str], Store]:
    """Give a function that opens an empty store on the server of a kind."""
    return lambda kind: open_on(request.getfixturevalue(kind))


@pytest.fixture(scope="session")
def documents(oracle: ModuleType, kept_events: list[Document], results: list[Result]) -> list[Document]:
    """Give all that is written, as a store gives it back; times of ingestion are the store's own."""
    written: list[dict[str, Any]] = [*kept_events, *map(to_document, results)]
    return [oracle.stored(document) for document in written]


@pytest.fixture(scope="session")
def indexed(store_name: str, documents: list[Document]) -> list[Document]:
    """Give all that is written, as a store knows it in questions.

    A cluster has no index of a member without a name; the member is kept, and given back by a scan.
    """
    if store_name not in CLUSTERS:
        return documents
    return [
        it | {schema.LABELS: {key: value for key, value in it[schema.LABELS].items() if key}}
        if schema.LABELS in it
        else it
        for it in documents
    ]
