"""Parquet files, read and written by DuckDB in batches."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import duckdb

from mlmon.cli import sql
from mlmon.cli.sql import literal, quoted
from mlmon.core.errors import StoreError, UsageError

_BATCH: Final = 10_000
_MEMORY: Final = "512MB"
_LONGEST_LINE: Final = 16 << 20
"""DuckDB takes buffers of twice this, so it is no more than the longest event needs."""


def columns_of(path: str) -> list[str]:
    """The names of the columns.

    Raises:
        UsageError: the file is no Parquet.

    """
    with sql.opened() as connection:
        described = _selected(connection, path, "*").description
        return [name for name, *_ in described]


def read(path: str, columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
    """The rows, in the order of the file.

    Raises:
        UsageError: the file is no Parquet.

    """
    with sql.opened() as connection:
        found = _selected(connection, path, ", ".join(map(quoted, columns)) if columns else "*")
        names = [name for name, *_ in found.description]
        while batch := found.fetchmany(_BATCH):
            for cells in batch:
                yield dict(zip(names, cells, strict=True))


def _selected(connection: duckdb.DuckDBPyConnection, path: str, columns: str) -> duckdb.DuckDBPyConnection:
    try:
        return connection.execute(f"SELECT {columns} FROM read_parquet(?)", [path])  # noqa: S608 - names are quoted
    except duckdb.Error as error:
        reason = str(error).splitlines()[0]
        raise UsageError(f"{path} cannot be read as Parquet: {reason}") from None


def write(path: Path, lines: Iterable[bytes], columns: dict[str, str]) -> None:
    """Write JSON objects, one a line, as a Parquet file; `columns` are names with DuckDB's types.

    The lines go through a temporary file beside the target, so memory stays bounded whatever their number.
    """
    with tempfile.TemporaryDirectory(prefix=".mlmon-export-", dir=path.parent) as folder:
        between = Path(folder) / "rows.ndjson"
        with between.open("wb") as file:
            for line in lines:
                file.write(line)
        if not between.stat().st_size:
            between.write_bytes(b"")
        with sql.opened() as connection:
            connection.execute(f"SET memory_limit = '{_MEMORY}'")
            connection.execute("SET preserve_insertion_order = true")
            connection.execute("SET temp_directory = ?", [folder])
            _copy(connection, between, Path(folder) / "rows.parquet", columns)
        (Path(folder) / "rows.parquet").replace(path)


def _copy(connection: duckdb.DuckDBPyConnection, source: Path, target: Path, columns: dict[str, str]) -> None:
    typed = ", ".join(f"{literal(name)}: {literal(kind)}" for name, kind in columns.items())
    read_all = (
        f"SELECT * FROM read_json({literal(str(source))}, format = 'newline_delimited', "  # noqa: S608 - quoted
        f"columns = {{{typed}}}, maximum_object_size = {_LONGEST_LINE})"
    )
    copy = f"COPY ({read_all}) TO {literal(str(target))} (FORMAT parquet, COMPRESSION zstd)"
    try:
        connection.execute(copy)
    except duckdb.Error as error:
        raise StoreError(f"Parquet cannot be written: {str(error).splitlines()[0]}") from None
