"""A panel as a Lens visualization. Pure.

What Lens cannot show is refused with the reason. Lines and rows have a largest number, which the description
of the object tells whoever looks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from msgspec import Struct

from mlmon.core import schema
from mlmon.core.panel import AUTO, VERSION, Kind, Panel, across
from mlmon.core.query import Equals, OneOf, Query, TimeBucket, leaves_of
from mlmon.core.schema import Dataset
from mlmon.kibana import marks
from mlmon.kibana.columns import (
    rank,
    refuse_intervals,
    shown,
    terms_column,
    terms_keys,
    time_column,
    time_key,
    value_columns,
)
from mlmon.kibana.data_views import name_of, view_id
from mlmon.kibana.kql import kql
from mlmon.kibana.objects import Frame, Json, reference, saved
from mlmon.kibana.refused import RefusedError

LAYER: Final = "layer"
BOUNDS: Final = "bounds"
SPLIT: Final = "split"
_MOST_LINES: Final = 12
_MOST_CELLS: Final = 24
_MOST_ROWS: Final = 200


class Drawing(Struct, frozen=True, kw_only=True):
    """A visualization: its type in Lens, the columns of its layer in order, how it is drawn, what is told."""

    type: str
    columns: dict[str, Json]
    visualization: Json
    note: str = ""
    bounds: dict[str, Json] = {}


def lens(frame: Frame, panel: Panel) -> Json:
    """The saved object of a panel.

    Raises:
        RefusedError: Lens cannot show what the panel asks.

    """
    query = asked(panel, frame.size)
    drawing = _DRAW[panel.kind](panel, query)
    refuse_intervals(query.by.values())
    layers = {LAYER: _layer(drawing.columns)}
    if drawing.bounds:
        layers[BOUNDS] = _layer(drawing.bounds)
    view = view_id(frame, name_of(panel))
    state = {
        "datasourceStates": {"formBased": {"layers": layers}},
        "visualization": drawing.visualization,
        "query": {"language": "kuery", "query": kql(query.where)},
        "filters": [],
        "internalReferences": [],
        "adHocDataViews": {},
    }
    attributes = {
        "title": panel.title,
        "description": _told(panel, query, frame.size, drawing.note),
        "visualizationType": drawing.type,
        "state": state,
    }
    views = [reference("index-pattern", view, f"indexpattern-datasource-layer-{layer}") for layer in layers]
    return saved("lens", frame.id("lens", panel.id), attributes, views)


def _told(panel: Panel, query: Query, size: str, note: str) -> str:
    """What whoever looks should know of the panel."""
    words = [note] if note else []
    if VERSION in query.by and query.dataset is Dataset.METRIC:
        words.append(f"Results of windows of {size}; (empty) is all versions together.")
    if panel.empty:
        words.append(f"Where nothing is shown: {panel.empty}")
    return " ".join(words)


def asked(panel: Panel, size: str) -> Query:
    """The panel's question of all models; events are cut into buckets of the size that suits the time shown.

    A key whose value the filter leaves no choice of is left out.
    """
    query = across(panel, size)
    events = query.dataset is not Dataset.METRIC
    fixed = {
        leaf.field
        for leaf in leaves_of(query.where)
        if isinstance(leaf, Equals) or (isinstance(leaf, OneOf) and len(leaf.values) == 1)
    }
    by = {
        name: TimeBucket(AUTO, key.field) if isinstance(key, TimeBucket) and events else key
        for name, key in query.by.items()
        if key.field not in fixed
    }
    return Query(dataset=query.dataset, where=query.where, by=by, measures=query.measures)


def _layer(columns: Mapping[str, Json]) -> Json:
    """A layer of the data source: those by which is grouped come first."""
    order = sorted(columns, key=lambda name: not columns[name]["isBucketed"])
    return {
        "columnOrder": order,
        "columns": {name: columns[name] for name in order},
        "incompleteColumns": {},
        "sampling": 1,
        "ignoreGlobalFilters": False,
    }


def _over_time(panel: Panel, query: Query) -> Drawing:
    names = [*panel.y, *filter(None, (panel.low, panel.high))]
    values = value_columns(panel, query, names)
    accessors = [column for name in names for column in shown(panel, query, name)]
    columns: dict[str, Json] = {}
    found = time_key(query)
    if found is None:
        raise RefusedError(f"The panel '{panel.id}' is drawn over time, and its question has no time.")
    columns[found[0]] = time_column(found[1])
    note = ""
    split = _split(panel, query, rank(panel, accessors[0]), _MOST_LINES)
    if split is not None:
        columns[SPLIT] = split
        which = "by name" if rank(panel, accessors[0]) is None else "those with the largest values"
        note = f"At most {_MOST_LINES} lines, {which}."
    bounds = marks.bounds(panel.thresholds)
    drawn = marks.xy(
        layer=LAYER,
        series="bar_stacked" if panel.kind is Kind.BARS and _adds_up(query) else _SERIES[panel.kind],
        x=found[0],
        accessors=accessors,
        split=SPLIT if split is not None else None,
        bounds=(BOUNDS, panel.thresholds),
        unit=panel.unit,
    )
    return Drawing(type="lnsXY", columns=columns | values, visualization=drawn, note=note, bounds=bounds)


_SERIES: Final = {Kind.LINES: "line", Kind.INTERVAL: "line", Kind.BARS: "bar"}


def _adds_up(query: Query) -> bool:
    """Whether the parts of a bar make a whole: of events they do, of metrics of versions they do not."""
    return query.dataset is not Dataset.METRIC


def _split(panel: Panel, query: Query, by: str | None, size: int, without: str = "") -> Json | None:
    """One column for all keys by values together, the panel's series first."""
    keys = {name: key for name, key in terms_keys(query).items() if name != without}
    names = sorted(keys, key=lambda name: name not in (panel.series, *panel.y))
    if not names:
        return None
    is_whole = _adds_up(query) and len(names) == 1
    return terms_column(names, [keys[name].field for name in names], size=size, by=by, rest=is_whole)


