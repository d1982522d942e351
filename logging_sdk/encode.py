"""Any Python value as the JSON that documents carry; nothing that a caller passes makes it raise.

numpy and pandas values are known by their types' module and by duck typing, so neither is ever imported
here. What cannot be read is written as a bounded `repr`; what is too long is cut; a cycle ends at a depth.
"""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from functools import lru_cache
from math import isfinite
from operator import countOf
from pathlib import PurePath
from typing import Any, Final, cast
from uuid import UUID

import orjson
from msgspec import Struct
from msgspec.structs import asdict

from mlmon.core import schema
from mlmon.core.event import Document

MAX_EVENT_BYTES: Final = 512 * 1024
"""A larger event loses its families, half of what the collector takes by default."""

MAX_TEXT: Final = 4096
"""Characters of a keyword, such as a categorical feature or a label."""

MAX_LONG_TEXT: Final = 32 * 1024
"""Characters of a message or a stack trace."""

_MAX_DEPTH: Final = 5
_MAX_ITEMS: Final = 200
_MAX_INT: Final = 2**63
_NUMBERS: Final = frozenset((float, int))
_LONG: Final = frozenset((schema.MESSAGE, schema.ERROR_MESSAGE, schema.ERROR_STACK))

dumps: Final = orjson.dumps
"""Writes a document whose values are plain; raises TypeError for what only `clean` can write."""


def text(value: Any) -> str | None:  # noqa: ANN401 - any value of a caller
    """A value as a keyword; None where it is missing (None, NaN, NaT, NA).

    A whole float reads as its integer, so that the label `1.0` of a column with gaps equals the label `1`.

    >>> text(1.0), text(True), text(float("nan")), text(b"ab")
    ('1', 'true', None, 'YWI=')
    """
    kind = type(value)
    if kind is str:
        return cut(value, MAX_TEXT)
    return cut(_text_of(kind)(value), MAX_TEXT)


def number(value: Any) -> float | None:  # noqa: ANN401 - any value of a caller
    """A value as a finite number; None where it is missing, infinite or no number.

    >>> number(Decimal("1.5")), number(float("inf")), number("2"), number("x")
    (1.5, None, 2.0, None)
    """
    kind = type(value)
    if kind is not float and kind is not int:
        try:
            value = float(value)
        except (TypeError, ValueError, OverflowError):
            return None
    elif kind is int and not -_MAX_INT <= value < _MAX_INT:
        value = _float(value)
    return value if isfinite(value) else None


def cut(value: str | None, length: int) -> str | None:
    """A text of at most `length` characters that is valid Unicode."""
    if value is None or (value.isascii() and len(value) <= length):
        return value
    whole = value if len(value) <= length else f"{value[: length - 1]}…"
    return whole.encode("utf-8", "backslashreplace").decode("utf-8")[: length * 2]


def _is_gap(kind: type) -> bool:
    return kind.__name__ in ("NoneType", "NAType", "NaTType")


def is_missing(value: Any) -> bool:  # noqa: ANN401 - any value of a caller
    """Whether a value says that there is none: None, NaN, pandas' NaT and NA."""
    if _is_gap(type(value)):
        return True
    if isinstance(value, Decimal):
        return value.is_nan()
    if isinstance(value, float):
        return bool(value != value)  # noqa: PLR0124 - NaN alone differs from itself
    return type(value).__name__ in ("float16", "float32", "datetime64") and bool(value != value)  # noqa: PLR0124


def is_number(kind: type) -> bool:
    """Whether values of a type are numeric features; booleans and enums are categories."""
    if issubclass(kind, (bool, Enum)) or kind.__name__ in ("bool_", "bool"):
        return False
    if issubclass(kind, (int, float, Decimal, Fraction)):
        return True
    return _is_numpy(kind) and any(base.__name__ in ("integer", "floating") for base in kind.__mro__)


