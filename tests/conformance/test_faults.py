"""A cluster that dies while it is read, and comes back."""

import threading
from datetime import UTC, datetime

import pytest

from mlmon.analyzers import jobs
from mlmon.core import query as q
from mlmon.core import schema
from mlmon.core.clock import to_ns
from mlmon.core.errors import StoreError
from mlmon.core.event import encode
from mlmon.core.query import Query, Scan
from mlmon.core.schema import Dataset

pytestmark = pytest.mark.slow

NOW = datetime(2013, 5, 1, tzinfo=UTC)
COUNT = Query(
    dataset=Dataset.EVALUATION, measures={"n": q.Count(), "weight": q.Sum(schema.EVALUATION_WEIGHT)}
)


@pytest.mark.parametrize("kind", ["elasticsearch_9", "opensearch"])
def test_a_server_killed_in_a_pass_and_started_again(kind, start_engine, open_on, events):
    """A scan and a pass fail with the cluster, and the next ones on the same store find all, once."""
    engine = start_engine(kind)
    store = open_on(engine)
    taken = [event for event in events if not event[schema.TIMESTAMP].startswith("19")]
    for at in range(0, len(taken), 50):
        store.write([encode(event) for event in taken[at : at + 50]])
    batches = store.scan(Scan(dataset=Dataset.INFERENCE, batch_size=10))
    assert len(next(batches)) == 10
    killed = threading.Event()

    def kill(stage, _done, _total):
        if stage == "join" and not killed.is_set():
            engine.kill()
            killed.set()

    with pytest.raises(StoreError):
        jobs.run_once(store, clock=lambda: to_ns(NOW), progress=kill)
    assert killed.is_set()
    with pytest.raises(StoreError):
        list(batches)
    engine.start()
    found = [it for batch in store.scan(Scan(dataset=Dataset.INFERENCE)) for it in batch]
    assert len(found) == sum(event[schema.EVENT_DATASET] == Dataset.INFERENCE for event in taken)
    jobs.run_once(store, clock=lambda: to_ns(NOW))
    [row] = store.query(COUNT).rows
    assert row["n"] > 0
    jobs.run_once(store, clock=lambda: to_ns(NOW))
    assert store.query(COUNT).rows == [row]
