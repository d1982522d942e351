"""A panel as a visualization of OpenSearch Dashboards, which has no Lens. Pure.

Its visualizations are made of aggregations, and know no counting under a condition, no formula, and no group
of several fields together. A column that needs one is left out and told; a panel that needs it is refused.
Results are of all versions together, as the page begins.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from mlmon.core import schema
from mlmon.core.panel import AUTO, Kind, Panel, Threshold
from mlmon.core.query import (
    Count,
    Distinct,
    Equals,
    Max,
    Mean,
    Measure,
    Min,
    Quantiles,
    Query,
    StdDev,
    Sum,
    TimeBucket,
    both,
)
from mlmon.core.schema import Dataset
from mlmon.kibana.columns import refuse_intervals, terms_keys, time_key, words
from mlmon.kibana.kql import kql
from mlmon.kibana.lens import asked
from mlmon.kibana.objects import Json
from mlmon.kibana.refused import RefusedError

_TYPES: Final[Mapping[type, str]] = {
    Count: "count",
    Sum: "sum",
    Mean: "avg",
    StdDev: "std_dev",
    Min: "min",
    Max: "max",
    Distinct: "cardinality",
}
_INTERVALS: Final = {"1h": "h", "1d": "d", "7d": "w", "month": "M"}
_MOST_LINES: Final = 12
_MOST_CELLS: Final = 24
_MOST_ROWS: Final = 200
_MOST_MODELS: Final = 4


class Visualization(Struct, frozen=True, kw_only=True):
    """The state of a visualization, the text of its query, and what it leaves out, with reasons."""

    state: Json
    query: str
    left_out: dict[str, str] = {}


def visualization(panel: Panel, size: str) -> Visualization:
    """The visualization of a panel.

    Raises:
        RefusedError: OpenSearch Dashboards cannot show what the panel asks.

    """
    if panel.kind not in _DRAW:
        raise RefusedError(f"OpenSearch Dashboards has no chart of aggregations of the kind '{panel.kind}'.")
    query = asked(_of_all_versions(panel), size)
    refuse_intervals(query.by.values())
    aggs, left_out = _metrics(panel, query)
    if not aggs:
        raise RefusedError(" ".join(dict.fromkeys(left_out.values())))
    kind, groups, params = _DRAW[panel.kind](panel, query)
    numbered = [
        {**agg, "id": str(number + 1), "enabled": True} for number, agg in enumerate([*aggs, *groups])
    ]
    state = {"title": panel.title, "type": kind, "params": params, "aggs": numbered}
    return Visualization(state=state, query=kql(query.where), left_out=left_out)


def _of_all_versions(panel: Panel) -> Panel:
    if panel.query.dataset is not Dataset.METRIC:
        return panel
    where = both(panel.query.where, Equals(schema.MODEL_VERSION, ""))
    return replace(panel, query=replace(panel.query, where=where))


def _metrics(panel: Panel, query: Query) -> tuple[list[Json], dict[str, str]]:
    """The aggregations of what is drawn, and what cannot be."""
    names = [*panel.y, *filter(None, (panel.low, panel.high))]
    made: list[Json] = []
    left_out: dict[str, str] = {}
    if _DRAW[panel.kind] is _cells:
        names = [one for one in (panel.series, panel.x) if one in query.measures]
        if panel.low is not None:
            left_out["intervals"] = "A heat map has no room for them."
    for name in names:
        try:
            made.append(_metric(name, panel, query.measures.get(name)))
        except RefusedError as error:
            left_out[name] = str(error)
    return made, left_out


def _metric(name: str, panel: Panel, measure: Measure | None) -> Json:
    if name in panel.ratios or measure is None:
        raise RefusedError("OpenSearch Dashboards has no formula in a chart of aggregations.")
    if getattr(measure, "where", None) is not None:
        raise RefusedError("OpenSearch Dashboards counts all documents of a group, under no condition.")
    params: dict[str, Any] = {"customLabel": words(name)}
    if isinstance(measure, Count):
        return {"type": "count", "schema": "metric", "params": params}
    params["field"] = measure.field
    if isinstance(measure, Quantiles):
        params["percents"] = [100 * probability for probability in measure.probabilities]
        return {"type": "percentiles", "schema": "metric", "params": params}
    if type(measure) not in _TYPES:
        raise RefusedError(f"OpenSearch Dashboards has no aggregation for {type(measure).__name__}.")
    return {"type": _TYPES[type(measure)], "schema": "metric", "params": params}


def _time(key: TimeBucket) -> Json:
    interval = AUTO if key.every == AUTO else _INTERVALS.get(key.every, key.every)
    params = {
        "field": key.field,
        "interval": interval,
        "useNormalizedOpenSearchInterval": True,
        "scaleMetricValues": False,
        "drop_partials": False,
        "min_doc_count": 1,
        "extended_bounds": {},
    }
    return {"type": "date_histogram", "schema": "segment", "params": params}


def _terms(name: str, field: str, role: str, size: int, *, rest: bool) -> Json:
    params = {
        "field": field,
        "orderBy": "1",
        "order": "desc",
        "size": size,
        "otherBucket": rest,
        "otherBucketLabel": "all others",
        "missingBucket": rest,
        "missingBucketLabel": "(none)",
        "customLabel": words(name),
    }
    return {"type": "terms", "schema": role, "params": params}


def _adds_up(query: Query) -> bool:
    return query.dataset is not Dataset.METRIC


_Drawn = tuple[str, list[Json], Json]
"""The type of a visualization, its groups, and how it is drawn."""


def _over_time(panel: Panel, query: Query) -> _Drawn:
    found = time_key(query)
    if found is None:
        raise RefusedError(f"The panel '{panel.id}' is drawn over time, and its question has no time.")
    keys = terms_keys(query)
    names = sorted(keys, key=lambda name: name != panel.series)
    # A rank needs one number, which percentiles are not; no panel of theirs is split.
    groups = [
        _terms(name, keys[name].field, "group", _MOST_LINES, rest=_adds_up(query) and len(names) == 1)
        for name in names
    ]
    is_bars = panel.kind is Kind.BARS
    count = len(_metrics(panel, query)[0])
    params = _axes("histogram" if is_bars else "line", count, is_stacked=is_bars and _adds_up(query))
    params["thresholdLine"] = _threshold(panel.thresholds)
    return ("histogram" if is_bars else "line"), [_time(found[1]), *groups], params


def _axes(kind: str, count: int, *, is_stacked: bool) -> Json:
    """Lines or bars on one axis of time and one of values; a gap stays a gap."""
    series = [
        {
            "show": True,
            "type": kind,
            "mode": "stacked" if is_stacked else "normal",
            "data": {"label": "", "id": str(number + 1)},
            "valueAxis": "ValueAxis-1",
            "drawLinesBetweenPoints": True,
            "lineWidth": 2,
            "interpolate": "linear",
            "showCircles": True,
        }
        for number in range(count)
    ]
    return {
        "type": kind,
        "grid": {"categoryLines": False},
        "categoryAxes": [_axis("CategoryAxis-1", "category", "bottom")],
        "valueAxes": [{**_axis("ValueAxis-1", "value", "left"), "name": "LeftAxis-1"}],
        "seriesParams": series,
        "addTooltip": True,
        "addLegend": True,
        "legendPosition": "right",
        "times": [],
        "addTimeMarker": False,
        "labels": {},
    }


def _axis(id_: str, kind: str, position: str) -> Json:
    return {
        "id": id_,
        "type": kind,
        "position": position,
        "show": True,
        "style": {},
        "scale": {"type": "linear"} | ({"mode": "normal"} if kind == "value" else {}),
        "labels": {"show": True, "filter": True, "truncate": 100},
        "title": {"text": ""} if kind == "value" else {},
    }


def _threshold(thresholds: Sequence[Threshold]) -> Json:
    """A line at the first threshold, since there is room for one."""
    value = thresholds[0].value if thresholds else 0
    return {"show": bool(thresholds), "value": value, "width": 1, "style": "dashed", "color": "#bd271e"}


def _cells(panel: Panel, query: Query) -> _Drawn:
    """A heat map; where there are several models, one a model, since a row is of one field."""
    found, keys = time_key(query), terms_keys(query)
    across = (
        _time(found[1]) if found else _terms(panel.x, keys[panel.x].field, "segment", _MOST_CELLS, rest=False)
    )
    down = [name for name in keys if found or name != panel.x]
    row = next(iter(sorted(down, key=lambda name: name not in panel.y)))
    rest = [name for name in down if name != row]
    if len(rest) > 1:
        raise RefusedError(
            f"A heat map of OpenSearch Dashboards has rows of one field, and this one needs {len(rest) + 1}."
        )
    split = [
        {**(made := _terms(name, keys[name].field, "split", _MOST_MODELS, rest=False)),
         "params": {**made["params"], "row": True}}
        for name in rest
    ]  # fmt: skip
    group = _terms(row, keys[row].field, "group", _MOST_CELLS, rest=False)
    return "heatmap", [across, group, *split], _colours(panel.thresholds)


def _colours(thresholds: Sequence[Threshold]) -> Json:
    starts = [0.0, *(threshold.value for threshold in thresholds)]
    ends = [*starts[1:], 1e9]
    ranges = [{"from": start, "to": end} for start, end in zip(starts, ends, strict=True)]
    return {
        "type": "heatmap",
        "addTooltip": True,
        "addLegend": True,
        "enableHover": False,
        "legendPosition": "right",
        "times": [],
        "colorsNumber": len(ranges) if thresholds else 5,
        "colorSchema": "Blues",
        "setColorRange": bool(thresholds),
        "colorsRange": ranges if thresholds else [],
        "invertColors": False,
        "percentageMode": False,
        "valueAxes": [
            {
                "show": False,
                "id": "ValueAxis-1",
                "type": "value",
                "scale": {"type": "linear", "defaultYExtents": False},
                "labels": {"show": False, "rotate": 0, "overwriteColor": False, "color": "black"},
            }
        ],
    }


def _table(panel: Panel, query: Query) -> _Drawn:
    if time_key(query) is not None:
        raise RefusedError(f"The panel '{panel.id}' is a table over time; draw it as lines.")
    groups = [
        _terms(name, key.field, "bucket", _MOST_ROWS, rest=_adds_up(query))
        for name, key in terms_keys(query).items()
    ]
    params = {
        "perPage": 20,
        "showPartialRows": False,
        "showMetricsAtAllLevels": False,
        "showTotal": False,
        "totalFunc": "sum",
        "percentageCol": "",
    }
    return "table", groups, params


def _number(_: Panel, __: Query) -> _Drawn:
    metric = {
        "percentageMode": False,
        "useRanges": False,
        "colorSchema": "Green to Red",
        "metricColorMode": "None",
        "colorsRange": [{"from": 0, "to": 10000}],
        "labels": {"show": True},
        "invertColors": False,
        "style": {"bgFill": "#000", "bgColor": False, "labelColor": False, "subText": "", "fontSize": 36},
    }
    return "metric", [], {"type": "metric", "addTooltip": True, "addLegend": False, "metric": metric}


_DRAW: Final[Mapping[Kind, Callable[[Panel, Query], _Drawn]]] = {
    Kind.LINES: _over_time,
    Kind.BARS: _over_time,
    Kind.INTERVAL: _over_time,
    Kind.HEATMAP: _cells,
    Kind.DOTS: _cells,
    Kind.CONFUSION: _cells,
    Kind.TABLE: _table,
    Kind.NUMBER: _number,
}
