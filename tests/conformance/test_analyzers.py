"""The jobs say the same of the same events, whichever store they ask."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mlmon.analyzers import jobs, models, reference
from mlmon.analyzers.profile_window import from_window
from mlmon.core import event, schema
from mlmon.core.clock import to_ns
from mlmon.core.config import Config, ModelConfig
from mlmon.core.query import Scan
from mlmon.core.schema import RESULTS, Dataset
from mlmon.core.window import Window
from mlmon.demo import flights, model, serve
from mlmon.logging_sdk.testing import capture

pytestmark = pytest.mark.slow

DAYS = 8
NOW = datetime(2013, 4, 20, tzinfo=UTC)
FIRST_DAYS = Window(start=datetime(2013, 3, 1, tzinfo=UTC), end=datetime(2013, 3, 4, tzinfo=UTC))
CONFIG = Config(models={serve.MODEL: ModelConfig(maturity="2d")})
QUANTILES = ("latency_p50", "latency_p95", "latency_p99", "outcome_delay_p50")
NUMBERS = (schema.RESULT_VALUE, schema.RESULT_LOW, schema.RESULT_HIGH)
OWN_TIMES = (schema.EVENT_INGESTED, schema.WINDOW_END)
"""When a store took something; the account of all events ends there."""


@pytest.fixture(scope="module")
def flown():
    """Serve the flights of some days, and give what the service logged."""
    table = flights.load()
    trained = model.train(flights.training(table))
    served = flights.serving(table)
    served = served[served["departure"] < served["departure"].min() + timedelta(days=DAYS)]
    hours, random_ = serve.HourClock(), random.Random(2013)
    with capture() as events:
        log = serve.logger("stdout://", trained.model.threshold, hours)
        serve.serve(served, trained.model, log, hours)
        log.close()
    for document in events:
        if schema.EVENT_DURATION in document:  # a measured one would differ from run to run
            document[schema.EVENT_DURATION] = random_.randrange(10**6, 2 * 10**6)
    return [event.encode(document) for document in events]


def _fill(store, events):
    for at in range(0, len(events), 2_000):
        assert store.write(events[at : at + 2_000]).refused == ()


def _results(store, known) -> dict[str, dict[str, Any]]:
    """What the jobs say, by identity."""
    reference.save(store, known)
    jobs.run_once(store, CONFIG, clock=lambda: to_ns(NOW))
    scans = (Scan(dataset=dataset) for dataset in RESULTS)
    return {it[schema.EVENT_ID]: it for scan in scans for batch in store.scan(scan) for it in batch}


@pytest.fixture(scope="module")
def expected(flown, open_embedded):
    """Give a reference, and what the jobs say where all is in the embedded store."""
    store = open_embedded()
    _fill(store, flown)
    [served] = models.models(store, CONFIG)
    known = from_window(store, served, FIRST_DAYS, now=NOW)
    return known, _results(store, known)


@pytest.mark.parametrize("kind", ["elasticsearch_9", "elasticsearch_8", "opensearch"])
def test_jobs_say_the_same_on_every_store(kind, flown, expected, open_cluster):
    """Every metric and finding of a slice of the flights is the embedded store's; quantiles nearly are."""
    known, said = expected
    store = open_cluster(kind)
    _fill(store, flown)
    found = _results(store, known)
    assert found.keys() == said.keys()
    assert any(it[schema.EVENT_DATASET] == Dataset.FINDING for it in found.values())
    wrong = [_shown(it, found[name]) for name, it in said.items() if not _agree(it, found[name])]
    assert wrong == []
    again = jobs.run_once(store, CONFIG, clock=lambda: to_ns(NOW))
    assert (again.metrics, again.findings) == (0, 0)


def _shown(one, other):
    return (
        one[schema.METRIC_NAME],
        one[schema.WINDOW_SIZE],
        one[schema.RESULT_N],
        [(name, value, other.get(name)) for name, value in one.items() if value != other.get(name)],
    )


def _agree(one, other):
    if one.keys() != other.keys():
        return False
    rough = one[schema.METRIC_NAME] in QUANTILES
    if rough and one[schema.RESULT_N] < 1_000:
        return True  # between few values a sketch may give either; the conformance of quantiles has its test
    tolerance = 0.05 if rough else 1e-9
    return all(
        value == pytest.approx(other[name], rel=tolerance, abs=1e-9)
        if name in NUMBERS
        else value == other[name]
        for name, value in one.items()
        if name not in OWN_TIMES
    )
