from datetime import UTC, datetime, timedelta

import pytest

from mlmon.core.occasions import EventConfig, occasions
from mlmon.core.panel import Scope
from mlmon.core.panels import service as panels
from mlmon.core.result import Finding, Severity
from mlmon.core.window import Window
from mlmon.web import charts, detail, evidence
from mlmon.web.annotated import annotated

START = datetime(2013, 5, 1, tzinfo=UTC)
DAY = timedelta(days=1)
STARTS = [(START + k * DAY).isoformat() for k in range(20)]
SPAN = Window(start=START, end=START + 20 * DAY)


def drift(**more):
    """A finding of concept drift."""
    levels = {"before": {"value": 0.1, "low": 0.09, "high": 0.11, "n": 900},
              "after": {"value": 0.2, "low": 0.18, "high": 0.22, "n": 400}}  # fmt: skip
    series = {"size": "1d", "start": STARTS, "value": [0.1] * 10 + [0.2] * 10}
    return Finding(
        analyzer="concept_drift", model="m", metric="concept_drift", window=SPAN, size="all", value=0.2,
        bound=0.105, n=400, message="x", severity=Severity.CRITICAL,
        evidence={"since": STARTS[10], "alarm": STARTS[12], "detector": "adwin", "settings": {"delta": 0.002},
                  "unit": "ratio", "series": series, **levels, **more},
    )  # fmt: skip


def anomaly():
    """A finding of an anomaly of a latency, whose first days have no expectation."""
    known = [None] * 5 + [3e7] * 15
    series = {"size": "1d", "start": STARTS, "value": [3e7] * 19 + [2e8], "expected": known,
              "low": [None if x is None else x - 1e6 for x in known],
              "high": [None if x is None else x + 1e6 for x in known]}  # fmt: skip
    return Finding(
        analyzer="anomaly", model="m", metric="latency_p95", size="1d", value=2e8, bound=None, n=500,
        message="x", window=Window(start=START + 19 * DAY, end=START + 20 * DAY),
        evidence={"expected": 3e7, "score": 0.81, "anomaly": "spike", "series": series},
    )  # fmt: skip


def styles(spec):
    """The styles of the marks of a chart."""
    return [layer["mark"].get("style", "line") for layer in spec["layer"]]


def test_an_anomaly_is_drawn_with_what_was_expected():
    """The values, the expectation and its band are drawn in one unit, and the window found as a dot."""
    [spec] = evidence.chart(anomaly()).specs
    assert styles(spec) == ["band", "expected", "line", "now"]
    last = spec["data"]["values"][-1]
    assert (last["value"], last["expected"], last["low"], last["is_found"]) == (200, 30, 29, True)
    assert spec["data"]["values"][0]["expected"] is None


def test_a_change_is_drawn_with_both_levels_and_a_line():
    """The level before and after, each with its interval over its time, and a line where it changed."""
    [spec] = evidence.chart(drift()).specs
    assert styles(spec) == ["reference-band", "level", "line", "dot", "since"]
    levels = spec["layer"][0]["data"]["values"]
    at = int(datetime.fromisoformat(STARTS[10]).timestamp() * 1000)
    assert levels[0]["to"] == levels[1]["from"] == at == spec["layer"][-1]["data"]["values"][0]["since"]


def test_the_facts_of_a_drift_are_words():
    """Since when, before, after, the detector and its settings are told in words."""
    told = dict(evidence.facts(drift()))
    assert told["since"] == "11 May 2013 00:00 UTC"
    assert told["before"] == "10.0 % (9.0 % to 11.0 %)"
    assert told["detector"] == "ADWIN"
    assert told["its settings"] == "delta 0.002"
    assert told["concept drift"] == "20.0 %"


def test_the_facts_of_an_anomaly_are_words():
    """What it looks like and what was expected are told in the unit of the metric."""
    told = dict(evidence.facts(anomaly()))
    assert told["what it looks like"] == "a spike: far off, then back"
    assert told["expected"] == "30 ms"


@pytest.mark.parametrize(
    ("against", "words"),
    [("fixed", "the reference"), ("seasonal", "the same time of earlier weeks or years")],
)
def test_what_drift_was_held_against_is_told_in_words(against, words):
    """A finding says what it was held against, and how many windows had to show it."""
    finding = Finding(
        analyzer="drift", model="m", metric="psi", subject="x", window=SPAN, size="7d", value=0.3, bound=0.1,
        n=5, message="x", evidence={"windows": 2, "among": 3, "against": against},
    )  # fmt: skip
    told = dict(evidence.facts(finding))
    assert told["held against"] == words
    assert told["windows that must show it"] == "2 of 3"


def test_the_question_over_the_chart_fits_it():
    """A change asks since when, an anomaly what was expected."""
    assert detail._question(drift()) == "Since when, and how large?"
    assert detail._question(anomaly()) == "What was expected, and what came?"


def rows():
    """Traffic of twenty days."""
    return [
        {"time": START + k * DAY, "value": 100.0, "low": None, "high": None, "final": 1} for k in range(20)
    ]


def change(metric="inferences", subject=""):
    """A change point of a metric."""
    return Finding(
        analyzer="changepoint", model="m", metric=metric, subject=subject, size="1d", value=1.0, bound=None,
        n=5, message="x", window=Window(start=START + 8 * DAY, end=START + 9 * DAY),
    )  # fmt: skip


def test_declared_events_and_changes_stand_in_the_charts():
    """A band behind the bars for an event, a line before them for a change, and a note on both."""
    scope = Scope(model="m", window=SPAN, size="1d")
    panel = panels.TRAFFIC
    chart = charts.chart(panel, rows(), scope)
    event = EventConfig(name="sale", dates=("2013-05-04",))
    drawn = annotated(chart, panel, scope, [change()], occasions([event], "m", SPAN))
    assert styles(drawn.specs[0]) == ["occasion", "traffic", "since"]
    assert "declared events (sale)" in drawn.note
    assert "another one" in drawn.note


def test_a_chart_without_any_stays_as_it_is():
    """Nothing is added where no event is declared and what changed is another metric, or a subject's."""
    scope = Scope(model="m", window=SPAN, size="1d")
    chart = charts.chart(panels.TRAFFIC, rows(), scope)
    others = [change("error_rate"), change(subject="x"), drift()]
    assert annotated(chart, panels.TRAFFIC, scope, others, ()) is chart
