from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest
from msgspec.structs import replace

from mlmon.analyzers import anomalies
from mlmon.analyzers.ask import Ask
from mlmon.analyzers.models import Model
from mlmon.analyzers.policy import Policy
from mlmon.analyzers.series import anomaly
from mlmon.analyzers.series.anomaly import Tuning
from mlmon.core.occasions import Occasion
from mlmon.core.result import Finding, Metric
from mlmon.core.window import Window

HOUR = timedelta(hours=1)
START = datetime(2030, 1, 1, tzinfo=UTC)
HOURS = 1_200
AT = 1_000


def stated(values, *, final=True):
    """A metric of each hour."""
    return [
        Metric(
            analyzer="service",
            model="m",
            name="latency_p95",
            window=Window(start=START + row * HOUR, end=START + (row + 1) * HOUR),
            size="1h",
            value=float(value),
            n=100,
            final=final,
        )
        for row, value in enumerate(values)
    ]


def latencies():
    """Latencies with a daily season, and one hour in which they are five times as long."""
    chance = np.random.default_rng(8)
    values = 100 + 20 * np.sin(2 * np.pi * np.arange(HOURS) / 24) + chance.normal(0, 3, HOURS)
    values[AT] *= 5
    return values


def ask(span, now=START + HOURS * HOUR, sizes=("1h",)):
    """A question about the hours of a span."""
    return Ask(model=Model(name="m"), span=span, size="1h", now=now, policy=Policy(anomaly_sizes=sizes))


def whole():
    """All the hours."""
    return Window(start=START, end=START + HOURS * HOUR)


def found(store, question):
    """The hours of the findings, with their kinds."""
    return {
        (finding.window.start - START) // HOUR: finding.evidence["anomaly"]
        for finding in anomalies.analyze(store, question)
        if isinstance(finding, Finding)
    }


def test_an_hour_far_off_is_a_finding(store):
    """An hour five times as slow is a spike, and no other of fifty days is a finding."""
    store.put(stated(latencies()))
    assert found(store, ask(whole())) == {AT: "spike"}


@pytest.mark.parametrize(("factor", "said"), [(5.0, "a spike"), (0.2, "a dip")])
def test_a_value_below_what_was_expected_is_told_as_a_dip(store, factor, said):
    """The words of a finding say to which side the value went."""
    values = calm()
    store.put(stated([*values[:AT], values[AT] * factor, *values[AT + 1 :]]))
    [finding] = [one for one in anomalies.analyze(store, ask(whole())) if isinstance(one, Finding)]
    assert finding.message.endswith(f"was expected: {said}.")


def test_findings_do_not_depend_on_the_span(store):
    """Asked in parts, which begin anywhere and cross a quarter, the findings are those of the whole."""
    store.put(stated(latencies()))
    cuts = [0, 300, 999, 1_000, 1_001, HOURS]
    parts = [Window(start=START + a * HOUR, end=START + b * HOUR) for a, b in pairwise(cuts)]
    together: dict[int, str] = {}
    for part in parts:
        together |= found(store, ask(part))
    assert together == found(store, ask(whole()))


def test_parts_that_the_policy_names_are_looked_at(store):
    """A version or a segment has findings of its own, where the policy names it; all traffic always has."""
    well, ill = stated(calm()), stated(latencies())
    store.put([replace(one, version="2") for one in ill])
    store.put([replace(one, segment="carrier=UA") for one in ill])
    store.put(well)
    named = {
        parts: {
            (one.version, one.segment)
            for one in anomalies.analyze(store, replace(ask(whole()), policy=Policy(anomaly_parts=parts)))
            if isinstance(one, Finding)
        }
        for parts in ((), ("version",), ("version", "segment"))
    }
    assert named == {
        (): set(),
        ("version",): {("2", "")},
        ("version", "segment"): {("2", ""), ("", "carrier=UA")},
    }


@pytest.mark.parametrize("what", ["open", "not final", "not asked"])
def test_what_may_not_be_judged_is_not(store, what):
    """What is not over, not final, or of a size the policy does not name has no finding."""
    store.put(stated(latencies(), final=what != "not final"))
    now = START + AT * HOUR + timedelta(minutes=30) if what == "open" else START + HOURS * HOUR
    assert found(store, ask(whole(), now=now, sizes=() if what == "not asked" else ("1h",))) == {}


def calm(seed=1, hours=HOURS):
    """A metric with a daily season and noise."""
    chance = np.random.default_rng(seed)
    return 100 + 20 * np.sin(2 * np.pi * np.arange(hours) / 24) + chance.normal(0, 3, hours)


