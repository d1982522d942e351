"""What a reader sees: the segments of one manifest and the tail, whose lines are parsed once a process."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import duckdb

from mlmon.core import schema
from mlmon.core.clock import to_ns
from mlmon.core.query import Query, Scan
from mlmon.core.schema import RESULTS, Dataset
from mlmon.stores.embedded import layout, manifest, shape, sound, tail
from mlmon.stores.embedded.compile import Source
from mlmon.stores.embedded.engine import Engine
from mlmon.stores.embedded.layout import Group
from mlmon.stores.embedded.manifest import Columns, Manifest, Segment

Table = tuple[Columns, str]
"""Columns of documents, and the name of the table that holds them."""


class _Loaded:
    """How far a tail file was parsed for one dataset, and the tables that hold its documents."""

    def __init__(self) -> None:
        self.end = 0
        self.size = 0
        self.tables: list[Table] = []


class View:
    """The parsed tail of a store, shared by the threads of a process."""

    def __init__(self, root: Path, engine: Engine) -> None:
        """Start with nothing parsed."""
        self._root = root
        self._engine = engine
        self._lock = threading.Lock()
        self._loaded: dict[tuple[Group, int, Dataset], _Loaded] = {}
        self._names = itertools.count()

    def take(self, dataset: Dataset) -> tuple[Manifest, list[Table]]:
        """The manifest of a dataset's group, and the tables with what is durable of it in the tail.

        Raises:
            FileNotFoundError: a file of it is gone; take the next one.

        """
        group = layout.group_of(dataset)
        with self._lock:
            current = manifest.load(self._root, group)
            self._drop(group, current)
            tables = [table for number in current.tails for table in self._load(group, number, dataset)]
            return current, tables

    def version(self, dataset: Dataset) -> str:
        """A word that changes with the manifest of a dataset's group, and with the durable end of its tail.

        Raises:
            FileNotFoundError: a file of the tail is gone; ask again.

        """
        group = layout.group_of(dataset)
        current = manifest.load(self._root, group)
        ends = (tail.durable_length(layout.tail_path(self._root, group, number)) for number in current.tails)
        return f"{current.number}:{','.join(map(str, ends))}"

    def tail_bytes(self, current: Manifest, dataset: Dataset) -> int:
        """How much of the tail is a dataset's, as far as it was taken."""
        group = layout.group_of(dataset)
        with self._lock:
            loaded = (self._loaded.get((group, number, dataset)) for number in current.tails)
            return sum(it.size for it in loaded if it is not None)

    def _drop(self, group: Group, current: Manifest) -> None:
        gone = [key for key in self._loaded if key[0] is group and key[1] not in current.tails]
        for key in gone:
            with self._engine.cursor() as cursor:
                for _, name in self._loaded.pop(key).tables:
                    cursor.execute(f"DROP TABLE IF EXISTS {shape.quoted(name)}")

    def _load(self, group: Group, number: int, dataset: Dataset) -> list[Table]:
        path = layout.tail_path(self._root, group, number)
        loaded = self._loaded.setdefault((group, number, dataset), _Loaded())
        end = tail.durable_length(path)
        if end > loaded.end:
            lines = [line for line in tail.read(path, loaded.end, end).splitlines() if _may_be(line, dataset)]
            if lines:
                self._append(dataset, loaded, lines)
            loaded.size += sum(map(len, lines)) + len(lines)
            loaded.end = end
        return list(loaded.tables)

    def _append(self, dataset: Dataset, loaded: _Loaded, lines: list[bytes]) -> None:
        with self._engine.cursor() as cursor:

            def parse(some: list[bytes]) -> None:
                self._parse(cursor, dataset, loaded, some)

            try:
                parse(lines)
            except duckdb.Error:
                good, _ = sound.mend_all(lines)
                sound.isolate(good, parse, duckdb.Error)

    def _parse(
        self, cursor: duckdb.DuckDBPyConnection, dataset: Dataset, loaded: _Loaded, lines: list[bytes]
    ) -> None:
        path = self._engine.folder / f"tail-{next(self._names)}.ndjson"
        path.write_bytes(b"\n".join(lines) + b"\n")
        tables = list(loaded.tables)
        cursor.begin()
        try:
            found = shape.discover(cursor, str(path)).get(dataset)
            if found is not None:
                select = shape.select(str(path), dataset, found)
                same = next((name for columns, name in tables if columns == found.columns), None)
                if same is not None:
                    cursor.execute(f"INSERT INTO {shape.quoted(same)} {select}")
                else:
                    name = f"tail_{next(self._names)}"
                    cursor.execute(f"CREATE TABLE {shape.quoted(name)} AS {select}")
                    tables.append((found.columns, name))
            cursor.commit()
        except duckdb.Error:
            cursor.rollback()
            raise
        finally:
            path.unlink()
        loaded.tables = tables


_KEY: Final = b'"%s"' % schema.EVENT_DATASET.encode()
_WORDS: Final = frozenset(dataset.encode() for dataset in Dataset)


def _may_be(line: bytes, dataset: Dataset) -> bool:
    """Whether a line can be a document of a dataset; one that plainly names another need not be parsed.

    Where the key stands twice, as in a label of that name, or with spaces, parsing decides.
    """
    if line.count(_KEY) != 1:
        return True
    _, _, rest = line.partition(_KEY)
    word = rest[2 : rest.find(b'"', 2)]
    return not rest.startswith(b':"') or word == dataset.encode() or word not in _WORDS


def sources(root: Path, question: Query | Scan, current: Manifest, tables: list[Table]) -> tuple[Source, ...]:
    """The files and tables that may hold what is asked, files of the same columns together."""
    files: dict[int, list[str]] = {}
    for segment in current.segments:
        if segment.dataset is question.dataset and _touches(segment, question):
            files.setdefault(segment.columns, []).append(str(root / segment.file))
    parquet = [Source(columns=current.columns[at], files=tuple(names)) for at, names in files.items()]
    tail_tables = [Source(columns=columns, table=name) for columns, name in tables]
    return (*parquet, *tail_tables)


def is_unique(dataset: Dataset, found: tuple[Source, ...]) -> bool:
    """Whether no document can be in the sources in two forms."""
    return dataset not in RESULTS or (len(found) == 1 and len(found[0].files) == 1)


def _touches(segment: Segment, question: Query | Scan) -> bool:
    if question.window is None:
        return True
    start, end = (to_ns(bound) // 1000 for bound in (question.window.start, question.window.end))
    first, last = _range(segment, question.time)
    return first is None or last is None or (first < end and last >= start)


def _range(segment: Segment, time: str) -> tuple[int | None, int | None]:
    if time == schema.TIMESTAMP:
        return segment.first, segment.last
    if time == schema.EVENT_INGESTED:
        return segment.first_ingested, segment.last_ingested
    return None, None


def member_names(all_columns: Iterator[Columns], family: str) -> list[str]:
    """The names of a family in columns, sorted."""
    return sorted(
        {
            name
            for columns in all_columns
            for held, names in (*columns.members, *columns.maps)
            if held == family
            for name in names
        }
    )
