from datetime import UTC, datetime

import pytest

from mlmon.analyzers.policy import Policy
from mlmon.core import schema
from mlmon.core.dashboards import DASHBOARDS
from mlmon.core.panel import ALL, Listing, Panel, across
from mlmon.core.panels.drift import PSI
from mlmon.core.panels.service import ERROR_RATE
from mlmon.core.query import Max, Mean, Min, check, leaves_of
from mlmon.core.result import Severity
from mlmon.core.schema import Dataset, Type
from mlmon.core.window import Window

YEAR = Window(start=datetime(2013, 1, 1, tzinfo=UTC), end=datetime(2014, 1, 1, tzinfo=UTC))
SHOWN = [(board.id, panel) for board in DASHBOARDS for panel in board.panels]
PANELS = {panel.id: panel for _, panel in SHOWN if isinstance(panel, Panel)}
LISTINGS = {panel.id: panel for _, panel in SHOWN if isinstance(panel, Listing)}


def test_an_id_names_one_thing():
    """Two panels of one id are the same panel, and no two dashboards share one."""
    assert all(panel == {**PANELS, **LISTINGS}[panel.id] for _, panel in SHOWN)
    assert len({board.id for board in DASHBOARDS}) == len(DASHBOARDS)
    assert not PANELS.keys() & LISTINGS.keys()


def test_every_way_leads_somewhere():
    """A dashboard leads only to dashboards that there are, and not to itself."""
    ids = {board.id for board in DASHBOARDS}
    assert all({*board.leads_to} <= ids - {board.id} for board in DASHBOARDS)


def test_the_way_to_the_log_lines_is_short():
    """From all models a click leads to one model, and from there to its log lines."""
    ways = {board.id: board.leads_to for board in DASHBOARDS}
    assert "model" in ways["overview"]
    assert "logs" in ways["model"]


@pytest.mark.parametrize("board", DASHBOARDS, ids=lambda board: board.id)
def test_controls_choose_among_words(board):
    """What can be chosen on a dashboard is a keyword that some panel of it knows."""
    datasets = {
        panel.query.dataset if isinstance(panel, Panel) else panel.scan.dataset for panel in board.panels
    }
    for field in board.controls:
        assert schema.FIELDS[field].type is Type.KEYWORD
        assert datasets & {*schema.FIELDS[field].datasets}


@pytest.mark.parametrize("panel", PANELS.values(), ids=PANELS)
def test_every_panel_of_a_dashboard_can_be_asked(panel):
    """Across all models each question names fields that are there, of types that suit."""
    check(across(panel, "1d"))


@pytest.mark.parametrize("panel", PANELS.values(), ids=PANELS)
def test_a_panel_shows_columns_of_its_answer(panel):
    """What a panel puts on its axes is a key, a measure, or a ratio of two measures."""
    query = panel.query
    assert all({ratio.over, ratio.under} <= query.measures.keys() for ratio in panel.ratios.values())
    known = {*query.by, *query.measures, *panel.ratios}
    assert {panel.x, *panel.y} | {one for one in (panel.series, panel.low, panel.high) if one} <= known


@pytest.mark.parametrize("panel", PANELS.values(), ids=PANELS)
def test_two_metrics_never_meet_in_one_row(panel):
    """Where a number is picked and not added up, everything that tells metrics apart is a key or is fixed."""
    query = across(panel, "1d")
    picked = any(isinstance(one, Max | Min | Mean) for one in query.measures.values())
    if query.dataset is not Dataset.METRIC or panel.size == ALL or not picked:
        return
    told = {leaf.field for leaf in leaves_of(query.where)} | {key.field for key in query.by.values()}
    assert {
        schema.MODEL_NAME, schema.MODEL_VERSION, schema.METRIC_NAME, schema.RESULT_SEGMENT,
        schema.RESULT_SUBJECT, schema.WINDOW_SIZE,
    } <= told  # fmt: skip


@pytest.mark.parametrize("listing", LISTINGS.values(), ids=LISTINGS)
def test_every_listing_can_be_read(listing):
    """A listing asks for fields that its documents have."""
    check(listing.scan)
    fields = {field.name for field in schema.fields_of(listing.scan.dataset)}
    assert {*(listing.scan.fields or ())} <= fields


@pytest.mark.parametrize("panel", PANELS.values(), ids=PANELS)
def test_a_panel_asks_only_for_fields_of_its_dataset(panel):
    """Every field of a question is one that documents of its dataset carry."""
    query = across(panel, "1d")
    asked = {leaf.field for leaf in leaves_of(query.where)} | {key.field for key in query.by.values()}
    asked |= {one.field for one in query.measures.values() if hasattr(one, "field")}
    families = {name: schema.family_of(name) for name in asked}
    names = {family[0].name if (family := families[name]) else name for name in asked}
    assert names <= {field.name for field in schema.fields_of(query.dataset)}


def test_thresholds_are_those_of_the_policy():
    """The bounds that dashboards draw are the ones that findings are made by."""
    policy = Policy()
    assert [one.value for one in PSI] == [policy.psi, policy.psi_critical]
    assert [one.value for one in ERROR_RATE] == [policy.error_rate, policy.error_rate_critical]
    assert [one.severity for one in PSI] == [Severity.WARNING, Severity.CRITICAL]
