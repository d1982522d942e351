"""What charts of aggregations cannot reckon, as Vega-Lite, which Kibana and OpenSearch Dashboards draw. Pure.

Neither can scale a sum by the key of its group, as the calibration curve needs it, and OpenSearch Dashboards
cannot divide one count by another. Vega reckons with what a search gives. The search is one of aggregations,
and the filters and the time of the dashboard hold for it.
"""

from __future__ import annotations

from typing import Any, Final

from mlmon.core import schema
from mlmon.core.panel import Kind, Panel
from mlmon.core.panels.performance import ERROR_SUM, SCORE, SCORE_SUM, WEIGHT
from mlmon.core.query import Count, Equals, NumberBucket, Query, Sum, Terms
from mlmon.kibana.marks import COLOURS
from mlmon.kibana.objects import Json, text
from mlmon.kibana.refused import RefusedError

SCHEMA: Final = "https://vega.github.io/schema/vega-lite/v5.json"
_Z: Final = 1.959964
"""The normal quantile of a 95 % interval."""

_MOST_WEIGHTS: Final = 1000
_MOST_LINES: Final = 12
_NEGLIGIBLE: Final = 1e-9
_ACCENT: Final = "#0077b6"
_QUIET: Final = "#98a2b3"


def state(panel: Panel, pattern: str) -> Json:
    """The state of a visualization that draws the panel from the indices of a pattern.

    Raises:
        RefusedError: a panel that is neither a calibration curve nor lines of a ratio.

    """
    spec = text(specification(panel, pattern))
    return {"title": panel.title, "type": "vega", "aggs": [], "params": {"spec": spec}}


def draws(panel: Panel) -> bool:
    """Whether this is a panel that Vega is needed for where there is no Lens."""
    return panel.kind is Kind.CALIBRATION or (panel.kind is Kind.LINES and bool(panel.ratios))


def specification(panel: Panel, pattern: str) -> Json:
    """The specification in Vega-Lite, with the search it draws.

    Raises:
        RefusedError: as `state`.

    """
    if not draws(panel) or panel.query.where is not None:
        raise RefusedError(
            f"The panel '{panel.id}' is neither a calibration curve nor lines of a ratio of all documents, "
            "and no other is drawn in Vega."
        )
    return _calibration(panel, pattern) if panel.kind is Kind.CALIBRATION else _ratio(panel, pattern)


def _calibration(panel: Panel, pattern: str) -> Json:
    body, width = _search(panel.query)
    data = _data(pattern, body, f"aggregations.{SCORE}.buckets")
    return {"$schema": SCHEMA, "data": data, "transform": _transform(width), "layer": _layers()}


def _data(pattern: str, body: Json, buckets: str) -> Json:
    """A search within the dashboard's filters and time, and where in its answer the data is."""
    url = {"%context%": True, "%timefield%": schema.TIMESTAMP, "index": pattern, "body": body}
    return {"url": url, "format": {"property": buckets}}


def _ratio(panel: Panel, pattern: str) -> Json:
    """Lines over time of one count divided by another, one line a value of the panel's series."""
    query, series = panel.query, panel.series or ""
    [ratio] = panel.ratios.values()
    over, under, key = query.measures[ratio.over], query.measures[ratio.under], query.by[series]
    if not isinstance(over, Count) or not isinstance(over.where, Equals) or under != Count():
        raise RefusedError(f"The ratio of '{panel.id}' is not that of documents with one value to all.")
    counted = {"over": {"filter": {"term": {over.where.field: over.where.value}}}}
    by_series = {"terms": {"field": key.field, "size": _MOST_LINES}, "aggs": counted}
    by_time: dict[str, Any] = {
        "date_histogram": {
            "field": schema.TIMESTAMP,
            "interval": {"%autointerval%": True},
            "min_doc_count": 1,
        },
        "aggs": {"series": by_series},
    }
    data = _data(pattern, {"size": 0, "aggs": {"time": by_time}}, "aggregations.time.buckets")
    x = {"field": "key", "type": "temporal", "title": None}
    y = {"field": "share", "type": "quantitative", "title": None, "axis": {"format": ".1%"}}
    color = {"field": "name", "type": "nominal", "title": series}
    return {
        "$schema": SCHEMA,
        "data": data,
        "transform": [
            {"flatten": ["series.buckets"], "as": ["of"]},
            _calculate("name", "datum.of.key"),
            _calculate("share", "datum.of.over.doc_count / datum.of.doc_count"),
        ],
        "layer": [
            {
                "mark": {"type": "line", "point": True, "tooltip": True},
                "encoding": {"x": x, "y": y, "color": color},
            },
            *(
                {
                    "data": {"values": [{"bound": each.value}]},
                    "mark": {"type": "rule", "strokeDash": [4, 4], "color": COLOURS[each.severity]},
                    "encoding": {"y": {"field": "bound", "type": "quantitative"}},
                }
                for each in panel.thresholds
            ),
        ],
    }


