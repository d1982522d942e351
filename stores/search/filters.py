"""From a filter to the query language of a cluster: pure functions.

A value of another type than the field's is decided here, since a cluster would coerce it or refuse it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

from mlmon.core import query as q
from mlmon.core import schema
from mlmon.core.clock import isoformat
from mlmon.core.query import Query, Scan
from mlmon.core.schema import Type

Clause = dict[str, Any]

EVERY: Final[Clause] = {"match_all": {}}
NEVER: Final[Clause] = {"match_none": {}}
EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""A cluster keeps nanoseconds since 1970 in 64 bits."""
LATEST: Final = datetime(2262, 4, 11, tzinfo=UTC)

_MOST_TERMS: Final = 60_000
"""A cluster takes 65,536 values in one clause."""
_LEAST_LONG: Final = -(2**63)
_NUMBERS: Final = frozenset({Type.LONG, Type.DOUBLE})
_WORDS: Final = frozenset({Type.KEYWORD, Type.KEYWORD_LIST})
_RESERVED: Final = re.compile(r'([.?+*|{}\[\]()"\\#@&<>~^$-])')


def matching(question: Query | Scan) -> Clause:
    """The documents that a question is of."""
    clauses = []
    if question.window is not None:
        clauses.append(during(question.time, question.window.start, question.window.end))
    if question.where is not None:
        clauses.append(clause(question.where))
    return _all(clauses)


def clause(where: q.Filter) -> Clause:  # noqa: PLR0911 - one line a filter
    """The documents that a filter holds for."""
    match where:
        case q.Equals(field=field, value=value):
            return _one_of(field, (value,))
        case q.OneOf(field=field, values=values):
            return _one_of(field, values)
        case q.Between():
            return _between(where)
        case q.Exists(field=field):
            return _exists(field)
        case q.Matches(field=field, text=text):
            return _matches(field, text)
        case q.Not(of=inner):
            return {"bool": {"must_not": [clause(inner)]}}
        case q.AllOf(of=parts):
            return _all([clause(part) for part in parts])
        case q.AnyOf(of=parts):
            return _any([clause(part) for part in parts])


def _all(clauses: list[Clause]) -> Clause:
    if not clauses:
        return EVERY
    return clauses[0] if len(clauses) == 1 else {"bool": {"filter": clauses}}


def _any(clauses: list[Clause]) -> Clause:
    if not clauses:
        return NEVER
    return clauses[0] if len(clauses) == 1 else {"bool": {"should": clauses, "minimum_should_match": 1}}


def _exists(field: str) -> Clause:
    return {"exists": {"field": field}}


def _one_of(field: str, values: Iterable[q.Scalar]) -> Clause:
    kind = schema.type_of(field)
    known = [it for value in values if (it := _value(kind, value)) is not None]
    parts = [_terms(field, known[at : at + _MOST_TERMS]) for at in range(0, len(known), _MOST_TERMS)]
    if kind is Type.DOUBLE and 0 in known:
        # An index of numbers tells -0.0 from 0.0, and holds both for below and above.
        parts.append({"range": {field: {"gte": -0.0, "lte": 0.0}}})
    return _any(parts)


def _terms(field: str, values: list[Any]) -> Clause:
    return {"term": {field: {"value": values[0]}}} if len(values) == 1 else {"terms": {field: values}}


def _value(kind: Type | None, value: q.Scalar) -> Any:  # noqa: ANN401 - what JSON can hold
    """A value as JSON; None where no document can have it, since the field has another type or range."""
    if kind in _NUMBERS and isinstance(value, int | float) and not isinstance(value, bool):
        return _number(kind, value)
    if kind is Type.BOOLEAN and isinstance(value, bool):
        return value
    if kind is Type.DATE and isinstance(value, datetime):
        return isoformat(value) if EARLIEST <= value < LATEST else None
    if kind in _WORDS and isinstance(value, str):
        return value
    return None


def _number(kind: Type | None, value: float) -> float | None:
    if kind is Type.DOUBLE:
        number = _float(value)
        return number if math.isfinite(number) else None
    is_whole = isinstance(value, int) or value.is_integer()
    return int(value) if is_whole and _LEAST_LONG <= value < -_LEAST_LONG else None


def _float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:  # a whole number of more than 300 digits
        return math.inf if value > 0 else -math.inf


def _between(where: q.Between) -> Clause:
    kind = schema.type_of(where.field)
    bounds = [bound for bound in (where.start, where.end) if bound is not None]
    if not bounds:
        return _exists(where.field)
    if kind in _NUMBERS and all(isinstance(it, int | float) and not isinstance(it, bool) for it in bounds):
        return _between_numbers(where.field, kind, where.start, where.end)  # type: ignore[arg-type] # just seen
    if kind is Type.DATE and all(isinstance(it, datetime) for it in bounds):
        return during(where.field, where.start, where.end)  # type: ignore[arg-type] # just seen
    if kind is Type.BOOLEAN and all(isinstance(it, bool) for it in bounds):
        held = [it for it in (False, True) if _is_between(it, where.start, where.end)]  # type: ignore[arg-type]
        return _one_of(where.field, held)
    if kind is Type.KEYWORD and all(isinstance(it, str) for it in bounds):
        return _range(where.field, where.start, where.end)
    return NEVER


def _is_between(value: bool, start: bool | None, end: bool | None) -> bool:  # noqa: FBT001 - it is the value
    return (start is None or value >= start) and (end is None or value < end)


def _between_numbers(field: str, kind: Type | None, start: float | None, end: float | None) -> Clause:
    low = -math.inf if start is None else start
    high = math.inf if end is None else end
    if not low < high or low == math.inf or high == -math.inf:
        return NEVER
    if kind is Type.LONG:
        return _between_longs(field, low, high)
    return _range(field, _bound(low), _bound(high))


def _bound(value: float) -> float | None:
    number = _float(value)
    return None if math.isinf(number) else zero_lowered(number)


def zero_lowered(number: float) -> float:
    """The number, and of the two zeros the lower, so that both lie at the bound or both below it."""
    return -0.0 if number == 0 else number


def _between_longs(field: str, low: float, high: float) -> Clause:
    start = None if low < _LEAST_LONG else math.ceil(low)
    end = None if high >= -_LEAST_LONG else math.ceil(high)
    if (start is not None and start >= -_LEAST_LONG) or (end is not None and end <= _LEAST_LONG):
        return NEVER
    return _range(field, start, end)


def during(field: str, start: datetime | None, end: datetime | None) -> Clause:
    """The documents whose date is in a half-open stretch of time."""
    if (start is not None and start >= LATEST) or (end is not None and end <= EARLIEST):
        return NEVER
    return _range(
        field,
        None if start is None or start <= EARLIEST else isoformat(start),
        None if end is None or end > LATEST else isoformat(end),
    )


def _range(field: str, start: object, end: object) -> Clause:
    bounds = {name: bound for name, bound in (("gte", start), ("lt", end)) if bound is not None}
    return {"range": {field: bounds}} if bounds else _exists(field)


def _matches(field: str, text: str) -> Clause:
    words = re.findall(r"\w+", text)
    kind = schema.type_of(field)
    if not words or kind not in (Type.TEXT, Type.KEYWORD):
        return NEVER
    if kind is Type.TEXT:
        return {"match_phrase": {field: {"query": text}}}
    between = "[^A-Za-z0-9_]"
    phrase = f"{between}+".join(_RESERVED.sub(r"\\\1", word) for word in words)
    pattern = f"(.*{between})?{phrase}({between}.*)?"
    return {"regexp": {field: {"value": pattern, "case_insensitive": True}}}
