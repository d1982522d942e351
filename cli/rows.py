"""Rows of a file that a person brings: CSV, NDJSON, Parquet or Arrow, told by its suffix.

Text is read here, line by line, because a bad row is reported by its line, and in bounded memory. Parquet is
read by DuckDB, Arrow by pyarrow.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final

from msgspec import Struct

from mlmon.cli import delimited
from mlmon.core.errors import UsageError, nearest

_BATCH: Final = 10_000
_KINDS: Final = {
    ".csv": "csv", ".tsv": "csv", ".ndjson": "ndjson", ".jsonl": "ndjson", ".json": "ndjson",
    ".parquet": "parquet", ".arrow": "arrow", ".feather": "arrow",
}  # fmt: skip
TEXT: Final = ("csv", "ndjson")
"""The kinds that may be packed by gzip."""

_MAX_SHOWN: Final = 100


class Row(Struct, frozen=True, kw_only=True):
    """One row with its line: that of the file, or for Parquet its number from 1.

    `problem` is what is wrong with a row that could not be read, and `raw` is then its text.
    """

    line: int
    values: dict[str, Any] = {}
    problem: str | None = None
    raw: bytes = b""


def kind_of(path: str | Path) -> str:
    """What a file's suffix says it holds: `csv`, `ndjson`, `parquet` or `arrow`.

    Raises:
        UsageError: another suffix.

    """
    name = str(path).lower()
    suffix = Path(name.removesuffix(delimited.PACKED)).suffix
    kind = _KINDS.get(suffix)
    if kind is None or (name.endswith(delimited.PACKED) and kind not in TEXT):
        raise UsageError(
            f"'{path}' has the suffix '{Path(name).suffix}'. Allowed are {', '.join(_KINDS)}; "
            f"text may be packed, such as .csv{delimited.PACKED}."
        )
    return kind


def columns_of(path: str) -> list[str]:
    """The names of a file's columns, in its order; for NDJSON those of the first object that can be read."""
    kind = kind_of(path)
    if kind == "parquet":
        from mlmon.cli import parquet

        return parquet.columns_of(path)
    if kind == "arrow":
        from mlmon.cli import arrow

        return arrow.columns_of(path)
    if kind == "ndjson":
        return next((list(row.values) for row in read(path) if row.problem is None), [])
    return delimited.header(path).names


def column(path: str, wanted: str | None, columns: Sequence[str], *guesses: str, what: str) -> str | None:
    """The column a person named, else the first of the guesses that is there, else None.

    Raises:
        UsageError: the file has no column of that name.

    """
    if wanted is None:
        return next((name for name in guesses if name in columns), None)
    check(path, (wanted,), columns, what=what)
    return wanted


def check(path: str, wanted: Iterable[str], there: Sequence[str], *, what: str) -> None:
    """Refuse names that are no columns of a file, naming the nearest.

    Raises:
        UsageError: one of them is not there.

    """
    for name in wanted:
        if name not in there:
            raise UsageError(
                f"{path} has no column '{name}' for the {what}.{nearest(name, there)} "
                f"Its columns: {', '.join(there[:_MAX_SHOWN])}.{_headless(there)}"
            )


def _headless(names: Sequence[str]) -> str:
    is_data = names and all(map(delimited.is_datum, names))
    return " The first line has to hold the names of the columns." if is_data else ""


def read(path: str, columns: Sequence[str] | None = None) -> Iterator[Row]:
    """The rows of a file, in order; a line that cannot be read is a row with a problem.

    `columns` of None means all; it narrows Parquet only, where it saves reading.
    """
    match kind_of(path):
        case "parquet":
            from mlmon.cli import parquet

            for number, values in enumerate(parquet.read(path, columns), start=1):
                yield Row(line=number, values=values)
        case "arrow":
            from mlmon.cli import arrow

            for number, values in enumerate(arrow.read(path, columns), start=1):
                yield Row(line=number, values=values)
        case "csv":
            yield from _read_csv(path)
        case _:
            with delimited.opened(path) as file:
                yield from _read_ndjson(file)


def read_sound(path: str, columns: Sequence[str] | None = None) -> Iterator[Row]:
    """As `read`, for who needs every row.

    Raises:
        UsageError: a row that cannot be read.

    """
    for row in read(path, columns):
        if row.problem is not None:
            raise UsageError(f"{path}:{row.line}: {row.problem} Mend or remove the row.")
        yield row


def _read_csv(path: str) -> Iterator[Row]:
    separator = delimited.header(path).separator
    with delimited.opened_text(path) as file:
        reader = csv.reader(file, delimiter=separator, strict=True)
        names = next(reader, [])
        while True:
            line = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield Row(line=line, problem=f"It is no CSV: {error}.")
                continue
            if cells:
                yield _of_cells(line, names, cells)


def _of_cells(line: int, names: list[str], cells: list[str]) -> Row:
    raw = ",".join(cells).encode("utf-8", "surrogateescape")
    if len(cells) != len(names):
        return Row(line=line, problem=f"It has {len(cells)} cells, the header {len(names)}.", raw=raw)
    try:
        raw.decode()
    except UnicodeDecodeError:
        return Row(line=line, problem="It is not UTF-8.", raw=raw)
    return Row(
        line=line, values={name: cell or None for name, cell in zip(names, cells, strict=True)}, raw=raw
    )


def _read_ndjson(file: BinaryIO) -> Iterator[Row]:
    import orjson

    for number, text in enumerate(file, start=1):
        if not text.strip():
            continue
        try:
            values = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            yield Row(line=number, problem=f"It is no JSON: {error}.", raw=text.rstrip())
            continue
        if isinstance(values, dict):
            yield Row(line=number, values=values, raw=text.rstrip())
        else:
            yield Row(line=number, problem="It is no JSON object.", raw=text.rstrip())
