"""A panel and the rows of its answer as a chart: Vega-Lite specifications, as plain dicts. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean
from typing import Any, Final

from msgspec import Struct

from mlmon.core.metric import SMALLER_IS_BETTER
from mlmon.core.panel import Kind, Panel, Scope, Unit
from mlmon.core.panels.columns import FINAL, HIGH, LOW, NAME, SEGMENT, SUBJECT, TIME, VALUE, N
from mlmon.core.query import Row
from mlmon.web import shares
from mlmon.web.marks import (
    HEIGHT,
    Spec,
    base,
    marked,
    milliseconds,
    not_final,
    only,
    scaled,
    time_x,
    unit_scale,
    value_y,
    with_gaps,
)
from mlmon.web.units import number

_MOST_ROWS: Final = 24
"""Rows of a heat map or dot plot: the strongest; a note says how many there are."""

_ROW_HEIGHT: Final = 18
_DOT_HEIGHT: Final = 22
_FEW: Final = 64
"""Up to so many windows each has a dot."""

_LEAST: Final = 30
"""A segment with fewer evaluations in a window says nothing of it."""

_PSI_TOP: Final = 0.5
_PSI_NOTE: Final = (
    "PSI: faint is like the reference, from 0.1 it has moved, from 0.25 a lot; strongest is 0.5 or more."
)
_SHARES: Final = {"missing": "missing", "invalid": "of the values not as expected"}
"""What the shares of a heatmap are of."""
_MISSING_TOP: Final = 0.05
_BOUNDED: Final = frozenset({"coverage"})


class Band(Struct, frozen=True, kw_only=True):
    """What the reference says of a value, with its interval."""

    value: float | None = None
    low: float | None = None
    high: float | None = None


class Chart(Struct, frozen=True, kw_only=True):
    """What is drawn: specifications one below the other, the names of the series, and a note for the reader.

    No specification means that there is nothing to draw.
    """

    specs: list[Spec]
    series: list[str] = []
    note: str = ""


def chart(panel: Panel, rows: Sequence[Row], scope: Scope, reference: Band | None = None) -> Chart:
    """Draw the answer of a panel's question."""
    return _DRAW[panel.kind](panel, rows, scope, reference)


def _lines(panel: Panel, rows: Sequence[Row], scope: Scope, _: Band | None) -> Chart:
    known = [row for row in rows if row[VALUE] is not None]
    if not known:
        return Chart(specs=[])
    factor, suffix = unit_scale(panel.unit, (row[VALUE] for row in known))
    names = sorted({row[panel.series or VALUE] for row in known})
    data = [
        {"series": name, **row}
        for name in names
        for row in with_gaps(
            (row for row in known if row[panel.series or VALUE] == name), scope, (VALUE,), scale=factor
        )
    ]
    encoding = time_x(scope) | {
        "y": value_y(VALUE, panel.unit, suffix, zero=True),
        "color": {"field": "series", "type": "ordinal", "legend": None, "sort": names},
    }
    layers: list[Spec] = [{"mark": marked("line"), "encoding": encoding}]
    if len(data) <= _FEW * len(names):
        layers.append({"mark": marked("point", "dot"), "encoding": encoding, "transform": _known()})
    return Chart(specs=[_over_time(data, layers)], series=names)


def _bars(panel: Panel, rows: Sequence[Row], scope: Scope, _: Band | None) -> Chart:
    data = with_gaps(rows, scope, (VALUE,))
    if all(row[VALUE] is None for row in data):
        return Chart(specs=[])
    narrow = {} if len(data) > 2 * _FEW else {"x2Offset": -1}
    bars = {
        "mark": marked("rect", "traffic", **narrow),
        "encoding": time_x(scope, "start", end="end")
        | {"y": value_y(VALUE, panel.unit, zero=True), "y2": {"datum": 0}},
        "transform": _known(),
    }
    return Chart(specs=[_over_time(data, [bars])])


