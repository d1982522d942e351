"""A data stream for each model: written apart, read as one."""

import secrets

import pytest

from mlmon.core import schema
from mlmon.core.query import Count, Query, Sum, Terms
from mlmon.core.schema import Dataset
from mlmon.stores import elasticsearch, opensearch
from mlmon.stores.search import facts, names, setup
from mlmon.stores.search.access import Access
from mlmon.stores.search.connection import Http
from mlmon.stores.search.templates import Options
from mlmon.stores.search.writer import ClusterWriter

MODELS = ["flights", "Délai ✈", "fraud-check"]
QUERY = Query(
    dataset=Dataset.INFERENCE,
    by={"model": Terms(schema.MODEL_NAME)},
    measures={"n": Count(), "total": Sum(schema.EVENT_SEQUENCE)},
)


def test_each_model_s_events_go_to_its_own_stream(stub, connect, inference):
    """One request a model, to the stream of that model's name."""
    writer = ClusterWriter(connect(stub.url), engine="elasticsearch", stream_per_model=True)
    events = [inference(f"{model}-{at}", **{schema.MODEL_NAME: model}) for at in range(3) for model in MODELS]
    assert writer.write(events).stored == 9
    writer.close()
    assert stub.requests == [3, 3, 3]
    assert "/logs-mlmon.inference.flights-default/_bulk" in stub.paths[0]


@pytest.fixture
def opened(engine):
    """Give a function that opens the store of a real server, in a namespace that is set up for this test."""
    namespace = f"streams_{secrets.token_hex(4)}"
    connection = Http(Access(url=engine.store_url))
    found = facts.probe(connection, engine.kind.partition("_")[0])
    list(setup.apply(connection, setup.plan(connection, found, Options())))
    connection.close()
    made = []

    def open_one(**options):
        opener = opensearch if engine.kind == "opensearch" else elasticsearch
        made.append(opener.open_store(Access(url=engine.store_url), namespace=namespace, **options))
        return made[-1]

    yield open_one
    for each in made:
        each.close()
    engine.ask("DELETE", f"/_data_stream/logs-mlmon.*-{namespace}")


@pytest.mark.slow
def test_both_forms_are_read_as_one(opened, inference):
    """A question over streams of models and the one of all counts each event once, whoever reads."""
    apart, together = opened(stream_per_model=True), opened()
    for store, start in ((apart, 0), (together, 5)):
        events = [
            inference(f"{model}-{at}", **{schema.MODEL_NAME: model, schema.EVENT_SEQUENCE: at})
            for at in range(start, start + 5)
            for model in MODELS
        ]
        assert store.write(events).stored == 15
        assert store.query(QUERY).rows
    expected = [{"model": model, "n": 10, "total": 45.0} for model in sorted(MODELS)]
    for store in (apart, together):
        answer = store.query(QUERY)
        assert sorted(answer.rows, key=lambda row: str(row["model"])) == expected
        indices = " ".join(answer.sources)
        for model in MODELS:
            assert f"mlmon.inference.{names.word(model)}-" in indices
