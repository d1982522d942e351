"""How Lens draws: the parts of a visualization's state beside its columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from mlmon.core.panel import Threshold, Unit
from mlmon.core.result import Severity
from mlmon.kibana.objects import Json

CALM: Final = "#e6eef7"
COLOURS: Final = {Severity.INFO: "#54b399", Severity.WARNING: "#d6a35c", Severity.CRITICAL: "#bd271e"}
"""Told apart also by those who do not see red and green."""


def bounds(thresholds: Sequence[Threshold]) -> dict[str, Json]:
    """A column a threshold, each one number that is always the same."""
    return {
        _bound(threshold): {
            "label": f"{threshold.severity} from {threshold.value:g}",
            "customLabel": True,
            "dataType": "number",
            "operationType": "static_value",
            "isBucketed": False,
            "isStaticValue": True,
            "scale": "ratio",
            "params": {"value": f"{threshold.value:g}"},
            "references": [],
        }
        for threshold in thresholds
    }


def _bound(threshold: Threshold) -> str:
    return f"bound-{threshold.severity}"


def xy(
    *,
    layer: str,
    series: str,
    x: str,
    accessors: list[str],
    split: str | None,
    bounds: tuple[str, Sequence[Threshold]],
    unit: Unit,
) -> Json:
    """Lines or bars over time, with a dashed line a threshold. A gap stays a gap."""
    data: dict[str, Any] = {
        "layerId": layer,
        "layerType": "data",
        "seriesType": series,
        "xAccessor": x,
        "accessors": accessors,
        "position": "top",
        "showGridlines": False,
    }
    if split is not None:
        data["splitAccessor"] = split
    layers = [data]
    if bounds[1]:
        layers.append(_reference_lines(*bounds))
    return {
        "preferredSeriesType": series,
        "legend": {"isVisible": True, "position": "right"},
        "valueLabels": "hide",
        "fittingFunction": "None",
        "axisTitlesVisibilitySettings": {"x": False, "yLeft": False, "yRight": False},
        "yLeftExtent": {"mode": "dataBounds" if unit is Unit.PLAIN else "full"},
        "layers": layers,
    }


def _reference_lines(layer: str, thresholds: Sequence[Threshold]) -> Json:
    return {
        "layerId": layer,
        "layerType": "referenceLine",
        "accessors": [_bound(threshold) for threshold in thresholds],
        "yConfig": [
            {
                "forAccessor": _bound(threshold),
                "axisMode": "left",
                "color": COLOURS[threshold.severity],
                "lineStyle": "dashed",
                "lineWidth": 1,
                "fill": "none",
                "textVisibility": True,
            }
            for threshold in thresholds
        ],
    }


def heatmap(layer: str, x: str, y: str, value: str, thresholds: Sequence[Threshold]) -> Json:
    """Cells, coloured by the thresholds where there are some."""
    made: dict[str, Any] = {
        "layerId": layer,
        "layerType": "data",
        "shape": "heatmap",
        "xAccessor": x,
        "yAccessor": y,
        "valueAccessor": value,
        "legend": {"isVisible": True, "position": "right", "type": "heatmap_legend"},
        "gridConfig": {
            "type": "heatmap_grid",
            "isCellLabelVisible": False,
            "isXAxisLabelVisible": True,
            "isXAxisTitleVisible": False,
            "isYAxisLabelVisible": True,
            "isYAxisTitleVisible": False,
        },
    }
    if thresholds:
        made["palette"] = {**palette(thresholds), "accessor": value}
    return made


def table(
    layer: str, keys: list[str], values: list[str], coloured: str, thresholds: Sequence[Threshold]
) -> Json:
    """Rows, a click on a key of which filters; one column is coloured by the thresholds."""
    columns: list[Json] = [{"columnId": name, "isTransposed": False, "oneClickFilter": True} for name in keys]
    for name in values:
        column: Json = {"columnId": name, "isTransposed": False, "isMetric": True}
        if name == coloured and thresholds:
            column |= {"colorMode": "cell", "palette": palette(thresholds)}
        columns.append(column)
    return {
        "layerId": layer,
        "layerType": "data",
        "columns": columns,
        "paging": {"enabled": True, "size": 20},
        "sorting": {"columnId": values[0], "direction": "desc"},
    }


def palette(thresholds: Sequence[Threshold]) -> Json:
    """Calm below the first threshold, then the colour of each severity."""
    colours = [CALM, *(COLOURS[threshold.severity] for threshold in thresholds)]
    starts = [0.0, *(threshold.value for threshold in thresholds)]
    ends = [*starts[1:], 2 * starts[-1]]
    return {
        "type": "palette",
        "name": "custom",
        "params": {
            "name": "custom",
            "steps": len(colours),
            "reverse": False,
            "rangeType": "number",
            "rangeMin": 0,
            "rangeMax": None,
            "progression": "fixed",
            "continuity": "above",
            "colorStops": [
                {"color": colour, "stop": start} for colour, start in zip(colours, starts, strict=True)
            ],
            "stops": [{"color": colour, "stop": end} for colour, end in zip(colours, ends, strict=True)],
        },
    }
