"""What OpenSearch Dashboards would ask for each panel gives the numbers that the page shows."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
import vl_convert

from mlmon.core import schema
from mlmon.core.dashboards import DASHBOARDS
from mlmon.core.panel import ALL, VERSION, Kind, Panel, across
from mlmon.core.panels.service import LIVE_ERRORS
from mlmon.core.query import narrow
from mlmon.core.schema import Dataset
from mlmon.kibana.lens import asked
from mlmon.kibana.objects import Frame
from mlmon.kibana.opensearch import render
from mlmon.stores.search import names

pytestmark = pytest.mark.slow

ELSEWHERE = ("calibration", "live-errors")
"""What Vega draws."""

PANELS = {
    panel.id: panel
    for board in DASHBOARDS
    for panel in board.panels
    if isinstance(panel, Panel) and panel.id not in ELSEWHERE
}
CELLS = (Kind.HEATMAP, Kind.DOTS, Kind.CONFUSION)


@pytest.fixture(scope="module")
def cluster(opensearch, page_store, flown):
    """Give a real OpenSearch that has the same documents."""
    flown.copy(page_store, opensearch)
    return opensearch


@pytest.fixture(scope="module")
def boards(flown):
    """Give what is rendered for that namespace."""
    patterns = {dataset: names.pattern(dataset, flown.NAMESPACE) for dataset in Dataset}
    return render(Frame(patterns=patterns)).objects


def _drawn(panel: Panel) -> list[str]:
    """The measures that are drawn, in the order they are."""
    if panel.kind in CELLS:
        return [name for name in (panel.series, panel.x) if name in panel.query.measures]
    named = (*panel.y, *filter(None, (panel.low, panel.high)))
    return [name for name in named if name in panel.query.measures]


def _expected(reader, panel, span) -> dict[frozenset, list[Any]]:
    """What the page's store answers of all versions together."""
    kept = asked(panel, "1d").by
    query = narrow(across(panel, "1d"), None, None if panel.size == ALL else span)
    is_result = panel.query.dataset is Dataset.METRIC and panel.size != ALL
    fields = {
        name: key.field
        for name, key in query.by.items()
        if name in kept and not (is_result and key.field == schema.MODEL_VERSION)
    }
    return {
        frozenset((field, row[name]) for name, field in fields.items()): [row[name] for name in _drawn(panel)]
        for row in reader.query(query)
        if not is_result or row.get(VERSION, "") == ""
    }


def _is_same(found: Any, value: Any) -> bool:
    if isinstance(value, datetime):
        moment = datetime.fromtimestamp(found / 1000, UTC)
        return bool(abs((moment - value).total_seconds()) < 0.001)
    if isinstance(value, list):
        return bool(found == pytest.approx(value, rel=0.05))
    return found is None if value is None else bool(found == pytest.approx(value, rel=1e-9, abs=1e-12))


@pytest.mark.parametrize("panel", PANELS.values(), ids=PANELS)
def test_opensearch_dashboards_asks_what_the_page_asks(
    cluster, lens_reader, vis_reader, boards, page_store, flown, panel
):
    """The search behind a rendered panel has the groups and the numbers of the panel's own question."""
    [one] = [each for each in boards if each["id"] == f"mlmon-visualization-{panel.id}"]
    [view] = [each for each in boards if each["id"] == one["references"][0]["id"]]
    is_timed = "timeFieldName" in view["attributes"]
    status, answer = cluster.ask(
        "POST",
        f"/{view['attributes']['title']}/_search?ignore_unavailable=true",
        vis_reader.body(one, lens_reader.dsl, (flown.SPAN.start, flown.SPAN.end) if is_timed else None, "d"),
    )
    assert status == 200, answer
    found = {frozenset(keys.items()): values for keys, values in vis_reader.rows(one, answer)}
    expected = _expected(page_store, panel, flown.SPAN)
    assert bool(expected) is (panel.id not in flown.EMPTY)
    assert found.keys() == expected.keys()
    for keys, values in expected.items():
        assert [*map(_is_same, found[keys], values)] == [True] * len(values), (found[keys], values)


def test_the_share_of_failures_is_the_pages(cluster, boards, page_store, flown):
    """What Vega draws of its search's answer is the share of failures by day and model."""
    spec = json.loads(
        next(
            json.loads(each["attributes"]["visState"])["params"]["spec"]
            for each in boards
            if each["id"] == "mlmon-visualization-live-errors"
        )
    )
    url, width, height = spec["data"].pop("url"), 1000, 500
    every = url["body"]["aggs"]["time"]["date_histogram"]
    assert every["interval"] == {"%autointerval%": True}
    every["interval"] = "1d"
    status, answer = cluster.ask("POST", f"/{url['index']}/_search", url["body"])
    assert status == 200, answer
    spec["data"] = {"values": answer["aggregations"]["time"]["buckets"]}
    spec["layer"][0]["encoding"]["y"]["scale"] = {"domain": [0, 1], "nice": False}
    drawn = vl_convert.vegalite_to_scenegraph({**spec, "width": width, "height": height})
    query = narrow(across(LIVE_ERRORS, "1d"), None, flown.SPAN)
    expected = [row["failed"] / row["n"] for row in page_store.query(query)]
    [points] = _symbols(drawn["scenegraph"])
    found = [1 - item.get("y", 0) / height for item in sorted(points["items"], key=lambda item: item["x"])]
    assert max(expected) > 0
    assert found == pytest.approx(expected, abs=1e-6)


def _symbols(node):
    """The points of the chart, without those of its legend."""
    if node.get("marktype") == "symbol" and node.get("name", "").startswith("layer"):
        yield node
    for inner in node.get("items", ()):
        yield from _symbols(inner)
