"""The naive answer to any question: plain Python over a list of documents, to be read, not to be fast.

It takes documents as `Reader.scan` gives them: flat, dates as aware datetimes, families as objects.
"""

import math
import re
import statistics
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from mlmon.core import query as q
from mlmon.core import schema
from mlmon.core.event import Document
from mlmon.core.query import Filter, Key, Measure, Query, Row, Scan
from mlmon.core.schema import FIELDS, RESULTS, Type
from mlmon.core.window import floor


def stored(document: Document) -> Document:
    """A document as a store gives it back: dates as datetimes, what is null absent."""
    kept: Document = {}
    for name, value in document.items():
        if isinstance(value, dict) and name in FIELDS:
            value = {key: item for key, item in value.items() if item is not None}  # noqa: PLW2901
        if value in (None, {}):
            continue
        is_date = name in FIELDS and FIELDS[name].type is Type.DATE and isinstance(value, str)
        kept[name] = datetime.fromisoformat(value).astimezone(UTC) if is_date else value
    return kept


def value_of(document: Document, name: str) -> Any:
    """The value of a declared field or of a family's member; None where the document lacks it."""
    family = schema.family_of(name)
    if family is None:
        return document.get(name)
    return document.get(family[0].name, {}).get(family[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """In what a store may differ from plain Python.

    `rank` is how far from its probability a quantile may be, beside one place, and `ties` whether it may lie
    between there and the next different value; `date_key` is what dates are cut to where they are groups or
    terms, or the first and last of a group.
    """

    rank: float | None = None
    ties: bool = False
    date_key: timedelta = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Within:
    """A number between two others."""

    low: float
    high: float


EXACT = Tolerance()


def answer(documents: list[Document], query: Query, tolerance: Tolerance = EXACT) -> list[Row]:
    """The rows of a query."""
    groups: dict[tuple[Any, ...], list[Document]] = {}
    for document in _asked(documents, query):
        key = tuple(_key(document, part, tolerance) for part in query.by.values())
        groups.setdefault(key, []).append(document)
    if not query.by:
        groups = groups or {(): []}
    ordered = sorted(groups.items(), key=lambda group: tuple(map(_none_last, group[0])))
    return [
        dict(zip(query.by, key, strict=True))
        | {
            name: _measure(members, measure, tolerance, is_grouped=bool(query.by))
            for name, measure in query.measures.items()
        }
        for key, members in ordered
    ]


def scan(documents: list[Document], asked: Scan) -> list[Document]:
    """The documents of a scan, in order."""
    found = _asked(documents, asked)
    found.sort(key=lambda it: (it[asked.time], it[schema.EVENT_ID]), reverse=asked.newest_first)
    return [_chosen(it, asked.fields) for it in found[: asked.limit]]


def _chosen(document: Document, fields: tuple[str, ...] | None) -> Document:
    if fields is None:
        return document
    chosen = {name: document[name] for name in fields if name in document}
    for name in fields:
        family = schema.family_of(name)
        if family is not None and value_of(document, name) is not None:
            chosen.setdefault(family[0].name, {})[family[1]] = value_of(document, name)
    return chosen


def _asked(documents: list[Document], question: Query | Scan) -> list[Document]:
    if question.dataset in RESULTS:
        documents = list({document[schema.EVENT_ID]: document for document in documents}.values())
    return [
        it
        for it in documents
        if it[schema.EVENT_DATASET] == question.dataset
        and (question.window is None or (question.time in it and it[question.time] in question.window))
        and (question.where is None or holds(it, question.where))
    ]


def holds(document: Document, where: Filter) -> bool:  # noqa: PLR0911 - one line a filter
    """Whether a filter holds for a document."""
    match where:
        case q.Equals(field=field, value=value):
            return _is_one_of(document, field, (value,))
        case q.OneOf(field=field, values=values):
            return _is_one_of(document, field, values)
        case q.Between():
            return _is_between(document, where)
        case q.Exists(field=field):
            return value_of(document, field) not in (None, [])
        case q.Matches(field=field, text=text):
            found = value_of(document, field)
            return isinstance(found, str) and _has_words(found, text)
        case q.Not(of=inner):
            return not holds(document, inner)
        case q.AllOf(of=parts):
            return all(holds(document, part) for part in parts)
        case q.AnyOf(of=parts):
            return any(holds(document, part) for part in parts)


def _comparable(one: object, other: object) -> bool:
    """Whether two values are of one kind: both numbers, both text, both booleans, both dates."""
    return _kind(one) == _kind(other)


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, int | float) else type(value).__name__


def _is_one_of(document: Document, field: str, values: tuple[q.Scalar, ...]) -> bool:
    found = value_of(document, field)
    held = found if isinstance(found, list) else [found]
    return any(_comparable(item, value) and item == value for item in held for value in values)


def _is_between(document: Document, where: q.Between) -> bool:
    found = value_of(document, where.field)
    if found in (None, []):
        return False
    bounds = [bound for bound in (where.start, where.end) if bound is not None]
    return (
        all(_comparable(found, bound) for bound in bounds)
        and (where.start is None or found >= where.start)
        and (where.end is None or found < where.end)
    )


def _has_words(text: str, wanted: str) -> bool:
    words, sought = (re.findall(r"\w+", it.lower()) for it in (text, wanted))
    size = len(sought)
    return size > 0 and any(words[at : at + size] == sought for at in range(len(words) - size + 1))


def _none_last(key: Any) -> tuple[bool, Any]:
    return (key is None, 0 if key is None else key)


def _key(document: Document, key: Key, tolerance: Tolerance) -> Any:
    found = value_of(document, key.field)
    if found is None:
        return None
    match key:
        case q.Terms():
            return _cut(found, tolerance)
        case q.TimeBucket(every=every):
            return floor(found, every)
        case q.NumberBucket(width=width):
            return math.floor(found / width) * width


def _cut(value: Any, tolerance: Tolerance) -> Any:
    if not isinstance(value, datetime):
        return value
    return value - (value - datetime(1970, 1, 1, tzinfo=UTC)) % tolerance.date_key


def _measure(  # noqa: C901, PLR0911 - one line a measure
    documents: list[Document], measure: Measure, tolerance: Tolerance, *, is_grouped: bool
) -> Any:
    if isinstance(measure, q.Count):
        return sum(measure.where is None or holds(it, measure.where) for it in documents)
    where = getattr(measure, "where", None)
    values = [
        value
        for it in documents
        if (where is None or holds(it, where)) and (value := value_of(it, measure.field)) is not None
    ]
    match measure:
        case q.Sum():
            return math.fsum(values)
        case q.SumSquares():
            return math.fsum(value * value for value in values)
        case q.Distinct():
            return len(set(values))
        case q.Histogram(edges=edges):
            return _histogram(values, edges)
        case q.TopTerms(size=size):
            counted = Counter(_cut(value, tolerance) for value in values)
            return sorted(counted.items(), key=lambda it: (-it[1], it[0]))[:size]
    if not values:
        return None
    match measure:
        case q.Mean():
            return math.fsum(values) / len(values)
        case q.StdDev():
            return statistics.pstdev(map(float, values))
        case q.Min():
            return _cut(min(values), tolerance if is_grouped else EXACT)
        case q.Max():
            return _cut(max(values), tolerance if is_grouped else EXACT)
        case q.Quantiles(probabilities=probabilities):
            return [_quantile(sorted(values), p, tolerance) for p in probabilities]


def _histogram(values: list[float], edges: tuple[float, ...]) -> list[int]:
    counts = [0] * (len(edges) + 1)
    for value in values:
        counts[sum(edge <= value for edge in edges)] += 1
    return counts


def _quantile(ordered: list[float], p: float, tolerance: Tolerance) -> float | Within:
    last = len(ordered) - 1
    if tolerance.rank is None:
        return _at(ordered, p * last)
    slack = 1 + tolerance.rank * last
    low, high = _at(ordered, max(0, p * last - slack)), _at(ordered, min(last, p * last + slack))
    if tolerance.ties:
        low = max((value for value in ordered if value < low), default=low)
        high = min((value for value in ordered if value > high), default=high)
    return Within(low, high)


def _at(ordered: list[float], place: float) -> float:
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])
