import json
from collections import Counter

import pytest
from msgspec.structs import replace

from mlmon.core import schema
from mlmon.core.dashboards import DASHBOARDS, Dashboard, Section
from mlmon.core.panel import Kind, Listing, Panel
from mlmon.core.panels.performance import CALIBRATION
from mlmon.core.panels.service import LIVE_ERRORS, LIVE_LATENCY
from mlmon.core.query import Count, Exists, Histogram, NumberBucket, Query, SumSquares, TopTerms, narrow
from mlmon.core.schema import Dataset, Type
from mlmon.kibana import vega
from mlmon.kibana.dashboards import render
from mlmon.kibana.lens import lens
from mlmon.kibana.objects import Frame, ndjson, prefix
from mlmon.kibana.refused import RefusedError

NUMBERS = {Type.LONG, Type.DOUBLE}
WORDS = {Type.KEYWORD, Type.KEYWORD_LIST, Type.BOOLEAN}
TAKES = {
    "date_histogram": {Type.DATE},
    "terms": WORDS,
    "sum": NUMBERS,
    "average": NUMBERS,
    "standard_deviation": NUMBERS,
    "percentile": NUMBERS,
    "min": NUMBERS | {Type.DATE},
    "max": NUMBERS | {Type.DATE},
    "unique_count": WORDS | NUMBERS | {Type.DATE},
}
"""The types of fields that an operation of Lens takes."""


def of_type(rendered, kind):
    """Give the objects of a type."""
    return [each for each in rendered.objects if each["type"] == kind]


def columns(one):
    """Give each column of each layer of a Lens object, with the layer."""
    layers = one["attributes"]["state"]["datasourceStates"]["formBased"]["layers"]
    return [
        (layer, name, column) for layer, each in layers.items() for name, column in each["columns"].items()
    ]


def test_the_rendered_objects(rendered, golden):
    """All objects, one a line, are as they were when somebody last looked at them."""
    golden("kibana/objects.ndjson", ndjson(rendered.objects).decode())


@pytest.mark.parametrize("kind", [Kind.INTERVAL, Kind.HEATMAP, Kind.TABLE, Kind.NUMBER], ids=str)
def test_one_of_each_kind(frame, golden, kind):
    """One panel of each kind, readable."""
    shown = [panel for board in DASHBOARDS for panel in board.panels if isinstance(panel, Panel)]
    panel = next(panel for panel in shown if panel.kind is kind)
    golden(f"kibana/{kind}.json", json.dumps(lens(frame, panel), indent=2) + "\n")


def test_ids_are_stable_and_unique(rendered, frame):
    """Rendered again all is the same, and no id names two objects."""
    assert render(frame).objects == rendered.objects
    assert max(Counter((each["type"], each["id"]) for each in rendered.objects).values()) == 1


def test_every_reference_resolves(rendered):
    """What an object names is in the same file, and Kibana's own names of references are kept."""
    known = {(each["type"], each["id"]) for each in rendered.objects}
    for each in rendered.objects:
        assert {(to["type"], to["id"]) for to in each["references"]} <= known
        assert max(Counter(to["name"] for to in each["references"]).values(), default=1) == 1


def test_what_is_named_is_used(rendered, lens_reader):
    """Each panel of a dashboard finds its object, each drilldown its dashboard, each control its view."""
    for board in of_type(rendered, "dashboard"):
        named = {to["name"]: to for to in board["references"]}
        used = set()
        for panel in lens_reader.panels_of(board):
            if "panelRefName" in panel:
                name = f"{panel['panelIndex']}:{panel['panelRefName']}"
                assert named[name]["type"] == panel["type"]
                used.add(name)
            events = (
                panel["embeddableConfig"].get("enhancements", {}).get("dynamicActions", {}).get("events", ())
            )
            for event in events:
                action = event["action"]
                name = f"{panel['panelIndex']}:drilldown:{action['factoryId']}:{event['eventId']}:dashboardId"
                assert named[name]["type"] == "dashboard"
                assert action["config"]["useCurrentFilters"]
                assert action["config"]["useCurrentDateRange"]
                used.add(name)
        controls = json.loads(board["attributes"]["controlGroupInput"]["panelsJSON"])
        used |= {f"controlGroup_{id_}:optionsListDataView" for id_ in controls}
        assert used == named.keys()


def test_every_layer_names_its_view(rendered):
    """Each layer of a Lens object has a data view, and each view that is named a layer."""
    for one in of_type(rendered, "lens"):
        layers = {layer for layer, _, _ in columns(one)}
        names = {to["name"] for to in one["references"]}
        assert names == {f"indexpattern-datasource-layer-{layer}" for layer in layers}


