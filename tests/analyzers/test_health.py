from datetime import timedelta
from threading import Event

import pytest

from mlmon.analyzers.health import Reporter, lag_s, lags_s, reported
from mlmon.analyzers.jobs import run_forever, run_once
from mlmon.core import clock, health, schema
from mlmon.core.config import AnalyzeConfig, Config
from mlmon.core.errors import StoreError
from mlmon.core.health import Part
from mlmon.core.query import Scan
from mlmon.core.schema import Dataset

CONFIG = Config(analyze=AnalyzeConfig(windows=("1d",)))


@pytest.fixture
def present(store):
    """The moment of the store's first batch, in nanoseconds, and what moves it on."""

    class Present:
        at = next(store.stamps)

        def __call__(self) -> int:
            return clock.to_ns(self.at)

        def move(self, seconds: float) -> None:
            self.at += timedelta(seconds=seconds)

    return Present()


def _reports(store):
    documents = [document for batch in store.scan(Scan(dataset=Dataset.JOB)) for document in batch]
    return sorted(map(health.from_document, documents), key=lambda report: report.number)


def _serve(store, service, present, number=3):
    store.write(
        [service.inference(f"{present.at}-{k}", present.at, PREDICTION_LABEL="late") for k in range(number)]
    )


def test_a_pass_reports_what_it_did_and_how_long_it_took(store, service, present):
    """Counts add up over the passes of a process, times are those of the last pass, by stage."""
    reporter = Reporter(clock=present)
    _serve(store, service, present)
    for _ in range(2):
        present.move(60)
        done = run_once(store, CONFIG, clock=present)
        done.seconds["service 1h"] = 2.0
        done.seconds["service 1d"] = 3.0
        reporter.passed(store, done)
    first, second = _reports(store)
    assert (first.part, first.counters[health.PASSES], second.counters[health.PASSES]) == (
        Part.ANALYZERS, 1, 2,
    )  # fmt: skip
    assert first.counters[health.INFERENCES] == second.counters[health.INFERENCES] == 3
    assert second.gauges["stage_seconds_service"] == 5.0
    assert second.gauges[health.PASS_SECONDS] >= 5.0
    assert second.gauges[health.MODELS] == 1
    assert second.gauges[health.LAG_SECONDS] == second.gauges[health.ENDED] == 0
    assert first.id == second.id


def test_the_lag_is_the_wait_of_the_oldest_event_no_pass_has_seen(store, service, present):
    """It is 0 after a pass, and grows from the moment something new was stored, also where no pass runs."""
    assert lag_s(store, present.at) == 0
    _serve(store, service, present)
    [stored] = {each[schema.EVENT_INGESTED] for each in store.documents[Dataset.INFERENCE].values()}
    assert lag_s(store, stored + timedelta(seconds=90)) == 90
    run_once(store, CONFIG, clock=present)
    assert lag_s(store, stored + timedelta(seconds=90)) == 0
    present.move(1)
    _serve(store, service, present)
    later = max(each[schema.EVENT_INGESTED] for each in store.documents[Dataset.INFERENCE].values())
    assert lag_s(store, later + timedelta(seconds=7)) == 7
    assert lags_s(store, later + timedelta(seconds=7)) == {"m": 7}


def test_quick_passes_do_not_all_report(store, present):
    """Passes a second apart report every ten seconds, and the last of them says the sum."""
    reporter = Reporter(clock=present)
    for _ in range(25):
        reporter.passed(store, run_once(store, CONFIG, clock=present))
        present.move(1)
    reporter.ended(store)
    assert [report.counters[health.PASSES] for report in _reports(store)] == [1, 11, 21, 25]
    assert [report.gauges[health.ENDED] for report in _reports(store)] == [0, 0, 0, 1]


def test_a_failed_pass_is_reported_with_its_reason(store, present):
    """The error goes on to whoever runs the passes; the report says since when nothing succeeded."""

    def passes():
        yield run_once(store, CONFIG, clock=present)
        present.move(120)
        raise StoreError("The disk is gone.")

    told = reported(passes(), store, Reporter(clock=present))
    next(told)
    with pytest.raises(StoreError, match="gone"):
        next(told)
    report = _reports(store)[-1]
    assert report.counters[health.FAILED] == 1
    assert report.gauges[health.SUCCESS_AGE_SECONDS] == 120
    assert report.message == "a pass failed: The disk is gone."


def test_a_stop_in_order_is_reported(store, present):
    """The last report of passes that were told to stop says so."""
    stop = Event()
    passes = run_forever(store, CONFIG, every=timedelta(0), stop=stop, clock=present)
    for _ in reported(passes, store, Reporter(clock=present)):
        stop.set()
    assert [report.gauges[health.ENDED] for report in _reports(store)] == [0, 1]
