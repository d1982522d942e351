from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest

from mlmon.analyzers import anomalies
from mlmon.analyzers.ask import Ask
from mlmon.analyzers.models import Model
from mlmon.analyzers.policy import Policy
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
        (finding.window.start - START) // HOUR: finding.evidence["kind"]
        for finding in anomalies.analyze(store, question)
        if isinstance(finding, Finding)
    }


def test_an_hour_far_off_is_a_finding(store):
    """An hour five times as slow is a spike, and no other of fifty days is a finding."""
    store.put(stated(latencies()))
    assert found(store, ask(whole())) == {AT: "spike"}


def test_findings_do_not_depend_on_the_span(store):
    """Asked in parts, which begin anywhere and cross a quarter, the findings are those of the whole."""
    store.put(stated(latencies()))
    cuts = [0, 300, 999, 1_000, 1_001, HOURS]
    parts = [Window(start=START + a * HOUR, end=START + b * HOUR) for a, b in pairwise(cuts)]
    together: dict[int, str] = {}
    for part in parts:
        together |= found(store, ask(part))
    assert together == found(store, ask(whole()))


@pytest.mark.parametrize("what", ["open", "not final", "not asked"])
def test_what_may_not_be_judged_is_not(store, what):
    """What is not over, not final, or of a size the policy does not name has no finding."""
    store.put(stated(latencies(), final=what != "not final"))
    now = START + AT * HOUR + timedelta(minutes=30) if what == "open" else START + HOURS * HOUR
    assert found(store, ask(whole(), now=now, sizes=() if what == "not asked" else ("1h",))) == {}