def broken(kind):
    """A metric in which something is wrong from a row on."""
    values = calm()
    if kind == "shift":
        values[AT:] -= 45
    elif kind == "noise":
        values[AT : AT + 48] += np.random.default_rng(4).normal(0, 45, 48)
    elif kind == "flatline":
        values[AT : AT + 60] = values[AT]
    return values


@pytest.mark.parametrize("kind", ["shift", "noise", "flatline"])
def test_the_kinds_are_told_apart(store, kind):
    """A level that shifts, hours that are wild, and a value that stands still are found, each as such."""
    store.put(stated(broken(kind)))
    said = found(store, ask(whole()))
    # Where a value stands still at noon, the night after is off to one side as well.
    assert {kind} <= set(said.values()) <= {kind, "shift"}
    assert AT <= min(said) < AT + 48


def test_a_shift_reads_as_a_spike_until_more_is_known(store):
    """In its first hour a level that shifts is a spike; six hours later the same is a shift."""
    store.put(stated(broken("shift")))
    at_once = ask(whole(), now=START + (AT + 1) * HOUR)
    assert found(store, at_once) == {AT: "spike"}
    assert found(store, ask(whole(), now=START + (AT + 7) * HOUR)) == {AT: "shift"}


def test_hours_that_are_missing_are_a_silence(store):
    """After two days without any hour the next one is told to end a silence."""
    store.put([metric for row, metric in enumerate(stated(calm())) if not AT <= row < AT + 48])
    assert found(store, ask(whole())) == {AT + 48: "silence"}


@pytest.mark.parametrize("shape", ["high", "none"])
def test_a_declared_event_is_no_anomaly_and_teaches_nothing(store, shape):
    """A campaign that triples the traffic for two days, or stops it, raises nothing then or after."""
    values = calm()
    values[AT : AT + 48] *= 3
    rows = [metric for row, metric in enumerate(stated(values)) if shape == "high" or not AT <= row < AT + 48]
    store.put(rows)
    assert found(store, ask(whole())) != {}
    event = Window(start=START + AT * HOUR, end=START + (AT + 48) * HOUR)
    excused = replace(ask(whole()), occasions=(Occasion(window=event, name="campaign"),))
    assert found(store, excused) == {}


def test_an_event_does_not_hide_what_comes_after_it(store):
    """A spike a day after a campaign is found, also when the campaign was wild."""
    values = calm()
    values[AT : AT + 48] *= 3
    values[AT + 72] *= 5
    store.put(stated(values))
    event = Window(start=START + AT * HOUR, end=START + (AT + 48) * HOUR)
    excused = replace(ask(whole()), occasions=(Occasion(window=event, name="campaign"),))
    assert found(store, excused) == {AT + 72: "spike"}


def test_the_evidence_has_the_hours_before_with_what_was_expected(store):
    """The evidence holds up to 60 windows, the last of them the one found, each with its expectation."""
    store.put(stated(latencies()))
    [finding] = anomalies.analyze(store, ask(whole()))
    assert isinstance(finding, Finding)
    drawn = finding.evidence["series"]
    assert {len(column) for name, column in drawn.items() if name != "size"} == {60}
    assert drawn["value"][-1] == finding.value
    assert drawn["low"][-1] < drawn["expected"][-1] < drawn["high"][-1] < drawn["value"][-1]


def test_a_thousand_clean_series_stay_quiet():
    """Of 1,000 days-series of 200 days with weeks, noise and counts at most two have an alarm."""
    alarms = 0
    for seed in range(1_000):
        chance, days = np.random.default_rng(seed), np.arange(200)
        weekend = 1 - 0.3 * chance.random() * np.isin(days % 7, (5, 6))
        values = chance.poisson(2_000 * weekend) if seed % 2 else 30 * np.exp(chance.normal(0, 0.08, 200))
        times = START.timestamp() + 86_400 * days
        scored = anomaly.scores(times.tolist(), values.astype(float).tolist(), Tuning(warm=30, hold=30))
        alarms += sum(one.anomaly for one in scored)
    assert alarms <= 2


def test_no_failures_for_long_is_no_flatline(store):
    """An error rate that stays at 0, before, during and after a declared event, is no anomaly."""
    chance = np.random.default_rng(9)
    values = np.where(np.arange(HOURS) < 600, chance.binomial(400, 0.01, HOURS) / 400, 0.0)
    store.put(stated(values))
    event = Window(start=START + AT * HOUR, end=START + (AT + 24) * HOUR)
    excused = replace(ask(whole()), occasions=(Occasion(window=event, name="campaign"),))
    assert found(store, excused) == {}
    store.put(stated(np.zeros(HOURS)))
    assert found(store, excused) == {}
