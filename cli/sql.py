"""DuckDB for one task over files that a person brings, and how its SQL writes names and text."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import duckdb

_INTERRUPTED: Final = "Query interrupted"


@contextmanager
def opened() -> Iterator[duckdb.DuckDBPyConnection]:
    """An empty database in memory whose times are UTC, closed after the block.

    Raises:
        KeyboardInterrupt: Ctrl-C came amid a statement; DuckDB itself raises a RuntimeError then.

    """
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET enable_progress_bar = false")
        try:
            yield connection
        except RuntimeError as error:
            if str(error) == _INTERRUPTED:
                raise KeyboardInterrupt from None
            raise


def quoted(name: str) -> str:
    """An identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A string."""
    return "'" + text.replace("'", "''") + "'"
