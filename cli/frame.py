"""A file that a person brings, as whole typed columns: CSV, NDJSON, Parquet or Arrow, read by DuckDB.

For commands that look at one file by itself. A column is numbers, times or text; what it holds decides, and
all its cells are looked at, not the first few. Nothing about a CSV is guessed but the separator, and that by
the header alone: where more is guessed, one bad row makes another file of it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import duckdb
from msgspec import Struct
from msgspec.structs import replace

from mlmon.cli.rows import kind_of
from mlmon.core.errors import UsageError, nearest

MISSING: Final = ("", "NA", "N/A", "NaN", "nan", "NULL", "null", "None")
"""What a cell of a CSV says when it says nothing."""

NUMBER: Final = "number"
TIME: Final = "time"
TEXT: Final = "text"
_SEPARATORS: Final = (",", ";", "\t", "|")
_MAX_SHOWN: Final = 100
_LONGEST_LINE: Final = 16 << 20
_TRUTH: Final = {"true", "false", "True", "False", "TRUE", "FALSE"}
_NUMBERS: Final = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "DECIMAL")
_TIMES: Final = ("DATE", "TIMESTAMP")


class Frame(Struct, frozen=True, kw_only=True):
    """The columns of a file, of equal length.

    `values` are by name: an array of floats where NaN is missing, of UTC times where NaT is, or of text where
    None is. `kinds` says which; `rows` is how long they are.
    """

    path: str
    rows: int
    kinds: dict[str, str]
    values: dict[str, Any]


def read(path: str, *, only: Sequence[str] = (), as_text: Iterable[str] = ()) -> Frame:
    """Read a file's columns, all of them or `only` some; those in `as_text` stay as the file writes them.

    Raises:
        UsageError: the file cannot be read, or lacks a column named.

    """
    texts = frozenset(as_text)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        try:
            source = _source(connection, path)
            check(path, (*only, *texts), source.columns, what="columns to read")
            names = list(only) or source.columns
            found = {name: TEXT for name in names if name in texts}
            found |= _kinds(path, source, [name for name in names if name not in texts])
            kinds = {name: found[name] for name in names}
            arrays = source.select(", ".join(_cast(*item) for item in kinds.items())).fetchnumpy()
        except duckdb.Error as error:
            raise UsageError(f"{path} cannot be read: {_reason(error)}") from None
    values = {name: _plain(arrays[name], kind) for name, kind in kinds.items()}
    return Frame(path=path, rows=len(next(iter(values.values()))), kinds=kinds, values=values)


def check(path: str, wanted: Iterable[str], there: Sequence[str], *, what: str) -> None:
    """Refuse names that are no columns of a file, naming the nearest.

    Raises:
        UsageError: one of them is not there.

    """
    for name in wanted:
        if name not in there:
            raise UsageError(
                f"{path} has no column '{name}' for the {what}.{nearest(name, there)} "
                f"Its columns: {', '.join(there[:_MAX_SHOWN])}."
            )


def is_empty(frame: Frame, name: str) -> bool:
    """Whether no row has a value in a column; such a column has no kind of its own."""
    return frame.kinds[name] == TEXT and all(value is None for value in frame.values[name])


def reread(frame: Frame, *, as_text: Sequence[str]) -> Frame:
    """The frame with some columns as the file writes them."""
    texts = [name for name in as_text if frame.kinds[name] != TEXT]
    if not texts:
        return frame
    again = read(frame.path, only=texts, as_text=texts)
    return replace(frame, kinds=frame.kinds | again.kinds, values=frame.values | again.values)


def without(frame: Frame, kind: str) -> Frame:
    """The frame less its columns of a kind."""
    return replace(
        frame,
        kinds={name: one for name, one in frame.kinds.items() if one != kind},
        values={name: values for name, values in frame.values.items() if frame.kinds[name] != kind},
    )


def _source(connection: duckdb.DuckDBPyConnection, path: str) -> duckdb.DuckDBPyRelation:
    place = _literal(path)
    match kind_of(path):
        case "parquet":
            return connection.read_parquet(place)
        case "arrow":
            from mlmon.cli import arrow

            return connection.from_arrow(arrow.table(path))
        case "csv":
            separator, names = _header(path)
            return connection.sql(
                "SELECT * FROM read_csv(?, auto_detect = false, header = true, strict_mode = true, "
                "null_padding = false, delim = ?, quote = '\"', escape = '\"', nullstr = ?, columns = ?, "
                "max_line_size = ?)",
                params=[place, separator, list(MISSING), dict.fromkeys(names, "VARCHAR"), _LONGEST_LINE],
            )
        case _:
            return connection.read_json(
                place,
                format="newline_delimited" if _is_lines(path) else "auto",
                sample_size=-1,
                maximum_object_size=_LONGEST_LINE,
            )


def _header(path: str) -> tuple[str, list[str]]:
    """The separator, told by the header alone, and the names of the columns."""
    with Path(path).open(newline="", encoding="utf-8-sig", errors="replace") as file:
        line = file.readline()
        separator = max(_SEPARATORS, key=line.count)
        file.seek(0)
        names = next(csv.reader(file, delimiter=separator), [])
    if not any(name.strip() for name in names):
        raise UsageError(f"{path} holds no columns. It needs a header and rows.")
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise UsageError(f"{path} names a column twice: {', '.join(sorted(twice))}. Rename one of them.")
    return separator, names


def _is_lines(path: str) -> bool:
    """Whether a file of JSON has an object a line, and not one array of all."""
    with Path(path).open("rb") as file:
        return not file.read(64).lstrip().startswith(b"[")


def _literal(path: str) -> str:
    """The path, where DuckDB would take some characters for patterns."""
    return "".join(f"[{character}]" if character in "*?[" else character for character in path)


def _kinds(path: str, source: duckdb.DuckDBPyRelation, names: Sequence[str]) -> dict[str, str]:
    if kind_of(path) == "csv" and names:
        return _by_cells(source, names)
    types = dict(zip(source.columns, source.types, strict=True))
    return {name: _by_type(str(types[name])) for name in names}


def _by_cells(source: duckdb.DuckDBPyRelation, names: Sequence[str]) -> dict[str, str]:
    """Numbers or times where every cell that says something is one."""
    asked = [
        f"count({_quoted(name)}), count(TRY_CAST({_quoted(name)} AS {kind}))"
        for name in names
        for kind in ("DOUBLE", "TIMESTAMPTZ")
    ]
    counts = iter(source.aggregate(", ".join(asked)).fetchall()[0])
    kinds = {}
    for name in names:
        there, numbers, _, times = (next(counts) for _ in range(4))
        kinds[name] = NUMBER if 0 < there == numbers else TIME if 0 < there == times else TEXT
    return kinds


def _by_type(type_: str) -> str:
    base = type_.removeprefix("U").partition("(")[0]
    if base in _NUMBERS:
        return NUMBER
    return TIME if base.startswith(_TIMES) else TEXT


def _cast(name: str, kind: str) -> str:
    quoted = _quoted(name)
    match kind:
        case "number":
            return f"CAST({quoted} AS DOUBLE) AS {quoted}"
        case "time":
            return f"CAST(CAST({quoted} AS TIMESTAMPTZ) AS TIMESTAMP) AS {quoted}"
        case _:
            return f"CAST({quoted} AS VARCHAR) AS {quoted}"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _plain(array: Any, kind: str) -> Any:  # noqa: ANN401 - arrays, masked where something is missing
    if kind == TEXT:
        texts = array
        if hasattr(array, "filled"):
            texts = array.data
            texts[array.mask] = None
        return _one_spelling(texts)
    return array.filled(float("nan") if kind == NUMBER else "NaT") if hasattr(array, "filled") else array


def _one_spelling(texts: Any) -> Any:  # noqa: ANN401 - an array of text
    """Truth in small letters, as Parquet's comes; programs write it in all three ways."""
    if set(texts) - {None} <= _TRUTH:
        texts[:] = [None if text is None else text.lower() for text in texts]
    return texts


def _reason(error: duckdb.Error) -> str:
    """The first lines of DuckDB's message: later ones are advice on its own options."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return ". ".join(line.rstrip(".") for line in lines[:3]) + "."


def times(frame: Frame, name: str) -> Any:  # noqa: ANN401 - an array of times
    """The times of a column.

    Raises:
        UsageError: there is no such column, or it holds no times.

    """
    check(frame.path, (name,), list(frame.values), what="time")
    if frame.kinds[name] != TIME:
        raise UsageError(
            f"Column '{name}' of {frame.path} holds {frame.kinds[name]}, not times. "
            "Write ISO 8601, such as 2013-03-01T12:00, or name another column."
        )
    return frame.values[name]
