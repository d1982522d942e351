"""The grammar that the charts share: scales, axes, units and gaps, as parts of Vega-Lite specifications.

Colours, fonts and line widths are named by style and set by the page's theme, so a specification is the
same in light and dark.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from mlmon.core import clock
from mlmon.core.panel import Scope, Unit
from mlmon.core.panels.columns import FINAL, TIME, VALUE
from mlmon.core.query import Row
from mlmon.core.window import Window, windows

Spec = dict[str, Any]
"""A Vega-Lite specification, or a part of one."""

HEIGHT: Final = 132
_NS_PER_MS: Final = 1_000_000
_BREAK: Final = "break-paths-show-domains"
_UNITS: Final = ((1e9, "s"), (1e6, "ms"), (1e3, "µs"))
_FORMATS: Final = {
    Unit.RATIO: ".2~%",
    Unit.COUNT: "~s",
    Unit.NANOSECONDS: "~g",
    Unit.PLAIN: "~g",
    Unit.SECONDS: "~g",
    Unit.BYTES: "~s",
}


def milliseconds(window: Window) -> tuple[int, int]:
    """The bounds of a window as a browser counts time."""
    return clock.to_ns(window.start) // _NS_PER_MS, clock.to_ns(window.end) // _NS_PER_MS


def with_gaps(rows: Iterable[Row], scope: Scope, columns: Sequence[str], *, scale: float = 1.0) -> list[Row]:
    """One row a window of the scope, in order, None where nothing is known: a gap, never a zero.

    `columns` are copied, divided by `scale`; `start`, `end` and `mid` are milliseconds since 1970.
    """
    known = {row[TIME]: row for row in rows}
    filled = []
    for window in windows(scope.window, scope.size):
        start, end = milliseconds(window)
        found = known.get(window.start)
        values = {name: scaled(found.get(name) if found else None, scale) for name in columns}
        final = bool(found.get(FINAL, True)) if found else True
        filled.append({"start": start, "end": end, "mid": (start + end) // 2, "final": final, **values})
    return filled


def scaled(value: float | None, scale: float) -> float | None:
    """A value in another unit, with six significant digits: more than a screen can show."""
    return None if value is None else float(f"{value / scale:.6g}")


def unit_scale(unit: Unit, values: Iterable[float | None]) -> tuple[float, str]:
    """What to divide values by, and the name of the unit they are in then."""
    if unit is not Unit.NANOSECONDS:
        return 1.0, ""
    largest = max((value for value in values if value is not None), default=1e6)
    return next(((size, name) for size, name in _UNITS if largest >= size), _UNITS[-1])


def base(rows: list[Row], layers: list[Spec], *, height: int = HEIGHT) -> Spec:
    """A chart as wide as its place."""
    return {"width": "container", "height": height, "data": {"values": rows}, "layer": layers}


def time_x(scope: Scope, field: str = "mid", *, end: str = "") -> Spec:
    """The shared time axis, from the first to the last window of the scope."""
    start, stop = milliseconds(scope.window)
    x: Spec = {
        "field": field,
        "type": "temporal",
        "title": None,
        # As a signal: of plain numbers Vega-Lite would make dates for one layer and not for the next.
        "scale": {"domain": {"signal": f"[{start}, {stop}]"}, "nice": False},
        "axis": {"grid": False},
    }
    return {"x": x, "x2": {"field": end}} if end else {"x": x}


def value_y(field: str, unit: Unit, suffix: str = "", **scale: Any) -> Spec:  # noqa: ANN401 - Vega-Lite's
    """A vertical axis of numbers whose labels carry their unit."""
    axis: Spec = {"format": _FORMATS[unit], "tickCount": 4}
    if unit is Unit.COUNT:
        axis = {"labelExpr": "datum.value % 1 ? '' : format(datum.value, '~s')", "tickCount": 4}
    if suffix:
        axis = {"labelExpr": f"format(datum.value, '~g') + ' {suffix}'", "tickCount": 4}
    return {
        "field": field,
        "type": "quantitative",
        "title": None,
        "axis": axis,
        "scale": {"nice": True, "zero": False} | scale,
    }


def marked(kind: str, style: str = "", **properties: Any) -> Spec:  # noqa: ANN401 - Vega-Lite's
    """A mark; a line or an area breaks where a value is missing."""
    mark: Spec = {"type": kind} | ({"style": style} if style else {}) | properties
    if kind in ("line", "area"):
        mark["invalid"] = _BREAK
    return mark


def only(expression: str) -> list[Spec]:
    """A transform that keeps the rows for which an expression holds."""
    return [{"filter": expression}]


def not_final(scope: Scope) -> Spec:
    """A hatched stretch behind the windows that late outcomes may still change."""
    return {
        "transform": only(f"!datum.final && isValid(datum.{VALUE})"),
        "mark": marked("rect", "not-final"),
        "encoding": time_x(scope, "start", end="end"),
    }