def _interval(panel: Panel, rows: Sequence[Row], scope: Scope, reference: Band | None) -> Chart:
    columns = (VALUE, LOW, HIGH)
    factor, suffix = unit_scale(panel.unit, (row[VALUE] for row in rows))
    data = with_gaps(rows, scope, columns if panel.low else (VALUE,), scale=factor)
    if all(row[VALUE] is None for row in data):
        return Chart(specs=[])
    whole = {"domain": [0, 1]} if panel.id in _BOUNDED else {"zero": panel.id == "errors"}
    y = value_y(VALUE, panel.unit, suffix, **whole)
    line = time_x(scope) | {"y": y}
    layers: list[Spec] = [not_final(scope), *_reference(reference, factor)]
    band = time_x(scope) | {"y": y | {"field": LOW}, "y2": {"field": HIGH}}
    if panel.low:
        layers.append({"mark": marked("area", "band"), "encoding": band})
    layers.append({"mark": marked("line"), "encoding": line})
    if len(data) <= _FEW:
        if panel.low:
            layers.append({"mark": marked("rule", "whisker"), "encoding": band, "transform": _known()})
        layers.append({"mark": marked("point", "dot"), "encoding": line, "transform": _known()})
        hollow = only(f"!datum.final && isValid(datum.{VALUE})")
        layers.append({"mark": marked("point", "hollow"), "encoding": line, "transform": hollow})
    unsure = any(not row["final"] and row[VALUE] is not None for row in data)
    return Chart(
        specs=[_over_time(data, layers)],
        note="Hatched: outcomes are still coming, the number may change." if unsure else "",
    )


def _known() -> list[Spec]:
    return only(f"isValid(datum.{VALUE})")


def _reference(band: Band | None, factor: float) -> list[Spec]:
    """The reference as a quiet band over the whole time."""
    if band is None or band.value is None:
        return []
    layers: list[Spec] = []
    if band.low is not None and band.high is not None:
        ends = {"low": scaled(band.low, factor), "high": scaled(band.high, factor)}
        encoding = {
            "y": {"field": "low", "type": "quantitative"},
            "y2": {"field": "high"},
        }
        layers.append(
            {"data": {"values": [ends]}, "mark": marked("rect", "reference-band"), "encoding": encoding}
        )
    value = {"y": {"datum": scaled(band.value, factor), "type": "quantitative"}}
    layers.append({"data": {"values": [{}]}, "mark": marked("rule", "reference"), "encoding": value})
    return layers


def _over_time(data: list[Row], layers: list[Spec], height: int = HEIGHT) -> Spec:
    return base(data, layers, height=height) | {"usermeta": {"time": True}}


def _heatmap(panel: Panel, rows: Sequence[Row], scope: Scope, _: Band | None) -> Chart:
    value = panel.series or VALUE
    by_subject: dict[str, list[float]] = {}
    for row in rows:
        if row[value] is not None:
            by_subject.setdefault(row[SUBJECT], []).append(row[value])
    # The mean, so that one small window at the edge does not decide the order.
    effects = {name: fmean(values) for name, values in by_subject.items()}
    top = max((max(values) for values in by_subject.values()), default=0.0)
    if panel.unit is Unit.RATIO:
        effects = {name: effect for name, effect in effects.items() if effect > 0}
    ranked = sorted(effects, key=lambda name: (-effects[name], name))
    shown = ranked[:_MOST_ROWS]
    if not shown:
        return Chart(specs=[])
    data: list[Row] = []
    for name in shown:
        of_name = [row for row in rows if row[SUBJECT] == name]
        data += [
            {SUBJECT: name, **row} for row in with_gaps(of_name, scope, (value,)) if row[value] is not None
        ]
    top = max(_MISSING_TOP, top) if panel.unit is Unit.RATIO else _PSI_TOP
    encoding = time_x(scope, "start", end="end") | {
        "y": {"field": SUBJECT, "type": "nominal", "sort": shown, "title": None},
        "color": {
            "field": value,
            "type": "quantitative",
            "legend": None,
            "scale": {"domain": [0, top], "clamp": True},
        },
    }
    spec = _over_time(
        data, [{"mark": marked("rect", "cell"), "encoding": encoding}], _ROW_HEIGHT * len(shown)
    )
    more = f" The strongest {len(shown)} of {len(ranked)}." if len(ranked) > len(shown) else ""
    what = _SHARES.get(panel.id, "of the values")
    note = f"Strongest: {number(top, panel.unit)} or more {what}." if panel.unit is Unit.RATIO else _PSI_NOTE
    return Chart(specs=[spec], series=shown, note=note + more)