def _search(query: Query) -> tuple[Json, float]:
    """The aggregations of the question, and the width of its bins."""
    bins, weights = query.by[SCORE], query.by[WEIGHT]
    if not isinstance(bins, NumberBucket) or not isinstance(weights, Terms):
        raise RefusedError("A calibration curve is asked by bins of the score and by weights.")
    sums = {
        name: {"sum": {"field": measure.field}}
        for name, measure in query.measures.items()
        if isinstance(measure, Sum)
    }
    by_weight = {"terms": {"field": weights.field, "size": _MOST_WEIGHTS}, "aggs": sums}
    by_bin: dict[str, Any] = {
        "histogram": {"field": bins.field, "interval": bins.width, "min_doc_count": 1},
        "aggs": {WEIGHT: by_weight},
    }
    return {"size": 0, "aggs": {SCORE: by_bin}}, bins.width


def _transform(width: float) -> list[Json]:
    """From bins by weight to points: each sum scaled by its weight, then added up; Wilson's interval."""
    weight, docs = "datum.of.key", "datum.of.doc_count"
    scores, errors = f"datum.of.{SCORE_SUM}.value", f"datum.of.{ERROR_SUM}.value"
    z2 = _Z * _Z
    return [
        {"flatten": [f"{WEIGHT}.buckets"], "as": ["of"]},
        _calculate("from", f"min(datum.key, {1 - width:g})"),
        _calculate("weighted", f"{weight} * {docs}"),
        _calculate("squared", f"{weight} * abs({weight}) * {docs}"),
        _calculate("said", f"{weight} * {scores}"),
        _calculate("came", f"{weight} * ({scores} - {errors})"),
        {
            "aggregate": [
                {"op": "sum", "field": "weighted", "as": "n"},
                {"op": "sum", "field": "squared", "as": "squares"},
                {"op": "sum", "field": "said", "as": "scores"},
                {"op": "sum", "field": "came", "as": "positives"},
            ],
            "groupby": ["from"],
        },
        {"filter": f"datum.n > {_NEGLIGIBLE}"},
        _calculate("predicted", "datum.scores / datum.n"),
        _calculate("observed", "clamp(datum.positives / datum.n, 0, 1)"),
        _calculate(
            "effective", f"datum.squares > {_NEGLIGIBLE} ? datum.n * datum.n / datum.squares : datum.n"
        ),
        _calculate("shrink", f"1 + {z2} / datum.effective"),
        _calculate("middle", f"(datum.observed + {z2} / (2 * datum.effective)) / datum.shrink"),
        _calculate(
            "half",
            f"{_Z} / datum.shrink * sqrt(datum.observed * (1 - datum.observed) / datum.effective"
            f" + {z2} / (4 * datum.effective * datum.effective))",
        ),
        _calculate("low", "max(datum.middle - datum.half, 0)"),
        _calculate("high", "min(datum.middle + datum.half, 1)"),
    ]


def _calculate(name: str, formula: str) -> Json:
    return {"calculate": formula, "as": name}


def _layers() -> list[Json]:
    """The line on which scores mean what they say, the intervals, and the points."""
    whole = {"domain": [0, 1], "nice": False}
    x = {"field": "predicted", "type": "quantitative", "title": "score", "scale": whole}
    y = {
        "field": "observed",
        "type": "quantitative",
        "title": "came true",
        "scale": whole,
        "axis": {"format": ".0%"},
    }
    tooltip = [
        {"field": "predicted", "type": "quantitative", "title": "mean score", "format": ".3f"},
        {"field": "observed", "type": "quantitative", "title": "came true", "format": ".1%"},
        {"field": "low", "type": "quantitative", "title": "low (95 %)", "format": ".1%"},
        {"field": "high", "type": "quantitative", "title": "high (95 %)", "format": ".1%"},
        {"field": "n", "type": "quantitative", "title": "inferences", "format": ",.0f"},
    ]
    corners = {"values": [{"predicted": 0, "observed": 0}, {"predicted": 1, "observed": 1}]}
    return [
        {
            "data": corners,
            "mark": {"type": "line", "color": _QUIET, "strokeDash": [4, 4]},
            "encoding": {"x": x, "y": y},
        },
        {
            "mark": {"type": "rule", "color": _ACCENT},
            "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}},
        },
        {"mark": {"type": "line", "color": _ACCENT}, "encoding": {"x": x, "y": y}},
        {
            "mark": {"type": "point", "color": _ACCENT, "filled": True, "size": 60},
            "encoding": {"x": x, "y": y, "tooltip": tooltip},
        },
    ]
