"""Rows of a file that a person brings: CSV, NDJSON, Parquet or Arrow, told by its suffix.

Text is read here, line by line, because a bad row is reported by its line, and in bounded memory. Parquet is
read by DuckDB, Arrow by pyarrow.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final

from msgspec import Struct

from mlmon.core.errors import UsageError, nearest

_BATCH: Final = 10_000
_KINDS: Final = {
    ".csv": "csv", ".ndjson": "ndjson", ".jsonl": "ndjson", ".json": "ndjson", ".parquet": "parquet",
    ".arrow": "arrow", ".feather": "arrow",
}  # fmt: skip
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
    suffix = Path(path).suffix.lower()
    if suffix not in _KINDS:
        raise UsageError(f"'{path}' has the suffix '{suffix}'. Allowed are {', '.join(_KINDS)}.")
    return _KINDS[suffix]


def columns_of(path: str) -> list[str]:
    """The names of a file's columns, in its order; for NDJSON those of its first object."""
    kind = kind_of(path)
    if kind == "parquet":
        from mlmon.cli import parquet

        return parquet.columns_of(path)
    if kind == "arrow":
        from mlmon.cli import arrow

        return arrow.columns_of(path)
    if kind == "ndjson":
        first = next(read(path), None)
        return list(first.values) if first is not None else []
    with Path(path).open(newline="", encoding="utf-8-sig", errors="surrogateescape") as file:
        return next(csv.reader(file), [])


def column(path: str, wanted: str | None, columns: Sequence[str], *guesses: str, what: str) -> str | None:
    """The column a person named, else the first of the guesses that is there, else None.

    Raises:
        UsageError: the file has no column of that name.

    """
    if wanted is None:
        return next((name for name in guesses if name in columns), None)
    if wanted not in columns:
        raise UsageError(
            f"{path} has no column '{wanted}' for the {what}.{nearest(wanted, columns)} "
            f"Its columns: {', '.join(columns[:_MAX_SHOWN])}."
        )
    return wanted


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
            with Path(path).open("rb") as file:
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
    with Path(path).open(newline="", encoding="utf-8-sig", errors="surrogateescape") as file:
        reader = csv.reader(file, strict=True)
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