def _dots(panel: Panel, rows: Sequence[Row], scope: Scope, _: Band | None) -> Chart:
    """The first and the last window of each segment, the one that lost most on top."""
    known = [row for row in rows if row[VALUE] is not None and row[SEGMENT] and row[N] >= _LEAST]
    moments = sorted({row[TIME] for row in known})
    if not moments:
        return Chart(specs=[])
    factor, suffix = unit_scale(panel.unit, (row[VALUE] for row in known))
    data = _changes(known, factor)
    shown = data[:_MOST_ROWS]
    names = [row[SEGMENT] for row in shown]
    y = {"field": SEGMENT, "type": "nominal", "sort": names, "title": None}
    x = value_y("value", panel.unit, suffix)
    layers: list[Spec] = [
        {
            "mark": marked("rule", "change"),
            "encoding": {"y": y, "x": x | {"field": "first"}, "x2": {"field": VALUE}},
        },
        {
            "mark": marked("rule", "interval"),
            "encoding": {"y": y, "x": x | {"field": LOW}, "x2": {"field": HIGH}},
        },
        {"mark": marked("point", "then"), "encoding": {"y": y, "x": x | {"field": "first"}}},
        {"mark": marked("point", "now"), "encoding": {"y": y, "x": x}},
    ]
    more = f" The {len(shown)} that lost most of {len(data)}." if len(data) > len(shown) else ""
    note = (
        f"Hollow: the first {_noun(scope.size)} shown. Filled, with its 95 % interval: the last one. "
        f"What lost most is on top; windows of fewer than {_LEAST} evaluations are left out.{more}"
    )
    return Chart(specs=[base(shown, layers, height=_DOT_HEIGHT * len(shown))], series=names, note=note)


def _noun(size: str) -> str:
    return {"1h": "hour", "1d": "day", "7d": "week", "30d": "30 days"}.get(size, size)


def _changes(rows: Sequence[Row], factor: float) -> list[Row]:
    metric = next((row[NAME] for row in rows), "")
    sign = -1.0 if metric in SMALLER_IS_BETTER else 1.0
    by_segment: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: row[TIME]):
        by_segment.setdefault(row[SEGMENT], []).append(row)
    data = []
    for name, of_segment in by_segment.items():
        first, last = of_segment[0], of_segment[-1]
        data.append(
            {
                SEGMENT: name,
                "first": scaled(first[VALUE], factor) if first is not last else None,
                VALUE: scaled(last[VALUE], factor),
                LOW: scaled(last[LOW], factor),
                HIGH: scaled(last[HIGH], factor),
                N: last[N],
                FINAL: bool(last[FINAL]),
                "change": scaled(sign * (last[VALUE] - first[VALUE]), factor),
            }
        )
    return sorted(data, key=lambda row: (row["change"], row[SEGMENT]))


def _confusion(_panel: Panel, rows: Sequence[Row], _: Scope, __: Band | None) -> Chart:
    return Chart(specs=shares.confusion(rows), note="Shares of each row: of what truly was, what was said.")


def _calibration(_panel: Panel, rows: Sequence[Row], _: Scope, __: Band | None) -> Chart:
    return Chart(
        specs=shares.calibration(rows),
        note="On the line, scores mean what they say. Below: how many had each score.",
    )


def findings(bars: Sequence[dict[str, Any]], scope: Scope) -> Chart:
    """The time line: one row a thing that was found, one bar a window it was found in."""
    names = list(dict.fromkeys(bar["label"] for bar in bars))
    start, end = milliseconds(scope.window)
    encoding = time_x(scope, "start", end="end") | {
        "y": {"field": "label", "type": "nominal", "sort": names, "title": None}
    }
    layers = [
        {
            "mark": marked("rect", style, clip=True),
            "encoding": encoding,
            "transform": only(f"datum.state === '{style}'"),
        }
        for style in ("past", "warning", "critical")
    ]
    data = [bar for bar in bars if bar["start"] < end and bar["end"] > start]
    return Chart(specs=[_over_time(data, layers, _DOT_HEIGHT * len(names))] if data else [], series=names)


_DRAW: Final[dict[Kind, Callable[[Panel, Sequence[Row], Scope, Band | None], Chart]]] = {
    Kind.LINES: _lines,
    Kind.BARS: _bars,
    Kind.INTERVAL: _interval,
    Kind.HEATMAP: _heatmap,
    Kind.DOTS: _dots,
    Kind.CONFUSION: _confusion,
    Kind.CALIBRATION: _calibration,
}
