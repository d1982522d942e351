from datetime import UTC, datetime, timedelta
from threading import Event

import numpy as np

from mlmon.analyzers import profile_window, reference
from mlmon.analyzers.jobs import run_forever, run_once
from mlmon.analyzers.models import models
from mlmon.core import clock
from mlmon.core.config import AnalyzeConfig, Config, ExpectConfig, ModelConfig
from mlmon.core.result import State, identity
from mlmon.core.window import Window

START = datetime(2030, 3, 4, tzinfo=UTC)
NOW = START + timedelta(days=60)
CONFIG = Config(analyze=AnalyzeConfig(windows=("1d", "7d")))
WEEKS = Config(analyze=AnalyzeConfig(windows=("7d",)))


def serve(store, service, n=600, *, shift=0.0, start=START, right=0.9, carriers=("UA",), seed=0):
    """Write n inferences over three weeks, and their outcomes a day later."""
    rng = np.random.default_rng(seed)
    step = timedelta(days=21) / n
    rows = [
        (f"{seed}-{k}", start + k * step, float(rng.normal(shift)), rng.uniform() < right) for k in range(n)
    ]
    store.write(
        [
            service.inference(
                name, moment, TASK="binary", POSITIVE_LABEL="late",
                PREDICTION_LABEL="late" if k % 2 else "ok",
                PREDICTION_SCORE=0.9 if k % 2 else 0.1, FEATURES_NUMERIC={"x": x},
                SEGMENT={"carrier": carriers[k // 2 % len(carriers)]},
            )
            for k, (name, moment, x, _) in enumerate(rows)
        ]
    )  # fmt: skip
    store.write(
        [
            service.outcome(
                name, moment + timedelta(days=1), OUTCOME_LABEL="late" if (k % 2 == 1) is bool(good) else "ok"
            )
            for k, (name, moment, _, good) in enumerate(rows)
        ]
    )


def run(store, now=NOW, config=CONFIG, **options):
    """One pass at a moment."""
    return run_once(store, config, clock=lambda: clock.to_ns(now), **options)


def stated(results, store):
    """Every result by its identity."""
    found = results(store)
    return {identity(result): result for result in (*found.metrics, *found.findings)}


def test_a_second_pass_changes_nothing(store, service, results):
    """With nothing new a pass touches no window; asked to state all again, it states the same."""
    serve(store, service)
    first = run(store)
    before = stated(results, store)
    assert first.metrics == len(before)
    assert run(store).windows == 0
    again = run(store, again=Window(start=START, end=NOW))
    assert again.windows > 0
    assert stated(results, store) == before


def test_only_touched_windows_are_stated(store, service):
    """One late outcome restates the windows of its inference, and no other."""
    serve(store, service)
    run(store)
    store.write([service.outcome("0-0", NOW, OUTCOME_LABEL="late", OUTCOME_REVISION=1)])
    touched = run(store)
    assert touched.outcomes.corrected == 1
    assert touched.windows == 2


def test_in_steps_or_at_once_is_the_same(new_store, service, results):
    """Passes after every batch end with the metrics of one pass over everything."""
    steps, once = new_store(), new_store()
    for seed in (1, 2, 3):
        for store in (steps, once):
            serve(store, type(service)(), n=200, seed=seed)
        run(steps)
    run(once)
    left, right = stated(results, steps), stated(results, once)
    assert left.keys() == right.keys()
    assert all(abs((left[key].value or 0) - (right[key].value or 0)) < 1e-9 for key in left)


def test_a_correction_restates_the_window(store, service, results):
    """A window's accuracy follows a correction, under the same identity."""
    serve(store, service, n=42, right=1.0)
    run(store)
    store.write([service.outcome("0-0", NOW, OUTCOME_LABEL="late", OUTCOME_REVISION=1)])
    run(store)
    found = [
        metric
        for metric in results(store).metrics
        if metric.name == "accuracy" and metric.size == "1d" and metric.window.start == START
    ]
    assert [metric.value for metric in found if not metric.segment] == [0.5]


def test_drift_against_a_reference_is_found_and_resolved(store, service, results):
    """A shifted feature is a finding; when the windows turn out otherwise, the finding is resolved."""
    serve(store, service, n=1_200, seed=1)
    model = models(store)[0]
    week = Window(start=START, end=START + timedelta(days=21))
    reference.save(store, profile_window.from_window(store, model, week, now=NOW))
    later = START + timedelta(days=28)
    serve(store, service, n=1_200, seed=2, shift=2.0, start=later)
    run(store, config=WEEKS)
    drift = [finding for finding in results(store).findings if finding.analyzer == "drift"]
    assert {(finding.subject, finding.size) for finding in drift} == {("x", "7d")}
    assert [finding.window.start for finding in drift] == [later + timedelta(days=7 * k) for k in (1, 2)]
    assert all(len(finding.evidence["current"]) <= 20 for finding in drift)
    wide = profile_window.from_window(store, model, Window(start=later, end=NOW), now=NOW + timedelta(days=1))
    reference.save(store, wide)
    run(store, now=NOW + timedelta(days=2), config=WEEKS)
    states = {
        finding.window.start: finding.state
        for finding in results(store).findings
        if finding.analyzer == "drift" and finding.subject == "x" and finding.window.start >= later
    }
    assert set(states.values()) == {State.RESOLVED}


def test_a_segment_that_got_worse_is_named(store, service, results):
    """Where one carrier's predictions fail, the finding names that carrier and not the other."""
    serve(store, service, n=1_600, seed=1, carriers=("UA", "AA"))
    run(store, config=WEEKS)
    model = models(store)[0]
    past = Window(start=START, end=START + timedelta(days=21))
    reference.save(store, profile_window.from_window(store, model, past, now=NOW))
    later = START + timedelta(days=28)
    serve(store, service, n=800, seed=2, start=later, carriers=("UA",))
    serve(store, service, n=800, seed=3, start=later, carriers=("AA",), right=0.6)
    run(store, config=WEEKS)
    worse = [f for f in results(store).findings if f.analyzer == "performance" and f.metric == "f1"]
    assert {finding.segment for finding in worse} == {"", "carrier=AA"}
    assert all(finding.window.start >= later for finding in worse)


def test_a_window_becomes_final_without_news(store, service, results):
    """A pass after the time for outcomes is over says so of windows that nothing else touched."""
    serve(store, service, n=42)
    store.write([service.inference("lost", START, PREDICTION_LABEL="ok")])

    def final():
        [found] = [
            metric.final
            for metric in results(store).metrics
            if (metric.name, metric.size, metric.window.start, metric.segment)
            == ("coverage", "1d", START, "")
        ]
        return found

    run(store, now=START + timedelta(days=7))
    assert final() is False
    run(store, now=START + timedelta(days=9))
    assert final() is True


def test_run_forever_stops(store, service):
    """The loop yields its passes and ends when it is told to."""
    serve(store, service, n=42)
    stop, passes = Event(), []
    for done in run_forever(store, CONFIG, every=timedelta(0), stop=stop):
        passes.append(done)
        if len(passes) == 2:
            stop.set()
    assert [done.inferences for done in passes] == [42, 0]


def test_an_empty_store_is_no_error(store):
    """A pass over nothing does nothing."""
    done = run(store)
    assert (done.models, done.windows, done.metrics) == (0, 0, 0)


def test_a_new_declaration_is_held_against_what_is_stored(store, service, results):
    """What the settings newly declare is judged in windows stated before; taken back, it resolves."""
    serve(store, service)
    run(store, config=WEEKS)
    assert [one for one in results(store).findings if one.analyzer == "quality"] == []
    model = ModelConfig(expect={"x": ExpectConfig(high=0.0)})
    declared = Config(analyze=WEEKS.analyze, models={"m": model})
    run(store, config=declared)
    found = [one for one in results(store).findings if one.analyzer == "quality"]
    assert {(one.subject, one.metric, one.state) for one in found} == {("x", "outside_rate", State.FIRING)}
    again = run(store, config=declared)
    assert (again.metrics, again.findings) == (0, 0)
    run(store, config=WEEKS)
    found = [one for one in results(store).findings if one.analyzer == "quality"]
    assert {one.state for one in found} == {State.RESOLVED}
