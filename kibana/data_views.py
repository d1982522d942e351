"""Data views: where the documents of a dataset are, which time they have, and how their numbers read."""

from __future__ import annotations

from typing import Any, Final

from mlmon.core import schema
from mlmon.core.panel import ALL, Panel
from mlmon.core.schema import Dataset, Field, Type
from mlmon.kibana.objects import Frame, Json, saved, text

_TIMELESS: Final = "-of-all-time"
_DURATION: Final = {
    "id": "duration",
    "params": {"inputFormat": "nanoseconds", "outputFormat": "humanizePrecise", "outputPrecision": 1},
}


def name_of(panel: Panel) -> str:
    """The data view that a panel needs: one without a time where it is of all time."""
    return view_name(panel.query.dataset, is_timeless=panel.size == ALL)


def view_name(dataset: Dataset, *, is_timeless: bool = False) -> str:
    """What a dataset's data view is called in ids."""
    return dataset.removeprefix("mlmon.") + (_TIMELESS if is_timeless else "")


def view_id(frame: Frame, name: str) -> str:
    """The id of a data view."""
    return frame.id("view", name)


def data_view(frame: Frame, dataset: Dataset, *, is_timeless: bool = False) -> Json:
    """The data view of a dataset; without a time, whatever time is chosen does not narrow it."""
    name = view_name(dataset, is_timeless=is_timeless)
    attributes: dict[str, Any] = {
        "title": frame.patterns[dataset],
        "name": f"{frame.prefix}: {name.replace('-', ' ')}",
        "fieldFormatMap": text(_formats(dataset)),
        "fieldAttrs": text(_labels(dataset)),
        "runtimeFieldMap": "{}",
        "sourceFilters": "[]",
        "fields": "[]",
        "allowNoIndex": True,
    }
    if not is_timeless:
        attributes["timeFieldName"] = schema.TIMESTAMP
    return saved("index-pattern", view_id(frame, name), attributes)


def _formats(dataset: Dataset) -> Json:
    return {field.name: _DURATION for field in schema.fields_of(dataset) if field.unit == "ns"}


def _labels(dataset: Dataset) -> Json:
    """What Kibana says of a field when one points at it."""
    return {field.name: {"customDescription": field.about} for field in _named(dataset)}


def _named(dataset: Dataset) -> list[Field]:
    return [
        field
        for field in schema.fields_of(dataset)
        if not field.is_open and field.type is not Type.TEXT and field.name != schema.TIMESTAMP
    ]
