"""DuckDB as the query engine: one database in memory a store, bounded in memory and threads."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import duckdb

MEMORY_LIMIT: Final = "320MB"
"""What DuckDB may hold before it spills to disk."""

_MOST_THREADS: Final = 4
_INTERRUPTED: Final = "Query interrupted"
"""All that DuckDB says of a statement amid which a handler of a signal raised, as that of Ctrl-C does."""


class Engine:
    """A database in memory and the folder it spills to. Safe for several threads: each takes a cursor."""

    def __init__(self, *, memory_limit: str = MEMORY_LIMIT, threads: int | None = None) -> None:
        """Start an empty database."""
        self.memory_limit = memory_limit
        self.folder = Path(tempfile.mkdtemp(prefix="mlmon-"))
        self._remove = weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
        self._database = duckdb.connect(
            ":memory:",
            config={
                "memory_limit": memory_limit,
                "threads": threads or min(os.cpu_count() or 1, _MOST_THREADS),
                "temp_directory": str(self.folder / "spill"),
                "preserve_insertion_order": False,
                "autoinstall_known_extensions": False,
            },
        )
        self._closed = False

    @contextmanager
    def cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection of its own for one thread, closed after the block.

        Raises:
            KeyboardInterrupt: Ctrl-C came amid a statement; DuckDB itself raises a RuntimeError then.

        """
        cursor = self._database.cursor()
        try:
            yield cursor
        except RuntimeError as error:
            if str(error) == _INTERRUPTED:
                raise KeyboardInterrupt from None
            raise
        finally:
            cursor.close()

    def close(self) -> None:
        """End the database and remove its folder; a second call does no harm."""
        if not self._closed:
            self._closed = True
            self._database.close()
            self._remove()
