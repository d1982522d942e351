"""The chart of one alert as a still picture, for messages: Vega-Lite with its colours in it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from mlmon.core.panel import Unit
from mlmon.core.query import Row
from mlmon.web.marks import Spec, marked, unit_scale, value_y

INK: Final = "#1f2328"
QUIET: Final = "#8b949e"
ALARM: Final = "#c4320a"
LINE: Final = "#2563c9"
_WIDTH: Final = 520
_HEIGHT: Final = 160
_MS_PER_DAY: Final = 86_400_000
_FEW_DAYS: Final = 3
_FONT: Final = "system-ui, sans-serif"


def still(title: str, subtitle: str, rows: Sequence[Row], unit: Unit) -> Spec | None:
    """The windows of an alert with its bound; one without a value is a gap. None where none has a value.

    `rows` have `start` (milliseconds since 1970), `value`, `low`, `high`, `limit`, each None where it is not
    known, and `breach`, whether the window was too much.
    """
    known = [row for row in rows if row["value"] is not None]
    if not known:
        return None
    factor, suffix = unit_scale(unit, (row["value"] for row in known))
    names = ("value", "low", "high", "limit")
    data = [row | {name: _scaled(row[name], factor) for name in names} for row in rows]
    days = (known[-1]["start"] - known[0]["start"]) / _MS_PER_DAY
    x: Spec = {
        "x": {
            "field": "start",
            "type": "temporal",
            "title": "UTC",
            "scale": {"type": "utc"},
            "axis": {"grid": False, "format": "%d %b" if days > _FEW_DAYS else "%H:%M", "tickCount": 6},
        }
    }
    y = value_y("value", unit, suffix)
    line = x | {"y": y}
    layers: list[Spec] = [
        {
            "mark": marked("area", color=LINE, opacity=0.15),
            "encoding": x | {"y": y | {"field": "low"}, "y2": {"field": "high"}},
        },
        {
            "mark": marked("line", color=ALARM, strokeDash=[4, 3]),
            "encoding": x | {"y": y | {"field": "limit"}},
        },
        {"mark": marked("line", color=LINE, strokeWidth=1.5), "encoding": line},
        {
            "transform": [{"filter": "isValid(datum.value)"}],
            "mark": marked("point", filled=True, size=50, color=LINE, opacity=1),
            "encoding": line,
        },
        {
            "transform": [{"filter": "datum.breach"}],
            "mark": marked("point", filled=True, size=90, color=ALARM, opacity=1, shape="diamond"),
            "encoding": line,
        },
    ]
    return {
        "title": {"text": title, "subtitle": subtitle, "anchor": "start"},
        "width": _WIDTH,
        "height": _HEIGHT,
        "data": {"values": data},
        "layer": layers,
        "config": _config(),
    }


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else float(f"{value / factor:.6g}")


def _config() -> dict[str, Any]:
    return {
        "background": "white",
        "font": _FONT,
        "padding": 12,
        "title": {"color": INK, "subtitleColor": QUIET, "fontSize": 14, "subtitleFontSize": 11},
        "axis": {
            "labelColor": QUIET,
            "domainColor": QUIET,
            "tickColor": QUIET,
            "gridColor": "#eaeef2",
            "titleColor": QUIET,
            "titleFontWeight": "normal",
        },
        "view": {"stroke": None},
    }
