"""Rows on stdout as a table, JSON, NDJSON or CSV; notes for the person on stderr.

The machine's forms carry every key and every digit. A table carries the columns that fit 80 characters,
rounded, with units.
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, Final

import click
from msgspec import Struct

from mlmon.core.query import Row

_TABLE_ROWS: Final = 500


class Column(Struct, frozen=True):
    """One column of a table: its heading, what a row shows in it, and whether numbers stand in it."""

    title: str
    show: Callable[[Row], str]
    is_number: bool = False
    wraps: bool = False


def note(text: str = "") -> None:
    """Say something to the person, apart from the data."""
    click.echo(text, err=True)


def write(
    rows: Iterable[Row], form: str, *, keys: Sequence[str], columns: Sequence[Column], empty: str, hint: str
) -> int:
    """Print rows in the form asked for and give how many there were.

    `keys` are the keys of the machine's forms, in their order; `empty` is said where there is no row,
    `hint` after the rows of a table.
    """
    if form == "table":
        return _write_table(rows, columns, empty=empty, hint=hint)
    write_form = {"json": _json, "ndjson": _ndjson, "csv": _csv}[form]
    counted = _Counted(rows)
    for text in write_form(({key: row.get(key) for key in keys} for row in counted), keys):
        sys.stdout.write(text)
    sys.stdout.flush()
    if not counted.count:
        note(empty)
    return counted.count


def write_more(rows: Iterable[Row], form: str, *, keys: Sequence[str], line: Callable[[Row], str]) -> None:
    """Print rows that come after others, one line each; those of a table by `line`."""
    for row in rows:
        if form == "table":
            click.echo(line(row))
        elif form == "csv":
            sys.stdout.write(_csv_line([_cell(row[key]) for key in keys]))
        else:
            sys.stdout.write(f"{_encode({key: row[key] for key in keys})}\n")
    sys.stdout.flush()


def write_value(value: object) -> None:
    """Print one value as JSON on a line."""
    sys.stdout.write(f"{_encode(value)}\n")
    sys.stdout.flush()


class _Counted:
    """An iterable that knows afterwards how many it gave."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows = rows
        self.count = 0

    def __iter__(self) -> Iterator[Row]:
        for row in self._rows:
            self.count += 1
            yield row


def iso(moment: datetime) -> str:
    """A UTC moment in ISO 8601 with Z."""
    return moment.isoformat().replace("+00:00", "Z")


def _encode(row: object) -> str:
    import orjson

    return orjson.dumps(row, option=orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS).decode()


def _json(rows: Iterator[Row], _: Sequence[str]) -> Iterator[str]:
    first = next(rows, None)
    if first is None:
        yield "[]\n"
        return
    yield f"[\n{_encode(first)}"
    yield from (f",\n{_encode(row)}" for row in rows)
    yield "\n]\n"


def _ndjson(rows: Iterator[Row], _: Sequence[str]) -> Iterator[str]:
    return (f"{_encode(row)}\n" for row in rows)


def _csv(rows: Iterator[Row], keys: Sequence[str]) -> Iterator[str]:
    yield _csv_line(keys)
    yield from (_csv_line([_cell(row[key]) for key in keys]) for row in rows)


def _csv_line(cells: Sequence[Any]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue()


def _cell(value: Any) -> Any:  # noqa: ANN401 - whatever a row holds
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, bool):
        return str(value).lower()
    return _encode(value) if isinstance(value, dict | list | tuple) else value


def _write_table(rows: Iterable[Row], columns: Sequence[Column], *, empty: str, hint: str) -> int:
    iterator = iter(rows)
    shown = list(islice(iterator, _TABLE_ROWS))
    if not shown:
        note(empty)
        return 0
    _print(shown, columns)
    left = sum(1 for _ in iterator)
    if left:
        note(f"{left:,} more rows are not shown. Narrow it with --since or --model, or take --format csv.")
    if hint:
        note(hint)
    return len(shown) + left


def _print(rows: Sequence[Row], columns: Sequence[Column]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(
            column.title,
            justify="right" if column.is_number else "left",
            no_wrap=not column.wraps,
            overflow="fold" if column.wraps else "ellipsis",
        )
    for row in rows:
        table.add_row(*(column.show(row) for column in columns))
    console = Console(file=sys.stdout, highlight=False, markup=False, emoji=False)
    with console.capture() as captured:
        console.print(table)
    for line in captured.get().splitlines():
        click.echo(line.rstrip())
