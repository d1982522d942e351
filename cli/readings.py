"""What the columns of a file hold: numbers, times or text, and how each is read."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Final

import duckdb
from msgspec import Struct

from mlmon.cli import cells
from mlmon.cli.source import Source
from mlmon.cli.sql import quoted

NUMBER: Final = "number"
TIME: Final = "time"
TEXT: Final = "text"
_NUMBERS: Final = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "DECIMAL")
_TIMES: Final = ("DATE", "TIMESTAMP")
_SAMPLE: Final = 1_000
_LIKE_A_TIME: Final = r"(?=.*\d)(?=.*[-/.: ]).{6,40}"


class Reading(Struct, frozen=True, kw_only=True):
    """What a column holds, and the expression of SQL that gives it: a double, a time in UTC, or text."""

    kind: str
    sql: str


def of(source: Source, names: Sequence[str]) -> dict[str, Reading]:
    """How columns are read; those of a CSV by what all their cells say."""
    if source.separator is None:
        return {name: _of_type(source, name) for name in names}
    return _of_cells(source, names) if names else {}


def as_text(source: Source, name: str) -> Reading:
    """How a column is read as the file writes it."""
    sql = f"CAST({quoted(name)} AS VARCHAR)" if source.separator is None else cells.said(name)
    return Reading(kind=TEXT, sql=sql)


def base_type(source: Source, name: str) -> str:
    """The type of a column without its precision or its sign."""
    return source.types[name].removeprefix("U").partition("(")[0]


def is_number(source: Source, name: str) -> bool:
    """Whether a column is of a type of numbers."""
    return base_type(source, name) in _NUMBERS


def is_time(source: Source, name: str) -> bool:
    """Whether a column is of a type of times."""
    return base_type(source, name).startswith(_TIMES)


def utc(sql: str) -> str:
    """A time of any type as one in UTC without a zone."""
    return f"CAST(CAST({sql} AS TIMESTAMPTZ) AS TIMESTAMP)"


def _of_type(source: Source, name: str) -> Reading:
    if is_number(source, name):
        return Reading(kind=NUMBER, sql=f"CAST({quoted(name)} AS DOUBLE)")
    if is_time(source, name):
        return Reading(kind=TIME, sql=utc(quoted(name)))
    return as_text(source, name)


def _of_cells(source: Source, names: Sequence[str]) -> dict[str, Reading]:
    """Numbers or times where every cell that says something is one."""
    ways = {name: _ways(source, name) for name in names}
    first = source.relation.limit(_SAMPLE)
    for rows in (first, source.relation):
        left = {name: some for name, some in ways.items() if some}
        ways |= _fitting_ways(rows, left, empty=rows is first)
    found = {name: some[0] if some else _other_time(source, name) for name, some in ways.items()}
    return {name: as_text(source, name) if one is None else one for name, one in found.items()}


def _fitting_ways(
    rows: duckdb.DuckDBPyRelation, ways: dict[str, list[Reading]], *, empty: bool
) -> dict[str, list[Reading]]:
    """The ways of each column that fit all its cells that say something; `empty`: and all where none does."""
    if not ways:
        return {}
    asked = [sql for name, some in ways.items() for sql in (cells.said(name), *(each.sql for each in some))]
    counts = iter(rows.aggregate(", ".join(f"count({sql})" for sql in asked)).fetchall()[0])
    found = {}
    for name, some in ways.items():
        there = next(counts)
        found[name] = [way for way in some if next(counts) == there and (there or empty)]
    return found


def _other_time(source: Source, name: str) -> Reading | None:
    moment = moments(source, name)
    return None if moment is None else Reading(kind=TIME, sql=utc(moment))


def _ways(source: Source, name: str) -> list[Reading]:
    said = cells.said(name)
    ways = [Reading(kind=NUMBER, sql=cells.number(said))]
    if source.separator != ",":
        ways.append(Reading(kind=NUMBER, sql=cells.comma_number(said)))
    return [*ways, Reading(kind=TIME, sql=utc(cells.moment(said, None)))]


def moments(source: Source, name: str) -> str | None:
    """The expression for the times of a text column that are not ISO 8601, where one form fits all of it.

    Where several do, as month first and day first may, it is the one under which time goes most evenly.
    """
    cell = quoted(name)
    texts = source.relation.select(f"{cells.said(name)} AS {cell}").filter(f"{cell} IS NOT NULL")
    first = texts.limit(1).fetchall()
    if not first or not re.fullmatch(_LIKE_A_TIME, first[0][0]):
        return None
    fits = list(cells.FORMATS)
    for some in (texts.limit(1), texts.limit(_SAMPLE), texts):
        fits = _fitting(some, cell, fits)
    if len(fits) > 1:
        fits.sort(key=lambda form: _unevenness(texts, cells.moment(cell, form)))
    return cells.moment(cells.said(name), fits[0]) if fits else None


def _fitting(texts: duckdb.DuckDBPyRelation, cell: str, forms: Sequence[str]) -> list[str]:
    """The forms in which all of the texts are times."""
    if not forms:
        return []
    asked = ", ".join(f"count({cells.moment(cell, form)})" for form in forms)
    there, *counts = texts.aggregate(f"count(*), {asked}").fetchall()[0]
    return [form for form, count in zip(forms, counts, strict=True) if count == there]


def _unevenness(texts: duckdb.DuckDBPyRelation, moment: str) -> float:
    """How far the steps of time differ among themselves; infinite where time goes back or stands still."""
    times = texts.select(f"epoch({utc(moment)}) AS at").fetchnumpy()["at"]
    steps = times[1:] - times[:-1]
    is_forward = len(steps) > 0 and steps.min() >= 0 and steps.max() > 0
    return float(steps.std() / steps.mean()) if is_forward else math.inf
