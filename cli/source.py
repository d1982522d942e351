"""A file that a person brings, as a relation of DuckDB: CSV, NDJSON, Parquet or Arrow.

Nothing about a CSV is guessed but the separator, and that by the header alone: where more is guessed, one bad
row makes another file of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import duckdb
from msgspec import Struct

from mlmon.cli import delimited, rows, sql
from mlmon.core.errors import UsageError

_LONGEST_LINE: Final = 16 << 20


class Source(Struct, frozen=True, kw_only=True):
    """A file that can be asked, and the types of its columns; a CSV has a separator, and text only."""

    path: str
    types: dict[str, str]
    separator: str | None
    relation: duckdb.DuckDBPyRelation


@contextmanager
def opened(path: str) -> Iterator[Source]:
    """A file for as long as it is asked. Times are in UTC.

    Raises:
        UsageError: the file cannot be read; it says where.

    """
    with sql.opened() as connection:
        try:
            yield _source(connection, path)
        except duckdb.Error as error:
            raise UsageError(_fault(path) or f"{path} cannot be read: {_reason(error)}") from None


def unmasked(array: Any, nothing: Any) -> Any:  # noqa: ANN401 - arrays of any type
    """An array as DuckDB gives it, with what stands for nothing where a mask says so."""
    if not hasattr(array, "mask"):
        return array
    plain = array.data
    plain[array.mask] = nothing
    return plain


def _source(connection: duckdb.DuckDBPyConnection, path: str) -> Source:
    separator = None
    place = _literal(path)
    match rows.kind_of(path):
        case "parquet":
            relation = connection.read_parquet(place)
        case "arrow":
            from mlmon.cli import arrow

            relation = connection.from_arrow(arrow.table(path))
        case "csv":
            header = delimited.header(path)
            separator = header.separator
            _check_capitals(path, header.names)
            relation = connection.sql(
                "SELECT * FROM read_csv(?, auto_detect = false, header = true, strict_mode = true, "
                "null_padding = false, delim = ?, quote = '\"', escape = '\"', columns = ?, "
                "max_line_size = ?)",
                params=[place, separator, dict.fromkeys(header.names, "VARCHAR"), _LONGEST_LINE],
            )
        case _:
            relation = connection.read_json(
                place,
                format="newline_delimited" if _is_lines(path) else "auto",
                sample_size=-1,
                maximum_object_size=_LONGEST_LINE,
            )
            if relation.columns == ["json"] and not relation.limit(1).fetchall():
                raise UsageError(f"{path} holds no objects. It needs one a line, or a list of them.")
    types = dict(zip(relation.columns, map(str, relation.types), strict=True))
    return Source(path=path, types=types, separator=separator, relation=relation)


def _check_capitals(path: str, names: list[str]) -> None:
    """Refuse names that DuckDB takes for one."""
    plain = [name.lower() for name in names]
    alike = [name for name in names if plain.count(name.lower()) > 1]
    if alike:
        raise UsageError(f"{path} has columns that differ in capitals alone: {', '.join(alike)}. Rename one.")


def _is_lines(path: str) -> bool:
    """Whether a file of JSON has an object a line, and not one array of all."""
    with delimited.opened(path) as file:
        return not file.read(64).lstrip().startswith(b"[")


def _literal(path: str) -> str:
    """The path, where DuckDB would take some characters for patterns."""
    return "".join(f"[{character}]" if character in "*?[" else character for character in path)


def _fault(path: str) -> str:
    """What is wrong with the first row that cannot be read by itself, if there is one."""
    if rows.kind_of(path) not in rows.TEXT or (Path(path).suffix == ".json" and not _is_lines(path)):
        return ""
    bad = next((row for row in rows.read(path) if row.problem is not None), None)
    return f"{path}:{bad.line}: {bad.problem} Mend or remove the row." if bad else ""


def _reason(error: duckdb.Error) -> str:
    """The first lines of DuckDB's message: later ones are advice on its own options."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return ". ".join(line.rstrip(".") for line in lines[:3]) + "."
