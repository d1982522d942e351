"""What the settings could declare of each feature, inferred from a reference, for a person to correct.

What is declared is exact: one value beyond it is a finding. So the bounds leave room around what was seen.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any, Final

from msgspec import Struct

from mlmon.analyzers.expectations import MISSING_CHANGE, NUMBER, TEXT, Expected, of_reference
from mlmon.analyzers.reference import FIELDS, Reference
from mlmon.core.config import ExpectConfig

ROOM: Final = 0.1
"""Of the spread between the smallest and the largest value so much is added on both sides."""

MOST_CATEGORIES: Final = 50
"""A feature of more categories than this is left open."""

_WORD: Final = re.compile(r"[A-Za-z][A-Za-z_-]*")
_NOT_TEXT: Final = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})
"""Words that YAML takes for something else."""

_WHOLE: Final = 1e15


class Inferred(Struct, frozen=True, kw_only=True):
    """What to expect of one feature, and what it was inferred from, in words."""

    feature: str
    expect: ExpectConfig
    seen: str


def infer(reference: Reference) -> list[Inferred]:
    """What to expect of each feature of a reference, by name; the rows it was made from pass it."""
    return [
        Inferred(feature=name, expect=_expect(expected), seen=_seen(expected))
        for name, expected in of_reference(reference).items()
        if name not in FIELDS
    ]


def _expect(expected: Expected) -> ExpectConfig:
    missing = 1.0 if expected.missing is None else expected.missing + MISSING_CHANGE
    low, high = _ends(expected)
    categories = expected.categories or frozenset()
    return ExpectConfig(
        type="number" if expected.kind == NUMBER else "text" if expected.kind == TEXT else None,
        missing=min(math.ceil(round(missing * 100.0, 9)) / 100.0, 1.0),
        low=low,
        high=high,
        categories=tuple(sorted(categories)) if _is_closed(expected) else None,
    )


def _ends(expected: Expected) -> tuple[float | None, float | None]:
    """The smallest and the largest value with room; numbers that are never negative stay so."""
    if expected.low is None or expected.high is None:
        return None, None
    room = (expected.high - expected.low) * ROOM
    if not math.isfinite(room):
        return expected.low, expected.high
    low, high = _outwards(expected.low - room, -1), _outwards(expected.high + room, 1)
    low, high = min(low, expected.low), max(high, expected.high)
    return (0.0 if expected.low >= 0.0 > low else low), (0.0 if expected.high <= 0.0 < high else high)


def _outwards(value: float, side: int) -> float:
    """A number of three digits that lies no nearer.

    >>> _outwards(71.1234, 1), _outwards(-10.16, -1), _outwards(0.0, 1)
    (71.2, -10.2, 0.0)
    """
    if not value:
        return 0.0
    digits = 2 - math.floor(math.log10(abs(value)))
    near = round(value, digits)
    if (near - value) * side >= 0.0:
        return near
    return round(near + side * 10.0**-digits, digits)


def _is_closed(expected: Expected) -> bool:
    """Whether all categories are known: few, and none that was met a single time."""
    return (
        expected.categories is not None and len(expected.categories) <= MOST_CATEGORIES and not expected.once
    )


def _seen(expected: Expected) -> str:
    parts = []
    if expected.low is not None and expected.high is not None:
        parts.append(f"{expected.low:g} to {expected.high:g}")
    if expected.kind == TEXT:
        parts.append(_of_categories(expected))
    if expected.kind is None:
        parts.append("no value")
    parts.append(f"{expected.missing or 0.0:.1%} missing of {expected.n:,.0f}")
    return ", ".join(parts)


def _of_categories(expected: Expected) -> str:
    if expected.categories is None:
        return "too many categories to know all"
    many = f"{len(expected.categories):,} categories"
    return f"{many}, {expected.once:,} of them once" if expected.once else many


def yaml(reference: Reference) -> str:
    """The part of mlmon.yaml that declares what was inferred, with what it was inferred from."""
    return "\n".join(_lines(reference)) + "\n"


def _lines(reference: Reference) -> Iterator[str]:
    version = f" {reference.version}" if reference.version else ""
    yield f"# Inferred from the reference of {_plain(reference.model)}{version}: {reference.n:,.0f} rows of"
    yield f"# {_plain(reference.source)}."
    yield "# Ranges have a tenth of their spread as room on each side, missing rates 5 points."
    yield "# What is declared is exact: loosen what may change, take out what may be anything."
    yield "models:"
    yield f"  {_text(reference.model)}:"
    yield "    expect:"
    for one in infer(reference):
        yield f"      {_text(one.feature)}:  # {one.seen}"
        for name, value in _given(one.expect):
            yield f"        {name}: {value}"


def _given(expect: ExpectConfig) -> Iterator[tuple[str, str]]:
    if expect.type is not None:
        yield "type", expect.type
    for name, value in (("missing", expect.missing), ("low", expect.low), ("high", expect.high)):
        if value is not None:
            yield name, _text(value)
    if expect.categories is not None:
        yield "categories", f"[{', '.join(map(_text, expect.categories))}]"


def _text(value: Any) -> str:  # noqa: ANN401 - text or a number
    """A value as YAML: JSON, which YAML takes too, but for plain words and whole numbers."""
    if isinstance(value, str):
        is_plain = _WORD.fullmatch(value) and value.lower() not in _NOT_TEXT
        return value if is_plain else json.dumps(value, ensure_ascii=False)
    return f"{value:.0f}" if value.is_integer() and abs(value) < _WHOLE else repr(float(value))


def _plain(text: str) -> str:
    return " ".join(text.split())
