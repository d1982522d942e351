"""The writer against real servers: what no stub shows. Each engine is set up once, in own namespaces."""

import secrets
import threading
from datetime import UTC, datetime, timedelta

import pytest

from mlmon.core import schema
from mlmon.core.errors import StoreError
from mlmon.core.result import Metric
from mlmon.core.window import Window
from mlmon.stores.search import facts, setup
from mlmon.stores.search.access import Access
from mlmon.stores.search.connection import Http
from mlmon.stores.search.mapping import UNINDEXED
from mlmon.stores.search.templates import MOST_FIELDS, Options
from mlmon.stores.search.writer import BAD_NAMESPACE, ClusterWriter

pytestmark = pytest.mark.slow
RUN = secrets.token_hex(4)
"""Keeps this run apart from others on a server that goes on running."""
NAMESPACE = "writer_test"
STREAM = f"logs-mlmon.inference-{NAMESPACE}"
WINDOW = Window(start=datetime(2013, 3, 1, tzinfo=UTC), end=datetime(2013, 3, 2, tzinfo=UTC))


def ready(url, kind, namespace=NAMESPACE):
    """Set a server up for a namespace."""
    connection = Http(Access(url=url))
    found = facts.probe(connection, kind.partition("_")[0])
    for options in (Options(), Options(namespace=namespace)):
        list(setup.apply(connection, setup.plan(connection, found, options)))
    return connection


@pytest.fixture(scope="module")
def connection(engine):
    """Connect to each engine in turn, set up."""
    opened = ready(engine.store_url, engine.kind)
    yield opened
    opened.close()


@pytest.fixture
def write(connection, engine):
    """Give a function that writes events to the namespace."""
    writer = ClusterWriter(connection, engine=engine.kind.partition("_")[0], namespace=NAMESPACE)
    yield lambda *events: writer.write(events)
    writer.close()


@pytest.fixture
def sources(engine):
    """Give a function that reads back the documents of a producer, by their ids."""

    def read(name, index=STREAM):
        engine.ask("POST", f"/{index}/_refresh")
        body = {"query": {"prefix": {schema.EVENT_ID: name}}, "size": 5000}
        _, answer = engine.ask("POST", f"/{index}/_search", body)
        return {hit["_id"]: hit["_source"] for hit in answer["hits"]["hits"]}

    return read


def test_what_is_written_is_there_once_and_unchanged(write, sources, inference, engine):
    """Events written twice are stored once, with every field as it was sent."""
    name = f"once-{RUN}"
    events = [inference(f"{name}-{number}", **{schema.EVENT_SEQUENCE: number}) for number in range(300)]
    assert write(*events).stored == 300
    assert write(*events).duplicates == 300
    found = sources(name)
    assert len(found) == 300
    document = found[f"{name}-7"]
    assert document.pop(schema.EVENT_INGESTED)
    assert document[schema.EVENT_SEQUENCE] == 7
    assert document[schema.MODEL_NAME] == "flights"


def test_two_models_cannot_clash_over_a_type(write, sources, inference, engine):
    """The same name of a numeric and of a categorical feature, of any kind of value, loses no event."""
    name = f"clash-{RUN}"
    done = write(
        inference(f"{name}-1", **{schema.FEATURES_NUMERIC: {"origin": 1.5}}),
        inference(f"{name}-2", **{schema.FEATURES_CATEGORICAL: {"origin": "JFK"}}),
        inference(f"{name}-3", **{schema.FEATURES_NUMERIC: {"a": 1.0, "a.b": 2.0}}),
        inference(f"{name}-4", **{schema.LABELS: {"a": "x", "a.b.c": "y", "": "z", " ": "w", ".": "v"}}),
        inference(f"{name}-5", undeclared={"a": [1, "two", {"b": None}]}),
        inference(f"{name}-6", undeclared="a word now"),
    )
    assert (done.stored, done.refused) == (6, ())
    assert sources(name)[f"{name}-4"].keys() >= {schema.LABELS}


