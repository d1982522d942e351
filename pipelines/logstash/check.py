"""Holds a flat document against the rules, as Logstash's filter does: the first fault, in words, or none."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from mlmon.core.event import Document
from mlmon.core.schema import Type
from mlmon.pipelines.logstash.rules import Check, Rules

_MOST_LONG: Final = 2**63
_RFC_3339: Final = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}:\d{2})(?:\.(\d+))?([Zz]|[+-]\d{2}:?\d{2})", re.ASCII
)


def fault(document: Document, table: Rules) -> str | None:
    """What is wrong with a document, or None."""
    dataset = document.get(table.names["dataset"])
    checks = table.fields.get(dataset) if isinstance(dataset, str) else None
    if checks is None:
        return f"{table.names['dataset']} must be one of {', '.join(table.fields)}."
    for name, check in checks.items():
        if name not in document:
            if check.required:
                return f"{name} is missing."
        elif (document[name] is not None or check.required) and not _fits(document[name], check, table):
            return f"{name} must be {wanted(check, table)}."
    return None


def wanted(check: Check, table: Rules) -> str:
    """What a field must be, in words."""
    if check.is_id:
        return f"a text of 1 to {table.longest_id} characters"
    return _WORDS[check.type]


_WORDS: Final[Mapping[Type, str]] = {
    Type.DATE: "a time as RFC 3339 with a zone",
    Type.KEYWORD: "a text",
    Type.TEXT: "a text",
    Type.LONG: "a whole number of 64 bits",
    Type.DOUBLE: "a number",
    Type.BOOLEAN: "true or false",
    Type.KEYWORD_LIST: "a list of texts",
    Type.DOUBLE_MAP: "an object of numbers",
    Type.KEYWORD_MAP: "an object of texts",
}


def _fits(value: Any, check: Check, table: Rules) -> bool:  # noqa: ANN401 - whatever JSON holds
    if check.is_id and not (isinstance(value, str) and 0 < len(value) <= table.longest_id):
        return False
    return _KINDS[check.type](value)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_long(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -_MOST_LONG <= value < _MOST_LONG


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _all(values: Iterable[object], fits: Callable[[object], bool]) -> bool:
    return all(value is None or fits(value) for value in values)


_KINDS: Final[Mapping[Type, Callable[[Any], bool]]] = {
    Type.DATE: lambda value: isinstance(value, str) and rfc_3339(value) is not None,
    Type.KEYWORD: _is_text,
    Type.TEXT: _is_text,
    Type.LONG: _is_long,
    Type.DOUBLE: _is_number,
    Type.BOOLEAN: lambda value: isinstance(value, bool),
    Type.KEYWORD_LIST: lambda value: isinstance(value, list) and all(map(_is_text, value)),
    Type.DOUBLE_MAP: lambda value: isinstance(value, dict) and _all(value.values(), _is_number),
    Type.KEYWORD_MAP: lambda value: isinstance(value, dict) and _all(value.values(), _is_text),
}


def rfc_3339(text: str) -> datetime | None:
    """A time with its zone, cut to microseconds; None where it is none.

    >>> rfc_3339("2013-03-01T11:00:00.5+01:00").isoformat()
    '2013-03-01T10:00:00.500000+00:00'
    """
    found = _RFC_3339.fullmatch(text)
    if found is None:
        return None
    day, time, fraction, zone = found.groups()
    micros = f"{fraction or '0':0<6.6}"
    try:
        return datetime.fromisoformat(f"{day}T{time}.{micros}{zone.upper()}").astimezone(UTC)
    except (ValueError, OverflowError):
        return None
