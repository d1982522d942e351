import json
from datetime import UTC, datetime, timedelta

import pytest

from mlmon.core import panel as core_panel
from mlmon.core import query
from mlmon.core.panel import Scope
from mlmon.core.panels.columns import TIME, VALUE, N
from mlmon.core.panels.model import panels
from mlmon.core.panels.performance import OBSERVED, PREDICTED, segments
from mlmon.core.window import Window
from mlmon.web import charts, shares
from mlmon.web.charts import Band
from mlmon.web.marks import with_gaps

START = datetime(2013, 3, 4, tzinfo=UTC)
DAYS = Scope(model="m", window=Window(start=START, end=START + timedelta(days=4)), size="1d")
ALL = panels("roc_auc")


def stated(day: int, name: str, value: float | None, *, final: int = 1, **more):
    """Make a row as a panel over metrics answers it."""
    row = {TIME: START + timedelta(days=day), "metric": name, VALUE: value, N: 100.0, "coverage": None}
    interval = (
        {"low": value - 0.01, "high": value + 0.01} if value is not None else {"low": None, "high": None}
    )
    return row | interval | {"final": final} | more


ROWS = {
    "traffic": [stated(day, "inferences", value) for day, value in ((0, 900.0), (1, 950.0), (3, 970.0))],
    "errors": [stated(day, "error_rate", 0.02) for day in (0, 1, 3)],
    "latency": [
        stated(day, name, value) for day in (0, 1, 3)
        for name, value in (("latency_p50", 2.1e7), ("latency_p95", 4.4e7), ("latency_p99", 7e7))
    ],
    "performance": [stated(0, "roc_auc", 0.86), stated(1, "roc_auc", 0.85),
        stated(3, "roc_auc", 0.83, final=0),
    ],
    "coverage": [stated(0, "coverage", 0.97), stated(3, "coverage", 0.4, final=0)],
    "drift": [
        stated(day, "psi", 0.05 * day, subject=name) for day in (0, 1, 3) for name in ("temp", "carrier")
    ],
    "missing": [
        stated(1, "missing_rate", 0.08, subject="temp"), stated(1, "missing_rate", 0.0, subject="hour")
    ],
    "invalid": [
        {TIME: START + timedelta(days=day), "subject": name, VALUE: value, N: 100.0}
        for day, name, value in ((0, "temp", 0.0), (1, "temp", 0.12), (1, "carrier", 0.01), (3, "hour", 0.0))
    ],
    "segments": [
        stated(0, "roc_auc", 0.86, segment="carrier=UA"), stated(3, "roc_auc", 0.85, segment="carrier=UA"),
        stated(0, "roc_auc", 0.84, segment="carrier=EV"), stated(3, "roc_auc", 0.75, segment="carrier=EV"),
    ],
    "confusion": [
        {OBSERVED: "late", PREDICTED: "late", N: 60.0}, {OBSERVED: "late", PREDICTED: "on_time", N: 20.0},
        {OBSERVED: "on_time", PREDICTED: "on_time", N: 300.0},
        {OBSERVED: "on_time", PREDICTED: "late", N: 40.0},
    ],
    "calibration": [
        {"score": 0.1, "weight": 1.0, N: 50, "error_sum": 0.5, "score_sum": 6.0},
        {"score": 0.8, "weight": 1.0, N: 20, "error_sum": 0.4, "score_sum": 16.4},
    ],
}  # fmt: skip


@pytest.mark.parametrize("panel", ALL, ids=lambda panel: panel.id)
def test_a_chart_is_the_one_on_record(panel, golden):
    """The specification of every panel is the one in the golden file."""
    band = Band(value=0.86, low=0.85, high=0.87) if panel.id == "performance" else None
    drawn = charts.chart(panel, ROWS[panel.id], DAYS, band)
    text = json.dumps({"specs": drawn.specs, "series": drawn.series, "note": drawn.note}, indent=1)
    golden(f"web/{panel.id}.json", text + "\n")


@pytest.mark.parametrize("panel", ALL, ids=lambda panel: panel.id)
def test_nothing_is_drawn_of_nothing(panel):
    """A panel without rows has no specification, and says what to do."""
    assert charts.chart(panel, [], DAYS).specs == []
    assert panel.empty
    assert panel.title


@pytest.mark.parametrize("panel", ALL, ids=lambda panel: panel.id)
def test_a_panel_asks_what_a_store_can_answer(panel, reader, example):
    """Every panel's question is valid, and the example has rows for it."""
    to = Scope(model=example.LATE, window=example.SPAN, size="7d")
    question = core_panel.scope(panel, to)
    query.check(question)
    rows = reader.query(question).rows
    assert rows
    assert charts.chart(panel, rows, to).specs


def test_a_window_without_data_is_a_gap():
    """A window that nothing is known of has no value; it is never zero."""
    values = [row[VALUE] for row in with_gaps(ROWS["traffic"], DAYS, (VALUE,))]
    assert values == [900.0, 950.0, None, 970.0]


def test_corrections_cancel_in_the_confusion_matrix():
    """A cell whose evaluations were all withdrawn is not counted."""
    rows = [*ROWS["confusion"], {OBSERVED: "lost", PREDICTED: "late", N: 0.0}]
    [spec] = shares.confusion(rows)
    assert {row[OBSERVED] for row in spec["data"]["values"]} == {"late", "on_time"}
    [cell] = [row for row in spec["data"]["values"] if (row[OBSERVED], row[PREDICTED]) == ("late", "on_time")]
    assert cell["share"] == 0.25


def test_the_calibration_curve_nets_signed_weights():
    """A withdrawn evaluation takes its score and its outcome out of the bin again."""
    kept = {"score": 0.8, "weight": 1.0, N: 4, "error_sum": -0.8, "score_sum": 3.2}
    wrong = {"score": 0.8, "weight": 1.0, N: 1, "error_sum": 0.8, "score_sum": 0.8}
    withdrawn = wrong | {"weight": -1.0}
    [alone, _] = shares.calibration([kept])
    [netted, _] = shares.calibration([kept, wrong, withdrawn])
    assert netted["data"]["values"] == alone["data"]["values"]
    [row] = alone["data"]["values"]
    assert (row["predicted"], row["observed"], row["n"]) == (0.8, 1.0, 4.0)


def test_the_segment_that_lost_most_is_on_top():
    """Segments are sorted by what they lost from the first window to the last."""
    drawn = charts.chart(segments("roc_auc"), ROWS["segments"], DAYS)
    assert drawn.series == ["carrier=EV", "carrier=UA"]


def test_less_loss_is_no_loss():
    """For a measure where smaller is better, the segment that rose most is on top."""
    rows = [row | {"metric": "log_loss"} for row in ROWS["segments"]]
    assert charts.chart(segments("log_loss"), rows, DAYS).series == ["carrier=UA", "carrier=EV"]
