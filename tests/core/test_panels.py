from datetime import UTC, datetime

import pytest

from mlmon.core.metric import QUALITY, unit_of, words
from mlmon.core.panel import Kind, Scope, names_of, scope
from mlmon.core.panels.columns import metrics
from mlmon.core.panels.model import OF_CLASSES, OVER_TIME, panels
from mlmon.core.query import check
from mlmon.core.window import Window

ALL = panels("roc_auc")
YEAR = Window(start=datetime(2013, 1, 1, tzinfo=UTC), end=datetime(2014, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("panel", ALL, ids=lambda panel: panel.id)
def test_every_panel_asks_what_a_store_can_answer(panel):
    """The question of each panel names fields that are there, of types that suit."""
    check(scope(panel, Scope(model="m", window=YEAR, size="1d")))


@pytest.mark.parametrize("panel", ALL, ids=lambda panel: panel.id)
def test_a_panel_draws_columns_of_its_answer(panel):
    """What a panel puts on its axes is a key or a measure of its query."""
    columns = {*panel.query.by, *panel.query.measures}
    shown = {panel.x, *panel.y} | {one for one in (panel.series, panel.low, panel.high) if one}
    assert shown <= columns


def test_the_parts_of_the_page_name_panels():
    """The lists of ids speak of panels that there are."""
    assert {*OVER_TIME, *OF_CLASSES} <= {panel.id for panel in ALL}


def test_a_panel_knows_its_metrics():
    """The names of a panel's metrics are those of its question; a panel over events has none."""
    by_id = {panel.id: panel for panel in ALL}
    assert names_of(by_id["latency"]) == ("latency_p50", "latency_p95", "latency_p99")
    assert names_of(by_id["confusion"]) == ()
    assert by_id["confusion"].kind is Kind.CONFUSION


def test_every_measure_of_quality_has_words_and_a_unit():
    """No measure is shown by its raw name with underscores."""
    assert [name for name in QUALITY if "_" in words(name)] == []
    assert all(unit_of(name) for name in QUALITY)


def test_metrics_of_the_model_leave_subjects_out():
    """Without subjects only what speaks of the whole model is asked for."""
    assert metrics(("psi",)) != metrics(("psi",), subjects=True)