def test_every_field_suits_its_operation(rendered):
    """Each column asks for a field of the schema, of a type that its operation takes."""
    for one in of_type(rendered, "lens"):
        for _, _, column in columns(one):
            field, operation = column.get("sourceField"), column["operationType"]
            if field in (None, "___records___"):
                assert operation in ("count", "math", "formula", "static_value")
                continue
            for name in (field, *column["params"].get("secondaryFields", ())):
                assert schema.type_of(name) in TAKES[operation], f"{operation} of {name}"


def test_columns_that_are_drawn_are_there(rendered):
    """What a visualization draws, ranks by or computes with is a column of its layer; groups come first."""
    for one in of_type(rendered, "lens"):
        known = {name for _, name, _ in columns(one)}
        drawn = one["attributes"]["state"]["visualization"]
        for layer in drawn.get("layers", [drawn]):
            names = [layer[key] for key in layer if key.endswith("Accessor")] + layer.get("accessors", [])
            names += [each["columnId"] for each in layer.get("columns", ())]
            assert {*names} <= known
            assert names
        for layer, _, column in columns(one):
            order = column.get("params", {}).get("orderBy", {})
            assert {*column.get("references", ()), *filter(None, [order.get("columnId")])} <= known
            each = one["attributes"]["state"]["datasourceStates"]["formBased"]["layers"][layer]
            groups = [each["columns"][name]["isBucketed"] for name in each["columnOrder"]]
            assert groups == sorted(groups, reverse=True)
            assert {*each["columnOrder"]} == each["columns"].keys()


def test_lens_ranks_by_no_formula(rendered):
    """Values are ranked by a column that Elasticsearch computes."""
    for one in of_type(rendered, "lens"):
        by_name = {name: column for _, name, column in columns(one)}
        for column in by_name.values():
            order = column.get("params", {}).get("orderBy", {})
            if order.get("type") == "column":
                assert by_name[order["columnId"]]["operationType"] not in ("formula", "math")


def test_controls_choose_fields_of_their_view(rendered):
    """What a control lists is a keyword that the documents of its data view have."""
    datasets = {f"mlmon-view-{each.removeprefix('mlmon.')}": each for each in Dataset}
    for board in of_type(rendered, "dashboard"):
        views = {to["name"]: to["id"] for to in board["references"]}
        for id_, control in json.loads(board["attributes"]["controlGroupInput"]["panelsJSON"]).items():
            field = control["explicitInput"]["fieldName"]
            dataset = datasets[views[f"controlGroup_{id_}:optionsListDataView"]]
            assert field in {each.name for each in schema.fields_of(dataset)}


def test_panels_do_not_overlap(rendered, lens_reader):
    """No two panels share a cell of the grid, and none leaves it."""
    for board in of_type(rendered, "dashboard"):
        taken = Counter(
            (x, y)
            for panel in lens_reader.panels_of(board)
            for at in [panel["gridData"]]
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        )
        assert max(taken.values()) == 1
        assert max(x for x, _ in taken) < 48


def test_all_panels_are_shown(rendered, lens_reader):
    """Every panel of every dashboard has its place, and none is refused."""
    assert rendered.refused == []
    for board, made in zip(DASHBOARDS, of_type(rendered, "dashboard"), strict=True):
        shown = {panel["panelIndex"]: panel for panel in lens_reader.panels_of(made)}
        assert all("panelRefName" in shown[panel.id] for panel in board.panels)


def test_what_is_refused_is_told_in_its_place(frame, lens_reader):
    """A panel that cannot be shown has its reason on the dashboard in words, and in the list."""
    query = Query(dataset=Dataset.INFERENCE, measures={"n": SumSquares(schema.EVENT_DURATION)})
    odd = Panel(id="odd", title="Odd?", kind=Kind.NUMBER, query=query, x="n", y=("n",))
    board = Dashboard(id="b", title="B", about="", sections=(Section(title="S", panels=(odd, LIVE_LATENCY)),))
    made = render(frame, (board,))
    [refused] = made.refused
    assert (refused.dashboard, refused.panel) == ("b", "odd")
    [place] = [panel for panel in lens_reader.panels_of(made.objects[-1]) if panel["panelIndex"] == "odd"]
    assert refused.reason in place["embeddableConfig"]["savedVis"]["params"]["markdown"]


def test_lens_refuses_what_vega_draws(frame):
    """The calibration curve is no panel of Lens, which says why."""
    with pytest.raises(RefusedError, match="multiply a sum by the key of its group"):
        lens(frame, CALIBRATION)


