"""Real servers in trouble: a primary that is nowhere, and a queue that is too short."""

import threading
import time

import pytest

from mlmon.core.errors import StoreError
from mlmon.core.query import Count, Query
from mlmon.core.schema import Dataset
from mlmon.stores import elasticsearch, opensearch
from mlmon.stores.search import facts, setup
from mlmon.stores.search.access import Access
from mlmon.stores.search.connection import Http
from mlmon.stores.search.templates import CUSTOM, Options
from mlmon.stores.search.writer import ClusterWriter

pytestmark = pytest.mark.slow
KINDS = ["elasticsearch_9", "opensearch"]
STREAM = "logs-mlmon.inference-default"
COUNT = Query(dataset=Dataset.INFERENCE, measures={"n": Count()})
PATIENCE_S = 60.0


@pytest.fixture(params=KINDS)
def kind(request):
    """Give the name of each kind of server."""
    return request.param


@pytest.fixture
def ready(start_engine, kind):
    """Give a function that starts a server with settings and sets it up."""
    started = []

    def start(*settings):
        started.append(start_engine(kind, *settings))
        connection = Http(Access(url=started[0].store_url))
        found = facts.probe(connection, kind.partition("_")[0])
        list(setup.apply(connection, setup.plan(connection, found, Options())))
        connection.close()
        return started[0]

    yield start
    for each in started:
        each.stop()


@pytest.fixture
def store(kind):
    """Give a function that opens the store of a server; all are closed at the end."""
    made = []

    def open_one(engine):
        opener = opensearch if kind == "opensearch" else elasticsearch
        made.append(opener.open_store(Access(url=engine.store_url)))
        return made[-1]

    yield open_one
    for each in made:
        each.close()


def test_a_red_index_gives_no_half_answer_and_takes_the_events_later(ready, store, inference):
    """While a primary is on no node a question is an error; what is being written is there afterwards."""
    engine = ready()
    opened = store(engine)
    name = "index.routing.allocation.require._name"
    nowhere = {"template": {"settings": {name: "nowhere"}}}
    assert engine.ask("PUT", f"/_component_template/{CUSTOM}", nowhere)[0] == 200
    done = []
    writing = threading.Thread(target=lambda: done.append(opened.write([inference("amid")])))
    writing.start()
    deadline = time.monotonic() + PATIENCE_S
    while engine.ask("GET", "/_cluster/health")[1]["status"] != "red":
        assert time.monotonic() < deadline
        time.sleep(0.05)  # between two tries of the poll with its deadline
    with pytest.raises(StoreError):
        store(engine).query(COUNT)
    assert writing.is_alive()
    assert engine.ask("PUT", f"/{STREAM}/_settings", {name: None})[0] == 200
    writing.join(PATIENCE_S)
    assert [each.stored for each in done] == [1]
    assert opened.write([inference("amid")]).duplicates == 1
    assert opened.query(COUNT).rows == [{"n": 1}]


def test_a_storm_of_429_loses_and_doubles_nothing(ready, store, inference):
    """Writers that a server with one thread and a queue of one turns away bring each event exactly once."""
    engine = ready("thread_pool.write.size: 1", "thread_pool.write.queue_size: 1")
    writers = [
        ClusterWriter(Http(Access(url=engine.store_url)), engine=engine.kind.partition("_")[0])
        for _ in range(6)
    ]
    stored, round_ = [], 0
    deadline = time.monotonic() + PATIENCE_S

    def send(number, writer, round_):
        events = [inference(f"p{number}-{round_}-{at}") for at in range(1000)]
        stored.append(writer.write(events).stored)

    while not _rejected(engine) and time.monotonic() < deadline:
        threads = [
            threading.Thread(target=send, args=(number, writer, round_))
            for number, writer in enumerate(writers)
        ]
        for each in threads:
            each.start()
        for each in threads:
            each.join(PATIENCE_S)
        round_ += 1
    for writer in writers:
        writer.close()
    assert _rejected(engine) > 0
    assert stored == [1000] * 6 * round_
    engine.ask("POST", f"/{STREAM}/_refresh")
    assert store(engine).query(COUNT).rows == [{"n": 6000 * round_}]


def _rejected(engine):
    """How many requests the server has turned away for want of room."""
    _, told = engine.ask("GET", "/_nodes/stats/thread_pool")
    return sum(node["thread_pool"]["write"]["rejected"] for node in told["nodes"].values())
