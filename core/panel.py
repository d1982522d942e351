"""Panels as data: what a page, a report or a dashboard shows, told apart from how it is drawn.

A panel asks a query that names no model and no window. `scope` narrows it to what a person picked; `across`
asks it of every model and version at once, for dashboards that know no model by name.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from mlmon.core import schema
from mlmon.core.query import (
    AllOf,
    Equals,
    Filter,
    Key,
    OneOf,
    Query,
    Scan,
    Terms,
    TimeBucket,
    both,
    leaves_of,
    narrow,
)
from mlmon.core.result import Severity
from mlmon.core.schema import RESULTS, Dataset
from mlmon.core.window import Window

AUTO = "auto"
"""As the size of a time bucket: the size that suits the window shown."""

ALL: Final = "all"
"""As the size of a window: all time."""

MODEL: Final = "model"
VERSION: Final = "version"
"""The columns of whatever tells models and versions apart."""


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
    NUMBER = "number"


class Unit(StrEnum):
    """What the numbers are in."""

    COUNT = "count"
    RATIO = "ratio"
    NANOSECONDS = "ns"
    SECONDS = "s"
    BYTES = "bytes"
    PLAIN = "plain"


class Threshold(Struct, frozen=True, kw_only=True):
    """A value from which on a finding of this severity may be made."""

    value: float
    severity: Severity


class Ratio(Struct, frozen=True, kw_only=True):
    """A column made of two measures of the query, by their names; nothing where `under` is 0."""

    over: str
    under: str


class Panel(Struct, frozen=True, kw_only=True):
    """One chart or table. `x`, `y`, `series`, `low` and `high` name columns of the query's answer.

    `title` is a question or a statement; `empty` says what to do where there is nothing to show. `ratios` are
    columns too. `size` is the one size of windows that the panel is of, where it is not left to who looks;
    what is of size `all` is of all time, whatever time is looked at.
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
    ratios: dict[str, Ratio] = {}
    thresholds: tuple[Threshold, ...] = ()
    size: str | None = None


class Listing(Struct, frozen=True, kw_only=True):
    """Documents as they are, newest first: log lines, findings. `scan` names no model and no window."""

    id: str
    title: str
    scan: Scan
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
    query = _sized(panel.query, to.size)
    of_results = query.dataset in RESULTS
    filters = _of_results(to, query) if of_results else _of_events(to)
    return narrow(query, AllOf(tuple(filters)), to.window)


def across(panel: Panel, size: str) -> Query:
    """The panel's question of every model and version, with these as keys where the answer would mix them.

    A metric is one number of one model, version, segment and window: two of them must never meet in one row.
    What counts events or findings may add them up, so such a question is only given its size of buckets.
    """
    query = _sized(panel.query, size)
    if query.dataset is not Dataset.METRIC or panel.size == ALL:
        return query
    told = {leaf.field for leaf in leaves_of(query.where)} | {key.field for key in query.by.values()}
    missing = {name: Terms(field) for name, field in _APART.items() if field not in told}
    fixed: list[Filter] = [Equals(schema.WINDOW_SIZE, panel.size or size)]
    if schema.RESULT_SEGMENT not in told:
        fixed.append(Equals(schema.RESULT_SEGMENT, ""))
    return replace(query, by={**query.by, **missing}, where=both(query.where, AllOf(tuple(fixed))))


_APART: Final = {MODEL: schema.MODEL_NAME, VERSION: schema.MODEL_VERSION}


def _sized(query: Query, size: str) -> Query:
    return replace(query, by={name: _resized(key, size) for name, key in query.by.items()})


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
