"""Single columns of a file that a person brings, typed; what is wrong is told by its line."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any, Final

from mlmon.cli import rows
from mlmon.core.errors import UsageError

_MISSING: Final = frozenset({"", "na", "n/a", "nan", "null", "none"})
_TRUTH: Final = {"true": 1.0, "false": 0.0}
_MONTH: Final = re.compile(r"\d{4}-\d{2}")
_MILLISECONDS_FROM: Final = 1e11
"""A number of time from here on counts milliseconds: as seconds it would be the year 5138."""


def read(path: str, wanted: dict[str, str]) -> tuple[list[int], dict[str, list[Any]]]:
    """The lines of the rows, and each wanted column; `wanted` maps a column's role to its name.

    Raises:
        UsageError: a column that is not there, a row that cannot be read, a file without rows.

    """
    known = rows.columns_of(path)
    for role, name in wanted.items():
        rows.column(path, name, known, what=role)
    lines: list[int] = []
    columns: dict[str, list[Any]] = {role: [] for role in wanted}
    for row in rows.read_sound(path, list(dict.fromkeys(wanted.values()))):
        lines.append(row.line)
        for role, name in wanted.items():
            columns[role].append(row.values.get(name))
    if not lines:
        raise UsageError(f"{path} has no rows below its header. Give a file with at least one.")
    return lines, columns


def numbers(path: str, name: str, values: Sequence[Any], lines: Sequence[int]) -> list[float]:
    """A column as numbers; what is missing is NaN, and truth is 1 or 0.

    Raises:
        UsageError: a value that is no number, with its line.

    """
    return [_number(path, name, value, line) for value, line in zip(values, lines, strict=True)]


def _number(path: str, name: str, value: Any, line: int) -> float:  # noqa: ANN401 - whatever a file holds
    if value is None or (isinstance(value, str) and value.strip().lower() in _MISSING):
        return math.nan
    if isinstance(value, str) and value.strip().lower() in _TRUTH:
        return _TRUTH[value.strip().lower()]
    try:
        return float(value)
    except (TypeError, ValueError):
        raise UsageError(
            f"{path}:{line}: the value {value!r} of column '{name}' is no number. "
            "Mend it, leave it empty where it is missing, or name another column."
        ) from None


def moments(path: str, name: str, values: Sequence[Any], lines: Sequence[int]) -> list[float]:
    """A column of times as seconds since 1970, UTC; NaN where missing.

    Times are ISO 8601 (UTC where no zone is named), dates, months (`2013-03`), or
    numbers: seconds, or milliseconds from 1e11 on. Others, such as years, are taken as they are.

    Raises:
        UsageError: a value that is no time, with its line.

    """
    return [_moment(path, name, value, line) for value, line in zip(values, lines, strict=True)]


def _moment(path: str, name: str, value: Any, line: int) -> float:  # noqa: ANN401 - whatever a file holds
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC).timestamp()
    text = "" if value is None else str(value).strip()
    if text.lower() in _MISSING:
        return math.nan
    try:
        number = float(text)
    except ValueError:
        return _of_text(path, name, text, line)
    return number / 1e3 if abs(number) >= _MILLISECONDS_FROM else number


def _of_text(path: str, name: str, text: str, line: int) -> float:
    iso = text.replace("/", "-")
    try:
        moment = datetime.fromisoformat(f"{iso}-01" if _MONTH.fullmatch(iso) else iso)
    except ValueError:
        raise UsageError(
            f"{path}:{line}: '{text}' in column '{name}' is no time. "
            "Write ISO 8601, such as 2013-03-01T12:00, or seconds since 1970."
        ) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
