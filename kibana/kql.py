"""A filter in Kibana's query language, as a person would type it into the search bar."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from mlmon.core.clock import isoformat
from mlmon.core.query import (
    AllOf,
    AnyOf,
    Between,
    Equals,
    Exists,
    Filter,
    Matches,
    Not,
    OneOf,
    Scalar,
)

_SPECIAL: Final = frozenset('\\():<>"*{} ')


def kql(where: Filter | None) -> str:
    """The filter as text; empty where everything passes.

    >>> kql(AllOf((Equals("log.level", "error"), Not(OneOf("service.name", ("a", "b"))))))
    'log.level: "error" and not service.name: ("a" or "b")'
    """
    return "" if where is None else _text(where)


def _text(where: Filter) -> str:
    match where:
        case Equals(field=field, value=value) | Matches(field=field, text=value):
            return f"{_field(field)}: {_value(value)}"
        case OneOf(field=field, values=values):
            return f"{_field(field)}: {_values(values)}"
        case Between(field=field):
            return _between(where)
        case Exists(field=field):
            return f"{_field(field)}: *"
        case Not(of=inner):
            return f"not {_within(inner)}"
        case AllOf(of=parts) | AnyOf(of=parts):
            word = " and " if isinstance(where, AllOf) else " or "
            return word.join(_within(part) for part in _flat(parts, type(where)))


def _flat(parts: tuple[Filter, ...], kind: type) -> Iterator[Filter]:
    for part in parts:
        if isinstance(part, AllOf | AnyOf) and (isinstance(part, kind) or len(part.of) == 1):
            yield from _flat(part.of, kind)
        else:
            yield part


def _within(where: Filter) -> str:
    """A part of a longer text, in brackets where it has parts itself."""
    while isinstance(where, AllOf | AnyOf) and len(where.of) == 1:
        where = where.of[0]
    is_long = isinstance(where, AnyOf | Between) or (isinstance(where, AllOf) and len(where.of) > 1)
    return f"({_text(where)})" if is_long else _text(where)


def _between(where: Between) -> str:
    bounds = ((">=", where.start), ("<", where.end))
    field = _field(where.field)
    return " and ".join(f"{field} {sign} {_value(value)}" for sign, value in bounds if value is not None)


def _values(values: tuple[Scalar, ...]) -> str:
    if len(values) == 1:
        return _value(values[0])
    return f"({' or '.join(_value(value) for value in values)})"


def _value(value: Scalar) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    text = isoformat(value) if isinstance(value, datetime) else value
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _field(name: str) -> str:
    return "".join(f"\\{sign}" if sign in _SPECIAL else sign for sign in name)
