"""What Kibana would ask for each panel gives the numbers that the page shows."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
import vl_convert

from mlmon.core.dashboards import DASHBOARDS
from mlmon.core.panel import ALL, MODEL, VERSION, Panel, Scope, across, scope
from mlmon.core.panels.model import panels as of_page
from mlmon.core.panels.performance import CALIBRATION
from mlmon.core.query import Quantiles, narrow
from mlmon.core.schema import Dataset
from mlmon.kibana.columns import shown
from mlmon.kibana.dashboards import render
from mlmon.kibana.lens import asked
from mlmon.kibana.objects import Frame
from mlmon.stores.search import names
from mlmon.web import charts

pytestmark = pytest.mark.slow

PANELS = {
    panel.id: panel
    for board in DASHBOARDS
    for panel in board.panels
    if isinstance(panel, Panel) and panel.id != "calibration"
}
PAGE = {panel.id: panel for panel in of_page("roc_auc") if panel.id not in ("calibration", "confusion")}


@pytest.fixture(scope="module")
def cluster(elasticsearch_9, page_store, flown):
    """Give a real Elasticsearch that has the same documents."""
    flown.copy(page_store, elasticsearch_9)
    return elasticsearch_9


@pytest.fixture(scope="module")
def boards(flown):
    """Give what is rendered for that namespace."""
    patterns = {dataset: names.pattern(dataset, flown.NAMESPACE) for dataset in Dataset}
    return render(Frame(patterns=patterns)).objects


def _asked(cluster, lens_reader, boards, panel, span) -> dict[frozenset, dict[str, Any]]:
    """What the rendered object gives: its values by its keys."""
    [one] = [each for each in boards if each["id"] == f"mlmon-lens-{panel.id}"]
    view = lens_reader.view_of(boards, one)
    window = (span.start, span.end) if "timeFieldName" in view["attributes"] else None
    status, answer = cluster.ask(
        "POST",
        f"/{view['attributes']['title']}/_search?ignore_unavailable=true",
        lens_reader.body(one, window, "1d"),
    )
    assert status == 200, answer
    assert answer["_shards"]["failed"] == 0
    return {frozenset(keys.items()): values for keys, values in lens_reader.rows(one, answer)}


def _expected(reader, panel, span) -> dict[frozenset, dict[str, Any]]:
    """What the page's store answers to the panel's question across models."""
    kept = asked(panel, "1d").by
    query = narrow(across(panel, "1d"), None, None if panel.size == ALL else span)
    fields = {name: key.field for name, key in query.by.items() if name in kept}
    made = {}
    for row in reader.query(query):
        values = {name: row[name] for name in query.measures}
        values |= {
            name: row[ratio.over] / row[ratio.under] if row[ratio.under] else None
            for name, ratio in panel.ratios.items()
        }
        made[frozenset((field, row[name]) for name, field in fields.items())] = values
    return made


def _same(panel, lens_values, values) -> None:
    """Each column that is drawn has the page's number; quantiles are read off a sketch."""
    compared = 0
    for name in {*panel.y, *filter(None, (panel.series, panel.low, panel.high, panel.x))}:
        columns = [column for column in shown(panel, panel.query, name) if column in lens_values]
        expected = values.get(name)
        is_many = isinstance(panel.query.measures.get(name), Quantiles)
        for at, column in enumerate(columns):
            value = expected[at] if is_many and expected is not None else expected
            if value is None:
                assert lens_values[column] is None
            elif isinstance(value, datetime):
                assert abs(lens_values[column] - value) < timedelta(milliseconds=1)
            else:
                assert lens_values[column] == pytest.approx(value, rel=0.05 if is_many else 1e-9, abs=1e-12)
            compared += 1
    assert compared


@pytest.mark.parametrize("panel", PANELS.values(), ids=PANELS)
def test_kibana_asks_what_the_page_asks(cluster, lens_reader, boards, page_store, flown, panel):
    """The search behind a rendered panel has the groups and the numbers of the panel's own question."""
    found = _asked(cluster, lens_reader, boards, panel, flown.SPAN)
    expected = _expected(page_store, panel, flown.SPAN)
    assert bool(expected) is (panel.id not in flown.EMPTY)
    assert found.keys() == expected.keys()
    for keys, values in expected.items():
        _same(panel, found[keys], values)


@pytest.mark.parametrize("panel", PAGE.values(), ids=PAGE)
def test_a_models_lines_are_those_of_its_page(page_store, flown, panel):
    """Of one model and all its versions together, a dashboard has the very rows that the page draws."""
    on_page = page_store.query(scope(panel, Scope(model=flown.MODEL, window=flown.SPAN, size="1d"))).rows
    columns = {*panel.query.by, *panel.query.measures}
    mine = [
        {name: value for name, value in row.items() if name in columns}
        for row in page_store.query(narrow(across(panel, "1d"), None, flown.SPAN))
        if row[MODEL] == flown.MODEL and row.get(VERSION, "") == ""
    ]
    assert on_page
    assert sorted(on_page, key=repr) == sorted(mine, key=repr)


def test_the_calibration_curve_has_the_pages_points(cluster, boards, page_store, flown):
    """What Vega draws of its search's answer are the points that the page draws, each at its place."""
    spec = json.loads(
        next(
            json.loads(each["attributes"]["visState"])["params"]["spec"]
            for each in boards
            if each["id"] == "mlmon-visualization-calibration"
        )
    )
    asked_, width, height = spec["data"].pop("url"), 1000, 500
    status, answer = cluster.ask("POST", f"/{asked_['index']}/_search", asked_["body"])
    assert status == 200, answer
    spec["data"] = {"values": answer["aggregations"]["score"]["buckets"]}
    drawn = vl_convert.vegalite_to_scenegraph({**spec, "width": width, "height": height})
    [points] = _marks(drawn["scenegraph"], "symbol")
    on_page = charts.chart(
        CALIBRATION,
        page_store.query(scope(CALIBRATION, Scope(model=flown.MODEL, window=flown.SPAN, size="1d"))).rows,
        Scope(model=flown.MODEL, window=flown.SPAN, size="1d"),
    )
    expected = [(row["predicted"], row["observed"]) for row in on_page.specs[0]["data"]["values"]]
    found = sorted((item["x"] / width, 1 - item.get("y", 0) / height) for item in points["items"])
    assert len(found) > 5
    assert found == [pytest.approx(point, abs=2e-4) for point in sorted(expected)]


def _marks(node, kind):
    """The marks of a kind in a drawing."""
    if node.get("marktype") == kind and node.get("name", "").startswith("layer"):
        yield node
    for inner in node.get("items", ()):
        yield from _marks(inner, kind)
