"""From the answers of a cluster to rows."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from mlmon.core import query as q
from mlmon.core import schema
from mlmon.core.query import Query, Row
from mlmon.core.schema import Type
from mlmon.stores.search.compile import GROUPS, Body, Compiled, Part
from mlmon.stores.search.filters import EARLIEST

_Decode = Callable[[Any], Any]
_MILLISECOND: Final = timedelta(milliseconds=1)
_MICROSECOND: Final = timedelta(microseconds=1)
_NEVER_NS: Final = 2**63 - 1
"""As the sorting value of a date: the document has none."""


def rows(query: Query, compiled: Compiled, answer: Body) -> list[Row]:
    """The rows of one page of groups, or the one row of a query without keys.

    An answer without aggregations is that of indices that are not there.
    """
    found = answer.get("aggregations", {})
    if not query.by:
        return [_measured(query, compiled.parts, found, answer["hits"]["total"]["value"])]
    keys = [(name, f"k{at}", _of_key(key)) for at, (name, key) in enumerate(query.by.items())]
    return [
        {name: decode(bucket["key"][place]) for name, place, decode in keys}
        | _measured(query, compiled.parts, bucket, bucket["doc_count"])
        for bucket in found.get(GROUPS, {}).get("buckets", ())
    ]


def next_page(compiled: Compiled, answer: Body) -> dict[str, Any] | None:
    """The group after which the next page begins; None where this page was the last."""
    groups = answer.get("aggregations", {}).get(GROUPS, {})
    if len(groups.get("buckets", ())) < compiled.page:
        return None
    key: dict[str, Any] | None = groups.get("after_key")
    return key


def ordered(query: Query, found: list[Row]) -> list[Row]:
    """The rows in the order of their keys, None last."""

    def place(row: Row) -> list[tuple[bool, Any]]:
        return [(row[name] is None, 0 if row[name] is None else row[name]) for name in query.by]

    return sorted(found, key=place)


def moment(milliseconds: float) -> datetime:
    """Milliseconds since the epoch as an aware datetime."""
    return EARLIEST + int(milliseconds) * _MILLISECOND


def _moment(milliseconds: float | None) -> datetime | None:
    return None if milliseconds is None else moment(milliseconds)


def _measured(query: Query, parts: tuple[Part, ...], found: Body, count: int) -> Row:
    return {
        name: _of_measure(measure, part, found, count)
        for (name, measure), part in zip(query.measures.items(), parts, strict=True)
    }


def _of_measure(measure: q.Measure, part: Part, found: Body, count: int) -> Any:  # noqa: ANN401 - as `Row`
    if part.within:
        found = found.get(part.within, {})
        count = found.get("doc_count", 0)
    if isinstance(measure, q.Count):
        return count
    return _value(measure, found.get(part.name, {}))


def _value(measure: q.Measure, found: Body) -> Any:  # noqa: ANN401, C901, PLR0911 - one line a measure
    match measure:
        case q.Sum():
            return _number(found.get("sum")) or 0.0
        case q.SumSquares():
            return _number(found.get("sum_of_squares")) or 0.0
        case q.Mean():
            return _number(found.get("avg"))
        case q.StdDev():
            return _number(found.get("std_deviation"))
        case q.Min(field=field) | q.Max(field=field) if schema.type_of(field) is Type.DATE:
            name = "min" if isinstance(measure, q.Min) else "max"
            return _extreme_date(found) if "hits" in found else _moment(found.get(name))
        case q.Min(field=field):
            return _of_type(field, _number(found.get("min")))
        case q.Max(field=field):
            return _of_type(field, _number(found.get("max")))
        case q.Quantiles(probabilities=()):
            return [] if found.get("count") else None
        case q.Quantiles(probabilities=probabilities):
            return _quantiles(found, probabilities)
        case q.Distinct():
            return found.get("value", 0)
        case q.Histogram(edges=edges):
            return list(_histogram(found, edges))
        case q.TopTerms(field=field):
            return _top_terms(found, field)
    return None


def _number(value: float | str | None) -> float | None:
    """A number; a cluster writes those that JSON has no form for as words."""
    return None if value is None else float(value)


def _of_type(field: str, value: float | None) -> float | None:
    return int(value) if value is not None and schema.type_of(field) is Type.LONG else value


def _extreme_date(found: Body) -> datetime | None:
    for hit in found.get("hits", {}).get("hits", ()):
        ns: int | None = hit["sort"][0]
        if ns is not None and abs(ns) < _NEVER_NS:
            return EARLIEST + ns // 1000 * _MICROSECOND
    return None


def _quantiles(found: Body, probabilities: tuple[float, ...]) -> list[float] | None:
    values = {it["key"]: _number(it["value"]) for it in found.get("values", ())}
    chosen = [values.get(100 * p) for p in probabilities]
    known = [value for value in chosen if value is not None and not math.isnan(value)]
    return known if len(known) == len(probabilities) else None


def _histogram(found: Body, edges: tuple[float, ...]) -> Iterator[int]:
    counts = [bucket["doc_count"] for bucket in found.get("buckets", ())]
    counts = counts or [0] * (1 + sum(map(math.isfinite, edges)))
    yield from [0] * (edges[0] == -math.inf)
    yield from counts
    yield from [0] * (edges[-1] == math.inf)


def _top_terms(found: Body, field: str) -> list[tuple[Any, int]]:
    decode = _of_field(field)
    counts: Counter[Any] = Counter()
    for bucket in found.get("buckets", ()):
        counts[decode(bucket["key"])] += bucket["doc_count"]  # 0.0 and -0.0 are two keys and one number
    return sorted(counts.items(), key=lambda it: (-it[1], it[0]))


def _of_key(key: q.Key) -> _Decode:
    decode = _of_field(key.field)
    return lambda value: None if value is None else decode(value)


def _of_field(field: str) -> _Decode:
    match schema.type_of(field):
        case Type.DATE:
            return moment
        case Type.BOOLEAN:
            return bool
        case Type.LONG:
            return int
        case Type.DOUBLE:
            return float
        case _:
            return str
