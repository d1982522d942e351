"""From filters to SQL conditions, and the values that they bind.

Every condition is written so that NULL stands for "does not hold"; only `Not` has to say so, the connectives
keep it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Final

from mlmon.core import query as q
from mlmon.core import schema
from mlmon.core.clock import to_ns
from mlmon.core.schema import Type

_NEVER: Final = "false"
_TEXTS: Final = frozenset({Type.KEYWORD, Type.TEXT})
_NUMBERS: Final = frozenset({Type.LONG, Type.DOUBLE})
_LONGEST: Final = 2**63 - 1
_MANY: Final = 32
"""From so many values on, a list joined to the column is quicker than a condition with a value each."""


class Bindings:
    """Collects the statement's parameters while its text is made, and gives each field a column name."""

    def __init__(self, fields: Iterable[str]) -> None:
        self.parameters: list[Any] = []
        self.columns = {name: f"c{position}" for position, name in enumerate(dict.fromkeys(fields))}
        self.lists: list[tuple[list[float], str]] = []

    def hold(self, values: list[float], cast: str) -> str:
        """The name of a list in a table of its own: as a constant it would be made anew for each vector."""
        self.lists.append((values, cast))
        return f"edges.e{len(self.lists) - 1}"

    def bind(self, value: object, cast: str = "") -> str:
        """The mark that stands for a value."""
        self.parameters.append(value)
        return f"?::{cast}" if cast else "?"


def fields_of(where: q.Filter | None) -> Iterator[str]:
    """The fields that a filter asks of."""
    match where:
        case None:
            return
        case q.Not(of=inner):
            yield from fields_of(inner)
        case q.AllOf(of=parts) | q.AnyOf(of=parts):
            for part in parts:
                yield from fields_of(part)
        case _:
            yield where.field


def compile_moment(bindings: Bindings, at: datetime) -> str:
    """A moment as a value of a column of times."""
    return f"make_timestamptz({bindings.bind(to_ns(at) // 1000, 'BIGINT')})"


def compile_filter(bindings: Bindings, where: q.Filter) -> str:  # noqa: PLR0911 - one line a filter
    """A filter as a condition, which is NULL or false where it does not hold."""
    match where:
        case q.Equals(field=field, value=value):
            return _one_of(bindings, field, (value,))
        case q.OneOf(field=field, values=values):
            return _one_of(bindings, field, values)
        case q.Between():
            return _between(bindings, where)
        case q.Exists(field=field):
            return _exists(bindings, field)
        case q.Matches(field=field, text=text):
            return _matches(bindings, field, text)
        case q.Not(of=inner):
            return f"NOT coalesce({compile_filter(bindings, inner)}, false)"
        case q.AllOf(of=parts):
            return _joined(bindings, parts, " AND ", "true")
        case q.AnyOf(of=parts):
            return _joined(bindings, parts, " OR ", _NEVER)


def _exists(bindings: Bindings, field: str) -> str:
    column = bindings.columns[field]
    return f"len({column}) > 0" if schema.type_of(field) is Type.KEYWORD_LIST else f"{column} IS NOT NULL"


def _joined(bindings: Bindings, parts: tuple[q.Filter, ...], word: str, empty: str) -> str:
    return word.join(f"({compile_filter(bindings, part)})" for part in parts) or empty


def _one_of(bindings: Bindings, field: str, values: tuple[q.Scalar, ...]) -> str:
    kind = schema.type_of(field)
    column = bindings.columns[field]
    if len(values) >= _MANY and kind in _TEXTS:
        words = [value for value in values if isinstance(value, str)]
        return f"{column} IN (SELECT unnest({bindings.bind(words, 'VARCHAR[]')}))"
    if len(values) >= _MANY and kind is Type.LONG and all(_is_long(value) for value in values):
        return f"{column} IN (SELECT unnest({bindings.bind(list(values), 'BIGINT[]')}))"
    bound = [text for value in values if (text := _value(bindings, kind, value)) is not None]
    if not bound:
        return _NEVER
    if kind is Type.KEYWORD_LIST:
        return f"list_has_any({column}, [{', '.join(bound)}])"
    return f"{column} = {bound[0]}" if len(bound) == 1 else f"{column} IN ({', '.join(bound)})"


def _is_long(value: q.Scalar) -> bool:
    return type(value) is int and abs(value) <= _LONGEST


def _between(bindings: Bindings, where: q.Between) -> str:
    kind = schema.type_of(where.field)
    parts = []
    for sign, bound in ((">=", where.start), ("<", where.end)):
        if bound is None:
            continue
        text = None if kind is Type.KEYWORD_LIST else _value(bindings, kind, bound)
        if text is None:
            return _NEVER
        parts.append(f"{bindings.columns[where.field]} {sign} {text}")
    return " AND ".join(parts) or _exists(bindings, where.field)


def _value(bindings: Bindings, kind: Type | None, value: q.Scalar) -> str | None:
    """A value as a parameter; None where no document can have it, since the field has another type."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if kind in _NUMBERS and is_number:
        return bindings.bind(value)
    if kind is Type.BOOLEAN and isinstance(value, bool):
        return bindings.bind(value)
    if kind is Type.DATE and isinstance(value, datetime):
        return compile_moment(bindings, value)
    if kind in (*_TEXTS, Type.KEYWORD_LIST) and isinstance(value, str):
        return bindings.bind(value, "VARCHAR")
    return None


def _matches(bindings: Bindings, field: str, text: str) -> str:
    words = re.findall(r"\w+", text.lower())
    if schema.type_of(field) not in _TEXTS or not words:
        return _NEVER
    pattern = r"[^\p{L}\p{N}_]+".join(words)
    pattern = rf"(^|[^\p{{L}}\p{{N}}_]){pattern}($|[^\p{{L}}\p{{N}}_])"
    return f"regexp_matches(lower({bindings.columns[field]}), {bindings.bind(pattern)})"
