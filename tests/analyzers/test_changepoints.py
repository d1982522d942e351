from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from msgspec.structs import replace

from mlmon.analyzers import changepoints, jobs
from mlmon.analyzers.ask import Ask
from mlmon.analyzers.models import Model
from mlmon.analyzers.policy import Policy
from mlmon.core import clock
from mlmon.core.config import AnalyzeConfig, Config
from mlmon.core.occasions import Occasion
from mlmon.core.result import Metric, Severity, State
from mlmon.core.window import Window

DAY = timedelta(days=1)
START = datetime(2030, 1, 1, tzinfo=UTC)
DAYS = 150
AT = 90


def stated(values, name="latency_p95", subject=""):
    """A metric of each day."""
    return [
        Metric(
            analyzer="service", model="m", name=name, subject=subject, size="1d", value=float(value), n=500,
            window=Window(start=START + row * DAY, end=START + (row + 1) * DAY),
        )
        for row, value in enumerate(values)
    ]  # fmt: skip


def week(seed, days=DAYS, *, noise=0.05):
    """A level with a weekend and noise."""
    chance = np.random.default_rng(seed)
    return 100 * (1 - 0.2 * np.isin(np.arange(days) % 7, (5, 6))) * np.exp(chance.normal(0, noise, days))


def ask(days=DAYS, start=START):
    """A question about days from the first on."""
    span = Window(start=start, end=START + days * DAY)
    return Ask(model=Model(name="m"), span=span, size="1d", now=START + days * DAY, policy=Policy())


def found(store, question):
    """The days of the findings, counted from the first."""
    return {(one.window.start - START) // DAY: one for one in changepoints.analyze(store, question)}


def test_a_change_of_level_has_its_date_and_both_means(store):
    """A latency that is a third longer from a day on is told with that day, before and after."""
    values = week(1)
    values[AT:] *= 1.33
    store.put(stated(values))
    [(at, finding)] = found(store, ask()).items()
    assert abs(at - AT) <= 2
    assert finding.severity is Severity.INFO
    before, after = finding.evidence["before"], finding.evidence["after"]
    assert before["low"] < 94 < before["high"]
    assert after["low"] < 94 * 1.33 < after["high"]
    assert "on average, before it was" in finding.message


def test_hardly_any_series_without_a_change_has_one():
    """Of 90 clean series of 150 days with weekends, noise, counts and memory at most one has a finding."""
    findings = 0
    for seed in range(90):
        chance = np.random.default_rng(seed)
        values = week(seed)
        if seed % 3 == 1:
            values = chance.poisson(values * 5).astype(float)
        elif seed % 3 == 2:
            off = chance.normal(0, 3, DAYS)
            for row in range(1, DAYS):
                off[row] += 0.6 * off[row - 1]
            values = 100 + off
        findings += len(list(changepoints._changes(stated(values), ask())))
    assert findings <= 1


def test_rare_errors_are_no_change():
    """Of 30 services with an error a day or fewer in 500, always as rare, at most one has a finding."""
    findings = 0
    for seed in range(30):
        chance = np.random.default_rng(seed)
        asked = chance.integers(300, 700, DAYS)
        rate = chance.binomial(asked, (0.0003, 0.001, 0.002)[seed % 3]) / asked
        findings += any(True for _ in changepoints._changes(stated(rate, name="error_rate"), ask()))
    assert findings <= 1


def test_most_changes_are_found():
    """Of 30 series whose level rises by a fifth, at least 26 have it told within five days."""
    hits = 0
    for seed in range(30):
        values = week(seed)
        values[AT:] *= 1.2
        hits += any(abs(one.at - AT) <= 5 for one in changepoints._changes(stated(values), ask()))
    assert hits >= 26


def test_a_change_is_told_within_the_quarter_that_is_asked_for(store):
    """Asked quarter by quarter the findings are those of the whole."""
    values = week(2)
    values[AT:] *= 1.5
    store.put(stated(values))
    spring = datetime(2030, 4, 1, tzinfo=UTC)
    first = ask()
    first = replace(first, span=Window(start=START, end=spring))
    parts = found(store, replace(first, now=START + DAYS * DAY)) | found(store, ask(start=spring))
    assert parts.keys() == found(store, ask()).keys()


def test_drift_of_what_is_predicted_is_looked_at_and_of_features_not(store):
    """A PSI of the score that rises by what matters is told; that of a feature is drift's to tell."""
    values = np.full(DAYS, 0.02) + np.random.default_rng(3).normal(0, 0.004, DAYS)
    values[AT:] += 0.2
    store.put(stated(values, name="psi", subject="prediction.score") + stated(values, "psi", "temp"))
    assert {one.subject for one in found(store, ask()).values()} == {"prediction.score"}


def test_a_declared_event_is_no_change(store):
    """Three weeks that were declared are no regime of their own."""
    values = week(5)
    values[AT : AT + 21] *= 2
    store.put(stated(values))
    assert found(store, ask())
    event = Window(start=START + AT * DAY, end=START + (AT + 21) * DAY)
    assert found(store, replace(ask(), occasions=(Occasion(window=event, name="sale"),))) == {}


@pytest.mark.parametrize("days", [0, 30, 59])
def test_few_days_say_nothing(store, days):
    """Under sixty days there is no finding."""
    values = week(1, days)
    values[days // 2 :] *= 3
    store.put(stated(values))
    assert found(store, ask(days=max(days, 1))) == {}


def test_the_jobs_look_once_a_day_and_resolve_what_is_gone(store, service, results):
    """A pass with a new day looks again, one without does not; a change that is no more is resolved."""
    values = week(1)
    values[AT:] *= 1.33
    store.put(stated(values, name="roc_auc"))
    config = Config(analyze=AnalyzeConfig(windows=("1d",), anomalies=()))

    def run(day):
        at = START + day * DAY
        store.write([service.inference(f"i{day}", at - timedelta(hours=30))])
        jobs.run_once(store, config, clock=lambda: clock.to_ns(at))
        known = [one for one in results(store).findings if one.analyzer == changepoints.ANALYZER]
        return [one.state for one in known]

    assert run(DAYS) == [State.FIRING]
    store.put(stated(week(1), name="roc_auc"))
    assert run(DAYS) == [State.FIRING]
    assert run(DAYS + 1) == [State.RESOLVED]