def test_more_names_than_a_mapping_may_have_lose_no_event(write, sources, inference, engine):
    """Events with more features than an index may have fields are stored, whole."""
    name = f"many-{RUN}"
    events = [
        inference(
            f"{name}-{part}",
            **{schema.FEATURES_NUMERIC: {f"f{part}_{number}": float(number) for number in range(300)}},
        )
        for part in range(1 + MOST_FIELDS // 200)
    ]
    done = write(*events)
    assert (done.stored, done.refused) == (len(events), ())
    for document in sources(name).values():
        aside = document.get(UNINDEXED, {}).get(schema.FEATURES_NUMERIC, {})
        assert len(document[schema.FEATURES_NUMERIC]) + len(aside) == 300


def test_a_refused_event_has_the_clusters_reason(write, inference, engine):
    """An event whose id has more bytes than an engine takes is refused with that reason, and no other."""
    name = f"refused-{RUN}"
    done = write(inference(f"{name}-1"), inference("ü" * 300), inference(f"{name}-2"))
    assert done.stored == 2
    assert [each.place for each in done.refused] == [1]
    assert "512" in done.refused[0].detail


def test_an_event_goes_to_the_namespace_it_names(write, sources, inference, engine):
    """An event's own namespace decides where it goes; one that can be no index's name is refused."""
    name = f"own-{RUN}"
    done = write(
        inference(f"{name}-1", **{schema.NAMESPACE: "writer_other"}),
        inference(f"{name}-2", **{schema.NAMESPACE: "No Good"}),
    )
    assert done.stored == 1
    assert [(each.place, each.reason) for each in done.refused] == [(1, BAD_NAMESPACE)]
    assert list(sources(name, "logs-mlmon.inference-writer_other")) == [f"{name}-1"]


def test_a_result_stated_again_replaces_itself(connection, engine):
    """Metrics of one identity leave one document, the last, in the index of their month."""
    writer = ClusterWriter(connection, engine=engine.kind.partition("_")[0], namespace=NAMESPACE)
    for value in (0.5, 0.25):
        writer.put(
            [Metric(analyzer="t", model="m", name="x", window=WINDOW, size="1d", value=value, n=1)] * 2
        )
    writer.close()
    index = f"mlmon.metric-{NAMESPACE}-2013.03"
    engine.ask("POST", f"/{index}/_refresh")
    _, answer = engine.ask("GET", f"/{index}/_search")
    assert [hit["_source"][schema.RESULT_VALUE] for hit in answer["hits"]["hits"]] == [0.25]
    assert engine.ask("GET", "/_alias/mlmon.metric")[0] == 200


def test_a_read_only_index_says_so(connection, engine, inference):
    """An index that takes no writes is an error that says so; once it does, the same batch is stored."""
    namespace = "read_only"
    writer = ClusterWriter(
        connection, engine=engine.kind.partition("_")[0], namespace=namespace, patience_s=0.2
    )
    first, second = inference(f"ro-{RUN}-1"), inference(f"ro-{RUN}-2")
    writer.write([first])
    stream = f"logs-mlmon.inference-{namespace}"
    engine.ask("PUT", f"/{stream}/_settings", {"index.blocks.read_only_allow_delete": True})
    with pytest.raises(StoreError, match=r"read-only|FORBIDDEN|flood"):
        writer.write([second])
    engine.ask("PUT", f"/{stream}/_settings", {"index.blocks.read_only_allow_delete": None})
    assert writer.write([first, second]).stored == 1
    writer.close()


@pytest.fixture(scope="module", params=["elasticsearch_9", "opensearch"])
def own(request, start_engine):
    """Start a server of one's own, which is not set up at first."""
    started = start_engine(request.param)
    yield started
    started.stop()


def test_a_cluster_that_is_not_set_up_says_how(own, inference):
    """Without a template nothing is written, and the error names the command that makes it."""
    connection = Http(Access(url=own.store_url))
    writer = ClusterWriter(connection, engine=own.kind.partition("_")[0], namespace="bare")
    with pytest.raises(StoreError, match="mlmon setup"):
        writer.write([inference("bare")])
    writer.close()
    connection.close()
    assert own.ask("GET", "/logs-mlmon.inference-bare/_count")[0] == 404


def test_a_server_killed_amid_writing_loses_and_doubles_nothing(own, inference):
    """Events written while the server is killed and started again are each there exactly once."""
    opened = ready(own.store_url, own.kind, "killed")
    writer = ClusterWriter(opened, engine=own.kind.partition("_")[0], namespace="killed", patience_s=120)
    begun, done = threading.Event(), []

    def send() -> None:
        for part in range(60):
            events = [inference(f"k-{part}-{number}") for number in range(500)]
            done.append(writer.write(events))
            if part == 5:
                begun.set()

    thread = threading.Thread(target=send)
    thread.start()
    assert begun.wait(60)
    own.kill()
    own.start()
    thread.join(timedelta(minutes=3).total_seconds())
    assert not thread.is_alive()
    writer.close()
    opened.close()
    own.ask("POST", "/logs-mlmon.inference-killed/_refresh")
    _, answer = own.ask("GET", "/logs-mlmon.inference-killed/_count")
    assert len(done) == 60
    assert answer["count"] == 60 * 500
