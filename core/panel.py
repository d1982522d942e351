"""Panels as data: what a page, a report or a dashboard shows, told apart from how it is drawn.

A panel asks a query that names no model and no window; `scope` narrows it to what a person picked. The
page, Kibana and Grafana render the same panels.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from mlmon.core import schema
from mlmon.core.query import AllOf, Equals, Filter, Key, OneOf, Query, Terms, TimeBucket, narrow
from mlmon.core.schema import RESULTS
from mlmon.core.window import Window

AUTO = "auto"
"""As the size of a time bucket: the size that suits the window shown."""


class Kind(StrEnum):
    """How a panel wants to be drawn."""

    LINES = "lines"
    BARS = "bars"
    INTERVAL = "interval"
    HEATMAP = "heatmap"
    CONFUSION = "confusion"
    CALIBRATION = "calibration"
    DOTS = "dots"
    TABLE = "table"


class Unit(StrEnum):
    """What the numbers are in."""

    COUNT = "count"
    RATIO = "ratio"
    NANOSECONDS = "ns"
    PLAIN = "plain"


class Panel(Struct, frozen=True, kw_only=True):
    """One chart or table. `x`, `y`, `series`, `low` and `high` name columns of the query's answer.

    `title` is a question or a statement; `empty` says what to do where there is nothing to show.
    """

    id: str
    title: str
    kind: Kind
    query: Query
    x: str
    y: tuple[str, ...]
    series: str | None = None
    low: str | None = None
    high: str | None = None
    unit: Unit = Unit.PLAIN
    empty: str = ""


def names_of(panel: Panel) -> tuple[str, ...]:
    """The metrics that a panel over metrics asks for."""
    where = panel.query.where
    parts = where.of if isinstance(where, AllOf) else ()
    return tuple(str(name) for part in parts if isinstance(part, OneOf) for name in part.values)


class Scope(Struct, frozen=True, kw_only=True):
    """What a person looks at. `version` and `segment` of "" mean all; a segment is `field=value`."""

    model: str
    window: Window
    size: str
    version: str = ""
    segment: str = ""


def scope(panel: Panel, to: Scope) -> Query:
    """The panel's question of one model, window, version and segment.

    Results are asked for in the given size; events are cut into buckets of it. A panel that compares
    segments is not narrowed to one.
    """
    query = replace(panel.query, by={name: _resized(key, to.size) for name, key in panel.query.by.items()})
    of_results = query.dataset in RESULTS
    filters = _of_results(to, query) if of_results else _of_events(to)
    return narrow(query, AllOf(tuple(filters)), to.window)


def _resized(key: Key, size: str) -> Key:
    return replace(key, every=size) if isinstance(key, TimeBucket) and key.every == AUTO else key


def _of_results(to: Scope, query: Query) -> list[Filter]:
    filters: list[Filter] = [
        Equals(schema.MODEL_NAME, to.model),
        Equals(schema.MODEL_VERSION, to.version),
        Equals(schema.WINDOW_SIZE, to.size),
    ]
    if Terms(schema.RESULT_SEGMENT) not in query.by.values():
        filters.append(Equals(schema.RESULT_SEGMENT, to.segment))
    return filters


def _of_events(to: Scope) -> list[Filter]:
    filters: list[Filter] = [Equals(schema.MODEL_NAME, to.model)]
    if to.version:
        filters.append(Equals(schema.MODEL_VERSION, to.version))
    if to.segment:
        field, _, value = to.segment.partition("=")
        filters.append(Equals(schema.member(schema.SEGMENT, field), value))
    return filters