def split(features: Mapping[str, Any], texts: set[str]) -> tuple[Mapping[str, Any], dict[str, str | None]]:
    """Features as numeric and categorical ones; those without a value are null, on the side they belong to.

    `texts` remembers the names seen with text, so that a gap in such a feature stays categorical; names are
    added to it. Finite and infinite floats both pass; the writer turns NaN and infinity into null.
    """
    if not texts and countOf(map(type, features.values()), float) == len(features):
        return features, {}
    numeric: dict[str, Any] = {}
    categorical: dict[str, str | None] = {}
    for name, value in features.items():
        kind = type(value)
        if kind is str:
            categorical[name] = value
            if name not in texts:
                texts.add(name)
        elif (kind is float and value == value) or kind is int:  # noqa: PLR0124 - NaN differs from itself
            numeric[name] = value
        elif is_missing(value):
            (categorical if name in texts else numeric)[name] = None
        elif _is_number(kind):
            numeric[name] = number(value)
        else:
            categorical[name] = text(value)
            texts.add(name)
    return numeric, categorical


def split_columns(
    columns: Mapping[str, list[Any]], texts: set[str]
) -> tuple[dict[str, list[Any]], dict[str, list[Any]]]:
    """As `split`, for columns: one with any text in it is categorical as a whole."""
    numeric: dict[str, list[Any]] = {}
    categorical: dict[str, list[Any]] = {}
    for name, values in columns.items():
        kinds = set(map(type, values))
        if kinds <= _NUMBERS and name not in texts:
            numeric[name] = values
        elif kinds <= {str}:
            texts.add(name)
            categorical[name] = values
        elif name not in texts and all(_is_number(kind) or _is_gap(kind) for kind in kinds):
            numeric[name] = [number(value) for value in values]
        else:
            texts.add(name)
            categorical[name] = keywords(values)
    return numeric, categorical


def keywords(values: Iterable[Any]) -> list[str | None]:
    """The `text` of every value, written once for values that repeat."""
    memo: dict[tuple[type, Any], str | None] = {}
    out: list[str | None] = []
    for value in values:
        try:
            key = (type(value), value)
            found = memo.get(key, memo)
        except TypeError:  # unhashable
            out.append(text(value))
            continue
        if found is memo:
            found = text(value)
            if len(memo) < MAX_TEXT:
                memo[key] = found
        out.append(cast("str | None", found))
    return out


def labels(values: Mapping[Any, Any] | None) -> dict[str, str | None]:
    """A mapping of any values as an open family of keywords; the dots of a name stay."""
    return {text(name) or "": text(value) for name, value in values.items()} if values else {}


def clean(document: Document) -> bytes:
    """Write a document that `dumps` refused or that is too large: keys made text, values cut.

    Where it still is larger than `MAX_EVENT_BYTES`, its open families go, and the document says so.
    """
    plain = {name: _clean(name, value) for name, value in document.items()}
    written = dumps(plain)
    if len(written) <= MAX_EVENT_BYTES:
        return written
    gone = [name for name, value in plain.items() if isinstance(value, dict)]
    kept = {name: value for name, value in plain.items() if name not in gone}
    return dumps({**kept, schema.REDACTION_FIELDS: gone, schema.REDACTION_COUNT: len(gone)})


def _clean(name: str, value: Any) -> Any:  # noqa: ANN401 - any value of a document
    if isinstance(value, str):
        return cut(value, MAX_LONG_TEXT if name in _LONG else MAX_TEXT)
    if isinstance(value, Mapping):
        convert = _number if schema.FIELDS[name].type is schema.Type.DOUBLE_MAP else text
        return {text(key) or "": convert(member) for key, member in value.items()}
    if isinstance(value, list):
        return [text(item) for item in value]
    return value if value is None or isinstance(value, (bool, int)) else number(value)


def _number(value: Any) -> float | None:  # noqa: ANN401 - any value
    return number(value)


