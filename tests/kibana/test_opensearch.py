import json
from collections import Counter

import pytest

from mlmon.core import schema
from mlmon.core.dashboards import DASHBOARDS
from mlmon.core.schema import Type
from mlmon.kibana.objects import Frame, ndjson
from mlmon.kibana.opensearch import render

NUMBERS = {Type.LONG, Type.DOUBLE}
WORDS = {Type.KEYWORD, Type.KEYWORD_LIST, Type.BOOLEAN}
TAKES = {
    "date_histogram": {Type.DATE},
    "terms": WORDS,
    "sum": NUMBERS,
    "avg": NUMBERS,
    "std_dev": NUMBERS,
    "percentiles": NUMBERS,
    "min": NUMBERS | {Type.DATE},
    "max": NUMBERS | {Type.DATE},
    "cardinality": WORDS | NUMBERS | {Type.DATE},
}
ROLES = {
    "line": {"metric", "segment", "group"},
    "histogram": {"metric", "segment", "group"},
    "heatmap": {"metric", "segment", "group", "split"},
    "table": {"metric", "bucket"},
    "metric": {"metric"},
}
"""The places that aggregations may take in each type of visualization."""


@pytest.fixture(scope="module")
def boards(frame):
    """Give all dashboards as OpenSearch Dashboards gets them."""
    return render(frame)


def states(boards):
    """Give each visualization with its state."""
    drawn = [each for each in boards.objects if each["type"] == "visualization"]
    return [(each, json.loads(each["attributes"]["visState"])) for each in drawn]


def test_the_rendered_objects(boards, golden):
    """All objects, one a line, are as they were when somebody last looked at them."""
    golden("kibana/opensearch.ndjson", ndjson(boards.objects).decode())


def test_ids_are_stable_and_unique(boards, frame):
    """Rendered again all is the same, and no id names two objects."""
    assert render(frame).objects == boards.objects
    assert max(Counter((each["type"], each["id"]) for each in boards.objects).values()) == 1


def test_every_reference_resolves_and_is_used(boards):
    """What an object names is in the same file, and every name in its state is one of its references."""
    known = {(each["type"], each["id"]) for each in boards.objects}
    for each in boards.objects:
        named = {to["name"]: (to["type"], to["id"]) for to in each["references"]}
        assert {*named.values()} <= known
        used = set()
        attributes = each["attributes"]
        if each["type"] == "dashboard":
            used = {panel["panelRefName"] for panel in json.loads(attributes["panelsJSON"])}
        elif each["type"] != "index-pattern":
            source = json.loads(attributes["kibanaSavedObjectMeta"]["searchSourceJSON"])
            used |= {source["indexRefName"]} if "indexRefName" in source else set()
        if each["type"] == "visualization":
            controls = json.loads(attributes["visState"])["params"].get("controls", ())
            used |= {control["indexPatternRefName"] for control in controls}
        assert used == named.keys()


def test_every_field_suits_its_aggregation(boards):
    """Each aggregation asks for a field of a type that it takes, in a place that its chart has."""
    for _, state in states(boards):
        if state["type"] in ("markdown", "input_control_vis", "vega"):
            assert state["aggs"] == []
            continue
        assert [agg["id"] for agg in state["aggs"]] == [str(at + 1) for at in range(len(state["aggs"]))]
        for agg in state["aggs"]:
            assert agg["schema"] in ROLES[state["type"]]
            if agg["type"] != "count":
                assert schema.type_of(agg["params"]["field"]) in TAKES[agg["type"]]


def test_each_place_is_taken_as_often_as_it_may_be(boards):
    """A chart has one axis of time and a heat map one of rows, and each value of a chart has its line."""
    for _, state in states(boards):
        roles = Counter(agg["schema"] for agg in state["aggs"])
        if state["type"] == "heatmap":
            assert roles["metric"] == roles["segment"] == roles["group"] == 1
            assert roles["split"] <= 1
        if state["type"] in ("line", "histogram"):
            assert roles["segment"] == 1
            assert len(state["params"]["seriesParams"]) == roles["metric"]


def test_terms_are_ranked_by_the_first_number(boards):
    """Values are ranked by the first aggregation, which is one number."""
    for _, state in states(boards):
        if any(agg["type"] == "terms" for agg in state["aggs"]):
            assert state["aggs"][0]["schema"] == "metric"
            assert state["aggs"][0]["type"] != "percentiles"


def test_what_is_not_shown_is_told(boards):
    """What is refused or left out is told with its reason, in the list and to whoever looks at the object."""
    told = {(each.dashboard, each.panel): each.reason for each in boards.refused}
    assert {panel for _, panel in told} == {
        "models", "by-service",
        "segments-roc_auc", "segments-accuracy", "segments-mae",
    }  # fmt: skip
    by_id = {each["id"]: each["attributes"] for each, _ in states(boards)}
    for (board, panel), reason in told.items():
        shown = by_id.get(f"mlmon-visualization-{panel}")
        if shown is None:
            shown = by_id[f"mlmon-visualization-{panel}-of-{board}"]
            assert reason in json.loads(shown["visState"])["params"]["markdown"]
        else:
            assert reason == shown["description"]


def test_every_panel_has_its_place(boards):
    """A dashboard shows all its panels, after what it is about and what can be chosen; none overlap."""
    made = [each for each in boards.objects if each["type"] == "dashboard"]
    for board, each in zip(DASHBOARDS, made, strict=True):
        panels = json.loads(each["attributes"]["panelsJSON"])
        assert len(panels) == len(board.panels) + 2
        taken = Counter(
            (x, y)
            for at in (panel["gridData"] for panel in panels)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        )
        assert max(taken.values()) == 1


def test_choices_are_pinned(boards):
    """What is chosen on one dashboard holds on the next one."""
    controls = [state for _, state in states(boards) if state["type"] == "input_control_vis"]
    assert len(controls) == len(DASHBOARDS)
    assert all(state["params"]["pinFilters"] for state in controls)


def test_another_size_has_objects_of_its_own(frame):
    """Dashboards of hours stand beside those of days, and share their index patterns."""
    hours = {each["id"] for each in render(Frame(patterns=frame.patterns, size="1h")).objects}
    days = {each["id"] for each in render(frame).objects}
    assert all("-view-" in id_ for id_ in hours & days)
