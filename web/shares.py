"""Charts of predictions held against outcomes: the confusion matrix and the calibration curve."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Any, Final

from mlmon.core.panel import Unit
from mlmon.core.panels.columns import N
from mlmon.core.panels.performance import (
    ERROR_SUM,
    OBSERVED,
    PREDICTED,
    SCORE,
    SCORE_STEP,
    SCORE_SUM,
    WEIGHT,
)
from mlmon.core.query import Row
from mlmon.web.marks import Spec, base, marked, only, scaled, value_y

_MOST_CLASSES: Final = 12
_CELL: Final = 44
_Z: Final = 1.959964
"""The normal quantile of a 95 % interval."""

_NEGLIGIBLE: Final = 1e-9
_SQUARE: Final = 240
_LOW: Final = 72


def confusion(rows: Sequence[Row]) -> list[Spec]:
    """Of each true class, the shares of what was predicted; net of what was corrected."""
    counts = {
        (row[OBSERVED], row[PREDICTED]): row[N]
        for row in rows
        if row[N] > _NEGLIGIBLE and row[OBSERVED] is not None and row[PREDICTED] is not None
    }
    totals: dict[str, float] = {}
    for (observed, _), count in counts.items():
        totals[observed] = totals.get(observed, 0.0) + count
    if not totals:
        return []
    names = sorted(
        {name for pair in counts for name in pair}, key=lambda name: (-totals.get(name, 0.0), name)
    )
    names = names[:_MOST_CLASSES]
    data = [
        {
            OBSERVED: observed,
            PREDICTED: predicted,
            N: counts.get((observed, predicted), 0.0),
            "share": scaled(counts.get((observed, predicted), 0.0) / totals[observed], 1.0),
        }
        for observed in names
        if observed in totals
        for predicted in names
    ]
    axis = {"type": "nominal", "sort": names}
    encoding = {
        "x": axis | {"field": PREDICTED, "title": "predicted", "axis": {"orient": "top", "labelAngle": 0}},
        "y": axis | {"field": OBSERVED, "title": "observed"},
    }
    color = {"field": "share", "type": "quantitative", "legend": None, "scale": {"domain": [0, 1]}}
    share = {"text": {"field": "share", "type": "quantitative", "format": ".1%"}}
    count = {"text": {"field": N, "type": "quantitative", "format": ",.0f"}}
    layers: list[Spec] = [{"mark": marked("rect", "cell"), "encoding": encoding | {"color": color}}]
    for style, rule in (("on-pale", "datum.share <= 0.5"), ("on-deep", "datum.share > 0.5")):
        layers += [
            {"mark": marked("text", style, dy=-6), "encoding": encoding | share, "transform": only(rule)},
            {
                "mark": marked("text", style, dy=10, fontSize=11, fontWeight="normal"),
                "encoding": encoding | count,
                "transform": only(rule),
            },
        ]
    return [base(data, layers, height=max(_CELL * len(names), 2 * 72))]


def calibration(rows: Sequence[Row]) -> list[Spec]:
    """The share that came true by predicted score, with 95 % intervals, above the histogram of the scores."""
    data = _bins(rows)
    if not data:
        return []
    ends: dict[str, Any] = {"domain": [0, 1], "nice": False}
    x = {"field": "predicted", "type": "quantitative", "title": "score", "scale": ends}
    y = value_y("observed", Unit.RATIO, **ends) | {"title": "came true"}
    layers: list[Spec] = [
        {
            "data": {"values": [{"predicted": 0, "observed": 0}, {"predicted": 1, "observed": 1}]},
            "mark": marked("line", "ideal"),
            "encoding": {"x": x, "y": y},
        },
        {
            "mark": marked("rule", "whisker"),
            "encoding": {"x": x, "y": y | {"field": "low"}, "y2": {"field": "high"}},
        },
        {"mark": marked("line"), "encoding": {"x": x, "y": y}},
        {"mark": marked("point", "now"), "encoding": {"x": x, "y": y}},
    ]
    counted = {
        "x": x | {"field": "from", "title": "score", "axis": {"grid": False}},
        "x2": {"field": "to"},
        "y": value_y("n", Unit.COUNT, zero=True) | {"title": "inferences"},
        "y2": {"datum": 0},
    }
    below = base(data, [{"mark": marked("rect", "quiet-bar", x2Offset=-1), "encoding": counted}], height=_LOW)
    return [base(data, layers, height=_SQUARE), below]


def _bins(rows: Sequence[Row]) -> list[Row]:
    """Net sums by bin of the score; the observed share is the mean score minus the mean error."""
    sums: dict[float, list[float]] = {}
    for row in rows:
        weight = row[WEIGHT]
        if row[SCORE] is None or weight is None:
            continue
        total = sums.setdefault(min(round(row[SCORE], 6), 1.0 - SCORE_STEP), [0.0, 0.0, 0.0, 0.0])
        total[0] += weight * row[N]
        total[1] += weight * weight * row[N] * (1 if weight > 0 else -1)
        total[2] += weight * row[SCORE_SUM]
        total[3] += weight * (row[SCORE_SUM] - row[ERROR_SUM])
    data = []
    for start, (n, squares, scores, positives) in sorted(sums.items()):
        if n <= _NEGLIGIBLE:
            continue
        share = min(max(positives / n, 0.0), 1.0)
        low, high = _wilson(share, n * n / squares if squares > _NEGLIGIBLE else n)
        data.append(
            {
                "from": scaled(start, 1.0),
                "to": scaled(start + SCORE_STEP, 1.0),
                "predicted": scaled(scores / n, 1.0),
                "observed": scaled(share, 1.0),
                "low": scaled(low, 1.0),
                "high": scaled(high, 1.0),
                "n": scaled(n, 1.0),
            }
        )
    return data


def _wilson(share: float, n: float) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927)."""
    z2 = _Z * _Z
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z / (1 + z2 / n) * sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return max(middle - half, 0.0), min(middle + half, 1.0)
