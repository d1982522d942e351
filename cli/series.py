"""A series in a file that a person brings: a column of numbers, one of times, and both as written."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, NoReturn

from mlmon.cli import cells, readings, rows
from mlmon.cli.rows import check
from mlmon.cli.source import Source, opened, unmasked
from mlmon.cli.sql import quoted
from mlmon.core.errors import UsageError

_BATCH: Final = 10_000
_UNITS: Final = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))
"""From which number on times count which part of a second: as seconds 1e11 would be the year 5138."""


def numbers(path: str, name: str, *, what: str) -> Any:  # noqa: ANN401 - an array of floats
    """A column as numbers; what is missing is NaN, and truth is 1 or 0.

    Raises:
        UsageError: no such column, no rows, or a value that is no number, with its line.

    """
    with opened(path) as source:
        check(path, (name,), list(source.types), what=what)
        values = _floats(source, _number(source, name))
    if not len(values):
        raise UsageError(f"{path} has no rows below its header. Give a file with at least one.")
    return values


def moments(path: str, name: str) -> Any:  # noqa: ANN401 - an array of floats
    """A column of times as seconds since 1970, UTC; NaN where missing.

    Times are ISO 8601 (UTC where no zone is named), dates, months (`2013-03`), other forms in use, or
    numbers: seconds, or parts of them from 1e11 on, or dates such as 20130301. Other numbers, such as years,
    are taken as they are.

    Raises:
        UsageError: no such column, or a value that is no time, with its line.

    """
    with _times_of(path, name) as (source, sql):
        return _floats(source, sql or _no_time(source, name))


def timestamps(path: str, name: str) -> Any:  # noqa: ANN401 - an array of times
    """As `moments`, as times of numpy in UTC; NaT where missing."""
    with _times_of(path, name) as (source, sql):
        micros = f"CAST(1e6 * ({sql or _no_time(source, name)}) AS BIGINT)"
        return unmasked(
            source.relation.select(f"make_timestamp({micros}) AS found").fetchnumpy()["found"], "NaT"
        )


def moments_if_any(path: str, name: str) -> Any:  # noqa: ANN401 - an array of floats, or None
    """As `moments`, and None where a value is no time.

    Raises:
        UsageError: no such column.

    """
    with _times_of(path, name) as (source, sql):
        return None if sql is None else _floats(source, sql)


def written(path: str, names: Sequence[str]) -> Iterator[tuple[str | None, ...]]:
    """The cells of some columns, row by row, as the file writes them; times of Parquet as ISO 8601."""
    with opened(path) as source:
        asked = ", ".join(f"{_written(source, name)} AS c{place}" for place, name in enumerate(names))
        yield from source.relation.select(asked).iter_rows(_BATCH)


@contextmanager
def _times_of(path: str, name: str) -> Iterator[tuple[Source, str | None]]:
    with opened(path) as source:
        check(path, (name,), list(source.types), what="time")
        yield source, _moment(source, name)


def _no_time(source: Source, name: str) -> NoReturn:
    line, value = _first_bad(source, name, cells.moment(cells.said(name), None))
    raise UsageError(
        f"{source.path}:{line}: '{value}' in column '{name}' is no time. "
        "Write ISO 8601, such as 2013-03-01T12:00, or seconds since 1970, all rows alike."
    )


def key(name: str, results: Collection[str]) -> str:
    """What a column of the file is called beside results: as it is, or `input_` and its name where one is."""
    return f"input_{name}" if name in results else name


def line_of(path: str, row: int) -> int:
    """The line of a row, from 1; rows are counted from 0. Cells may hold ends of lines."""
    if rows.kind_of(path) not in rows.TEXT:
        return row + 1
    return next((each.line for place, each in enumerate(rows.read(path)) if place == row), row + 1)


def _floats(source: Source, sql: str) -> Any:  # noqa: ANN401 - an array of floats
    found = source.relation.select(f"CAST({sql} AS DOUBLE) AS found").fetchnumpy()["found"]
    return unmasked(found, float("nan"))


def _number(source: Source, name: str) -> str:
    if readings.is_number(source, name) or source.types[name] == "BOOLEAN":
        return quoted(name)
    said = cells.said(name)
    ways = [cells.truth(said)]
    if source.separator != ",":
        ways.append(cells.comma_number(said))
    fits = _fits(source, name, ways)
    if fits is None:
        line, value = _first_bad(source, name, ways[0])
        raise UsageError(
            f"{source.path}:{line}: the value '{value}' of column '{name}' is no number. "
            "Mend it, leave it empty where it is missing, or name another column."
        )
    return fits


def _moment(source: Source, name: str) -> str | None:
    if readings.is_time(source, name):
        return f"epoch({readings.utc(quoted(name))})"
    if readings.is_number(source, name):
        return _of_number(source, f"CAST({quoted(name)} AS DOUBLE)")
    said = cells.said(name)
    number, iso = cells.number(said), cells.moment(said, None)
    fits = _fits(source, name, [number, iso]) or readings.moments(source, name)
    if fits is None:
        return None
    return _of_number(source, number) if fits == number else f"epoch({readings.utc(fits)})"


def _of_number(source: Source, number: str) -> str:
    """Numbers of time as seconds: dates in digits, or seconds and their parts by the largest number."""
    text = f"CAST(CAST({number} AS BIGINT) AS VARCHAR)"
    dates = ", ".join(
        f"count(CASE WHEN length({text}) = {digits} AND {number} = floor({number}) "
        f"THEN {cells.moment(text, form)} END)"
        for digits, form in cells.DIGITS.items()
    )
    sized = f"CASE WHEN abs({number}) < 9e18 THEN {number} END"
    asked = f"count({number}), max(abs({number})), {dates}".replace(number, sized)
    there, most, *counts = source.relation.aggregate(asked).fetchall()[0]
    for form, count in zip(cells.DIGITS.values(), counts, strict=True):
        if there and count == there:
            return f"epoch({readings.utc(cells.moment(text, form))})"
    parts = next((parts for least, parts in _UNITS if most is not None and most >= least), 1.0)
    return f"{number} / {parts!r}"


def _fits(source: Source, name: str, ways: Sequence[str]) -> str | None:
    """The first of the ways to read a column that fits every cell that says something."""
    asked = ", ".join(f"count({sql})" for sql in (cells.said(name), *ways))
    there, *counts = source.relation.aggregate(asked).fetchall()[0]
    return next((sql for sql, count in zip(ways, counts, strict=True) if count == there), None)


def _first_bad(source: Source, name: str, sql: str) -> tuple[int, str]:
    """The line and the text of the first cell that says something and cannot be read so."""
    said = cells.said(name)
    numbered = source.relation.select(f"{said} AS said, {sql} AS found, row_number() OVER () AS row")
    bad = numbered.filter("said IS NOT NULL AND found IS NULL").order("row").limit(1)
    text, _, row = bad.fetchall()[0]
    return line_of(source.path, row - 1), text


def _written(source: Source, name: str) -> str:
    column = quoted(name)
    if not readings.is_time(source, name) or source.types[name] == "DATE":
        return f"CAST({column} AS VARCHAR)"
    zone = "'Z'" if "TIME ZONE" in source.types[name] else "''"
    return f"replace(CAST({readings.utc(column)} AS VARCHAR), ' ', 'T') || {zone}"