def test_vega_draws_no_other_panel(frame):
    """Other panels are refused, and so are these where they are of fewer events or of another ratio."""
    narrowed = replace(CALIBRATION, query=narrow(CALIBRATION.query, Exists(schema.MODEL_NAME)))
    for panel in (LIVE_LATENCY, narrowed):
        with pytest.raises(RefusedError, match="neither a calibration curve nor lines"):
            vega.state(panel, "logs")
    measures = {**LIVE_ERRORS.query.measures, "failed": Count(where=Exists(schema.ERROR_TYPE))}
    other = replace(LIVE_ERRORS, query=replace(LIVE_ERRORS.query, measures=measures))
    with pytest.raises(RefusedError, match="documents with one value to all"):
        vega.state(other, "logs")


def test_links_lead_to_dashboards(rendered, lens_reader):
    """The links in the text of a dashboard lead to dashboards of the same file."""
    ids = {board["id"] for board in of_type(rendered, "dashboard")}
    for board in of_type(rendered, "dashboard"):
        about = lens_reader.panels_of(board)[0]["embeddableConfig"]["savedVis"]["params"]["markdown"]
        linked = {part.split(")")[0] for part in about.split("#/view/")[1:]}
        assert linked == ids - {board["id"]}


def test_searches_list_what_the_listings_name(rendered):
    """The log lines come newest first, with the columns of the listing."""
    listings = {
        f"mlmon-search-{panel.id}": panel
        for board in DASHBOARDS
        for panel in board.panels
        if isinstance(panel, Listing)
    }
    made = of_type(rendered, "search")
    assert {each["id"] for each in made} == listings.keys()
    for each in made:
        assert each["attributes"]["columns"] == [*(listings[each["id"]].scan.fields or ())]
        assert each["attributes"]["sort"] == [[schema.TIMESTAMP, "desc"]]


def test_a_result_of_all_time_is_found_in_any_time(rendered):
    """What is of all time is read through a data view without a time."""
    views = {each["id"]: each["attributes"] for each in of_type(rendered, "index-pattern")}
    [places] = [each for each in of_type(rendered, "lens") if each["id"].endswith("places")]
    assert "timeFieldName" not in views[places["references"][0]["id"]]
    assert all("timeFieldName" in each for id_, each in views.items() if "of-all-time" not in id_)


def test_names_of_spaces_and_namespaces_keep_ids_apart(frame):
    """Two spaces never share an id, since Kibana lets an id be in one space only."""
    begun = prefix(space="team", namespace="team_a")
    assert begun == "mlmon-team-team_a"
    other = render(Frame(patterns=frame.patterns, prefix=begun)).objects
    assert all(each["id"].startswith("mlmon-team-team_a-") for each in other)


def test_another_size_has_objects_of_its_own(frame):
    """Dashboards of hours stand beside those of days, and share their data views."""
    hours = {each["id"] for each in render(Frame(patterns=frame.patterns, size="1h")).objects}
    days = {each["id"] for each in render(frame).objects}
    assert all("-view-" in id_ for id_ in hours & days)
    assert any(id_.endswith("-1h") for id_ in hours - days)


@pytest.mark.parametrize(
    ("measure", "word"),
    [
        (SumSquares(schema.EVENT_DURATION), "SumSquares"),
        (Histogram(schema.PREDICTION_SCORE, (0.0, 0.5)), "Histogram"),
        (TopTerms(schema.PREDICTION_LABEL), "TopTerms"),
    ],
)
def test_what_lens_lacks_is_refused(frame, measure, word):
    """A measure without an operation of Lens is refused by its name, and nothing is drawn in its place."""
    query = Query(dataset=Dataset.INFERENCE, measures={"n": measure})
    with pytest.raises(RefusedError, match=word):
        lens(frame, Panel(id="x", title="x", kind=Kind.NUMBER, query=query, x="n", y=("n",)))


def test_intervals_of_numbers_are_refused(frame):
    """Lens cuts numbers as it likes, so a question by fixed intervals is refused."""
    by = {**LIVE_LATENCY.query.by, "score": NumberBucket(schema.PREDICTION_SCORE, 0.1)}
    query = Query(dataset=Dataset.INFERENCE, by=by, measures=LIVE_LATENCY.query.measures)
    with pytest.raises(RefusedError, match="intervals of numbers"):
        lens(frame, Panel(id="x", title="x", kind=Kind.LINES, query=query, x="time", y=("latency",)))