def _float(value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf")


def _is_numpy(kind: type) -> bool:
    return any(base.__module__.partition(".")[0] == "numpy" for base in kind.__mro__)


_is_number: Final = cast("Callable[[type], bool]", lru_cache(maxsize=256)(is_number))


def _find_text_of(kind: type) -> Callable[[Any], str | None]:
    """How values of a type become text, found once a type."""
    for types, convert in _CONVERSIONS:
        if issubclass(kind, types):
            return convert
    if _is_gap(kind):
        return lambda _: None
    if hasattr(kind, "tolist"):  # arrays and scalars of numpy, series of pandas
        return _text_of_numpy
    return _text_of_object


_text_of: Final = cast("Callable[[type], Callable[[Any], str | None]]", lru_cache(maxsize=256)(_find_text_of))


def _text_of_bool(value: Any) -> str:  # noqa: ANN401 - any value
    return "true" if value else "false"


def _text_of_float(value: Any) -> str | None:  # noqa: ANN401 - any value
    plain = float(value)
    if plain != plain:  # noqa: PLR0124 - NaN differs from itself
        return None
    return str(int(plain)) if plain.is_integer() and abs(plain) < _MAX_INT else repr(plain)


def _text_of_int(value: Any) -> str:  # noqa: ANN401 - any value
    plain = int(value)
    return str(plain) if -_MAX_INT <= plain < _MAX_INT else hex(plain)


def _text_of_decimal(value: Decimal) -> str | None:
    return None if value.is_nan() else str(value)


def _text_of_datetime(value: datetime) -> str | None:
    if type(value).__name__ == "NaTType":
        return None
    aware = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
    return aware.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _text_of_numpy(value: Any) -> str | None:  # noqa: ANN401 - any value
    with suppress(Exception):
        if getattr(value, "ndim", None) == 0:
            if is_missing(value):
                return None
            item = value.item()  # an integer where a moment is finer than microseconds
            return str(value) if type(value).__name__ == "datetime64" else text(item)
        return _text_of_object(value)
    return _shown(value)


def _text_of_object(value: Any) -> str:  # noqa: ANN401 - any value
    try:
        plain = _plain(value, _MAX_DEPTH)
        return plain if isinstance(plain, str) else dumps(plain).decode()
    except Exception:  # noqa: BLE001 - an object of the host may raise anything
        return _shown(value)


_CONVERSIONS: Final[tuple[tuple[Any, Callable[[Any], str | None]], ...]] = (
    (type(None), lambda _: None),
    (Enum, lambda value: text(value.value)),
    (str, str.__str__),
    (bool, _text_of_bool),
    (int, _text_of_int),
    (float, _text_of_float),
    (Decimal, _text_of_decimal),
    ((UUID, PurePath), str),
    (datetime, _text_of_datetime),
    ((date, time), lambda value: value.isoformat()),
    (timedelta, lambda value: _text_of_float(value.total_seconds())),
    ((bytes, bytearray, memoryview), lambda value: base64.b64encode(value).decode()),
)


def _plain(value: Any, depth: int) -> Any:  # noqa: ANN401, PLR0911 - one return a kind of value
    """A value as JSON's own types, at most `depth` levels deep and `_MAX_ITEMS` wide."""
    if value is None or isinstance(value, (str, int, float, bool)):
        return number(value) if type(value) is float else text(value) if not isinstance(value, int) else value
    if depth == 0:
        return "…"
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value)]
        return {name: _plain(getattr(value, name), depth - 1) for name in names[:_MAX_ITEMS]}
    if isinstance(value, Struct):
        return _plain(asdict(value), depth)
    if isinstance(value, Mapping):
        return {text(key) or "": _plain(item, depth - 1) for key, item in _first(value.items())}
    if isinstance(value, AbstractSet):
        return sorted((_plain(item, depth - 1) for item in _first(value)), key=str)
    if isinstance(value, (list, tuple)):
        return [_plain(item, depth - 1) for item in _first(value)]
    if hasattr(value, "tolist") and len(value) <= _MAX_ITEMS:
        return _plain(value.tolist(), depth)
    convert = _text_of(type(value))
    return _shown(value) if convert in {_text_of_object, _text_of_numpy} else text(value)


def _first(items: Iterable[Any]) -> Iterable[Any]:
    return (item for item, _ in zip(items, range(_MAX_ITEMS), strict=False))


def _shown(value: Any) -> str:  # noqa: ANN401 - any value
    try:
        return repr(value)[:MAX_TEXT]
    except Exception:  # noqa: BLE001 - a repr of the host may raise anything
        return f"<{type(value).__name__}>"