def _cells(panel: Panel, query: Query) -> Drawing:
    """A heat map: time or a key by values across, all other keys down."""
    value = panel.series if panel.series in query.measures else panel.x if panel.x in query.measures else ""
    if not value:
        raise RefusedError(f"The panel '{panel.id}' is a heat map without a measure to colour it by.")
    across_, columns = _across(panel, query, value)
    down = _split(panel, query, value, _MOST_CELLS, without=across_)
    if down is None:
        raise RefusedError(f"The panel '{panel.id}' is a heat map of a single row.")
    columns[SPLIT] = down
    drawn = marks.heatmap(LAYER, across_, SPLIT, value, panel.thresholds)
    values = value_columns(panel, query, (value,))
    note = f"At most {_MOST_CELLS} rows, those with the largest values."
    if panel.kind is Kind.DOTS:
        note += " A heat map has no room for intervals; those are on mlmon's page."
    return Drawing(type="lnsHeatmap", columns=columns | values, visualization=drawn, note=note)


def _across(panel: Panel, query: Query, value: str) -> tuple[str, dict[str, Json]]:
    """The horizontal axis: time where there is some, else the panel's own x."""
    found = time_key(query)
    if found is not None:
        return found[0], {found[0]: time_column(found[1])}
    field = terms_keys(query)[panel.x].field
    column = terms_column([panel.x], [field], size=_MOST_CELLS, by=value, rest=False)
    return panel.x, {panel.x: column}


def _table(panel: Panel, query: Query) -> Drawing:
    if time_key(query) is not None:
        raise RefusedError(f"The panel '{panel.id}' is a table over time; draw it as lines.")
    values = value_columns(panel, query, panel.y)
    accessors = [column for name in panel.y for column in shown(panel, query, name)]
    by = rank(panel, accessors[0])
    keys = {
        name: terms_column([name], [key.field], size=_MOST_ROWS, by=by, rest=_adds_up(query))
        for name, key in terms_keys(query).items()
    }
    coloured = next((name for name in panel.y if name in panel.ratios), panel.y[0])
    drawn = marks.table(LAYER, list(keys), accessors, coloured, panel.thresholds)
    note = f"At most {_MOST_ROWS} values a column, those with the largest numbers."
    return Drawing(type="lnsDatatable", columns=keys | values, visualization=drawn, note=note)


def _number(panel: Panel, query: Query) -> Drawing:
    values = value_columns(panel, query, panel.y)
    drawn: dict[str, Any] = {
        "layerId": LAYER,
        "layerType": "data",
        "metricAccessor": panel.y[0],
    }
    return Drawing(type="lnsMetric", columns=values, visualization=drawn)


def _calibration(_: Panel, __: Query) -> Drawing:
    weight = schema.EVALUATION_WEIGHT
    raise RefusedError(
        f"Each group's sums must be scaled by its {weight} before they are added up, and Lens cannot "
        "multiply a sum by the key of its group."
    )


_DRAW: Final[Mapping[Kind, Callable[[Panel, Query], Drawing]]] = {
    Kind.LINES: _over_time,
    Kind.BARS: _over_time,
    Kind.INTERVAL: _over_time,
    Kind.HEATMAP: _cells,
    Kind.DOTS: _cells,
    Kind.CONFUSION: _cells,
    Kind.TABLE: _table,
    Kind.NUMBER: _number,
    Kind.CALIBRATION: _calibration,
}
