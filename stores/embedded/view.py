"""What a reader sees: the segments of one manifest and the tail, whose lines are parsed once a process."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from pathlib import Path

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


class _Loaded:
    """How far a tail file was parsed, and the tables that hold it."""

    def __init__(self) -> None:
        self.end = 0
        self.tables: list[tuple[Dataset, Columns, str]] = []


class View:
    """The parsed tail of a store, shared by the threads of a process."""

    def __init__(self, root: Path, engine: Engine) -> None:
        """Start with nothing parsed."""
        self._root = root
        self._engine = engine
        self._lock = threading.Lock()
        self._loaded: dict[tuple[Group, int], _Loaded] = {}
        self._newest: dict[Group, int] = {}
        self._names = itertools.count()

    def take(self, group: Group) -> tuple[Manifest, list[tuple[Dataset, Columns, str]]]:
        """A manifest, and the tables with all that is durable in the tail it names.

        Raises:
            FileNotFoundError: a file of it is gone; take the next one.

        """
        with self._lock:
            current = manifest.load(self._root, group)
            self._drop(group, current)
            tables = [table for number in current.tails for table in self._load(group, number)]
            return current, tables

    def tail_bytes(self, current: Manifest, group: Group, dataset: Dataset) -> int:
        """How much of a group's tail is a dataset's, reckoned by its share of the rows."""
        with self._lock:
            loaded = [it for number in current.tails if (it := self._loaded.get((group, number)))]
            cursor = self._engine.cursor()
            counts = [
                (held, cursor.execute(f"SELECT count(*) FROM {shape.quoted(name)}").fetchall()[0][0])
                for it in loaded
                for held, _, name in it.tables
            ]
            cursor.close()
        own = sum(count for held, count in counts if held is dataset)
        size: int = sum(it.end for it in loaded) * own // max(sum(count for _, count in counts), 1)
        return size

    def _drop(self, group: Group, current: Manifest) -> None:
        gone = [key for key in self._loaded if key[0] is group and key[1] not in current.tails]
        for key in gone:
            cursor = self._engine.cursor()
            for _, _, name in self._loaded.pop(key).tables:
                cursor.execute(f"DROP TABLE IF EXISTS {shape.quoted(name)}")
            cursor.close()

    def _load(self, group: Group, number: int) -> list[tuple[Dataset, Columns, str]]:
        path = layout.tail_path(self._root, group, number)
        loaded = self._loaded.setdefault((group, number), _Loaded())
        end = tail.durable_length(path)
        if end > loaded.end:
            self._append(loaded, tail.read(path, loaded.end, end))
            loaded.end = end
        return list(loaded.tables)

    def _append(self, loaded: _Loaded, content: bytes) -> None:
        cursor = self._engine.cursor()
        try:
            try:
                self._parse(cursor, loaded, content)
            except duckdb.Error:
                good, _ = sound.mend_all(content.splitlines())
                sound.isolate(
                    good, lambda lines: self._parse(cursor, loaded, b"\n".join(lines) + b"\n"), duckdb.Error
                )
        finally:
            cursor.close()

    def _parse(self, cursor: duckdb.DuckDBPyConnection, loaded: _Loaded, content: bytes) -> None:
        path = self._engine.folder / f"tail-{next(self._names)}.ndjson"
        path.write_bytes(content)
        tables = list(loaded.tables)
        cursor.begin()
        try:
            for dataset, found in shape.discover(cursor, str(path)).items():
                select = shape.select(str(path), dataset, found)
                same = next((name for d, c, name in tables if (d, c) == (dataset, found.columns)), None)
                if same is not None:
                    cursor.execute(f"INSERT INTO {shape.quoted(same)} {select}")
                    continue
                name = f"tail_{next(self._names)}"
                cursor.execute(f"CREATE TABLE {shape.quoted(name)} AS {select}")
                tables.append((dataset, found.columns, name))
            cursor.commit()
        except duckdb.Error:
            cursor.rollback()
            raise
        finally:
            path.unlink()
        loaded.tables = tables


def sources(
    root: Path, question: Query | Scan, current: Manifest, tables: list[tuple[Dataset, Columns, str]]
) -> tuple[Source, ...]:
    """The files and tables that may hold what is asked, files of the same columns together."""
    files: dict[int, list[str]] = {}
    for segment in current.segments:
        if segment.dataset is question.dataset and _touches(segment, question):
            files.setdefault(segment.columns, []).append(str(root / segment.file))
    parquet = [Source(columns=current.columns[at], files=tuple(names)) for at, names in files.items()]
    tail_tables = [
        Source(columns=columns, table=name) for d, columns, name in tables if d is question.dataset
    ]
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
