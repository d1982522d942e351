"""A store in a folder: any number of readers, and one writer for events and one for results."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

import duckdb
from msgspec.structs import replace

from mlmon.core import clock as clocks
from mlmon.core import query as q
from mlmon.core.clock import Clock, to_ns
from mlmon.core.errors import StoreError, UsageError
from mlmon.core.event import Document, Event
from mlmon.core.query import Answer, Query, Scan
from mlmon.core.result import Result, to_document
from mlmon.core.schema import EVENTS, RESULTS, Dataset
from mlmon.core.store import Holding, Written, holding_query
from mlmon.stores.embedded import answer, layout, view
from mlmon.stores.embedded import compile as compiler
from mlmon.stores.embedded.compile import After, Source, Sql
from mlmon.stores.embedded.engine import MEMORY_LIMIT, Engine
from mlmon.stores.embedded.layout import Group, group_of
from mlmon.stores.embedded.manifest import Columns, Manifest
from mlmon.stores.embedded.view import Table
from mlmon.stores.embedded.writer import ROLL_ROWS, GroupWriter

_TRIES: Final = 8
_PAUSE_S: Final = 0.01
_T = TypeVar("_T")
_VANISHED: Final = (FileNotFoundError, duckdb.IOException, duckdb.CatalogException)
"""What a reader meets when files left between taking a manifest and reading them."""


class EmbeddedStore:
    """Keeps events and results in a folder, and answers queries with DuckDB.

    Reading is safe from any thread and process. Writing takes the lock of a group at its first write, and
    is for one thread at a time; events and results may be written by different threads.
    """

    def __init__(
        self,
        root: Path,
        *,
        clock: Clock,
        read_only: bool,
        keep_events: timedelta,
        keep_evaluations: timedelta,
        keep_results: timedelta,
        memory_limit: str,
        roll_rows: int,
    ) -> None:
        """See `open_store`."""
        self._root = root
        self._clock = clock
        self._read_only = read_only
        kept = {Group.EVENTS: keep_events, Group.RESULTS: keep_results}
        self._keep = {dataset: kept[group_of(dataset)] for dataset in Dataset}
        self._keep[Dataset.EVALUATION] = keep_evaluations
        self._roll_rows = roll_rows
        self._engine = Engine(memory_limit=memory_limit)
        self._view = view.View(root, self._engine)
        self._writers: dict[Group, GroupWriter] = {}
        self._opening = threading.Lock()

    @property
    def url(self) -> str:
        """The folder."""
        return str(self._root)

    @property
    def settling(self) -> timedelta:
        """None: each group has one writer, whose batches appear in the order of their times of ingestion."""
        return timedelta(0)

    def query(self, query: Query) -> Answer:
        """Answer a question; see `mlmon.core.store.Reader`."""
        q.check(query)

        def ask(sources: tuple[Source, ...]) -> Answer:
            unique = view.is_unique(query.dataset, sources)
            values = self._fetch(compiler.compile_query(query, sources, unique=unique))
            return Answer(rows=answer.rows(query, values), sources=(self.url,))

        return self._retrying(query, ask)

    def scan(self, scan: Scan) -> Iterator[list[Document]]:
        """Give documents in batches; see `mlmon.core.store.Reader`."""
        q.check(scan)
        return self._batches(scan)

    def _batches(self, scan: Scan) -> Iterator[list[Document]]:
        last: After | None = None
        left = scan.limit
        tries = 0
        while True:
            try:
                for values, documents in self._stream(scan, last, left):
                    yield documents
                    last = After(values[-1][0], values[-1][1])
                    left = None if left is None else left - len(documents)
                    tries = 0
            except _VANISHED as error:
                tries += 1
                if tries == _TRIES:
                    raise _unanswered(self._root, error) from None
            except duckdb.Error as error:
                raise _unanswered(self._root, error) from None
            else:
                return

    def _stream(
        self, scan: Scan, after: After | None, limit: int | None
    ) -> Iterator[tuple[list[Any], list[Document]]]:
        sources = self._sources(scan)
        outputs = compiler.outputs_of(scan, sources)
        unique = view.is_unique(scan.dataset, sources)
        limited = scan if limit == scan.limit else replace(scan, limit=limit)
        sql = compiler.compile_scan(limited, sources, unique=unique, after=after)
        with self._engine.cursor() as cursor:
            cursor.execute(sql.text, list(sql.parameters))
            while values := cursor.fetchmany(scan.batch_size):
                yield values, answer.documents(values, outputs)

    def _sources(self, question: Query | Scan) -> tuple[Source, ...]:
        current, tables = self._view.take(question.dataset)
        return view.sources(self._root, question, current, tables)

    def _fetch(self, sql: Sql) -> list[Any]:
        with self._engine.cursor() as cursor:
            return cursor.execute(sql.text, list(sql.parameters)).fetchall()

    def _retrying(self, question: Query | Scan, ask: Callable[[tuple[Source, ...]], _T]) -> _T:
        error: Exception | None = None
        for _ in range(_TRIES):
            try:
                return ask(self._sources(question))
            except _VANISHED as met:
                error = met
                time.sleep(_PAUSE_S)
            except duckdb.Error as met:
                raise _unanswered(self._root, met) from None
        raise _unanswered(self._root, error) from None

    def members(self, dataset: Dataset, family: str) -> list[str]:
        """The names seen in an open family, sorted."""
        return view.member_names(self._columns(dataset), family)

    def version(self, dataset: Dataset) -> str:
        """A word that changes with what is stored; see `mlmon.core.store.Versioned`."""
        for _ in range(_TRIES):
            try:
                return self._view.version(dataset)
            except FileNotFoundError:
                time.sleep(_PAUSE_S)
        return self._view.version(dataset)

    def _columns(self, dataset: Dataset) -> Iterator[Columns]:
        current, tables = self._take(dataset)
        for at in {it.columns for it in current.segments if it.dataset is dataset}:
            yield current.columns[at]
        yield from (columns for columns, _ in tables)

    def _take(self, dataset: Dataset) -> tuple[Manifest, list[Table]]:
        for _ in range(_TRIES - 1):
            try:
                return self._view.take(dataset)
            except FileNotFoundError:
                continue
        return self._view.take(dataset)

    def holdings(self) -> list[Holding]:
        """What is in it, one row a dataset that has documents."""
        found = (self._holding(dataset) for dataset in (*EVENTS, *RESULTS))
        return [holding for holding in found if holding.count]

    def _holding(self, dataset: Dataset) -> Holding:
        row = self.query(holding_query(dataset)).rows[0]
        current, _ = self._take(dataset)
        size = sum(it.bytes for it in current.segments if it.dataset is dataset)
        size += self._view.tail_bytes(current, dataset)
        return Holding(dataset=dataset, bytes=size, **row)

    def read_blob(self, name: str) -> bytes | None:
        """A small named value; None where there is none."""
        try:
            return layout.blob_path(self._root, name).read_bytes()
        except FileNotFoundError:
            return None

    def list_blobs(self, prefix: str) -> list[str]:
        """The names that start with the prefix, sorted."""
        return sorted(name for name in layout.blob_names(self._root) if name.startswith(prefix))

    def write(self, events: Sequence[Event]) -> Written:
        """Append events; see `mlmon.core.store.Writer`."""
        groups = {group_of(dataset) for dataset in {event.dataset for event in events}}
        if len(groups) == 1:
            return self._writer(groups.pop()).write(events)
        stored = 0
        repeated: list[int] = []
        for group in Group:
            places = [place for place, event in enumerate(events) if group_of(event.dataset) is group]
            if places:
                written = self._writer(group).write([events[place] for place in places])
                stored += written.stored
                repeated += [places[place] for place in written.repeated]
        return Written(stored=stored, duplicates=len(repeated), repeated=tuple(sorted(repeated)))

    def put(self, results: Sequence[Result]) -> None:
        """Store results; one of the same identity is replaced."""
        if results:
            self._writer(Group.RESULTS).put([to_document(result) for result in results])

    def write_blob(self, name: str, value: bytes) -> None:
        """Set a small named value, whole or not at all."""
        path = layout.blob_path(self._root, name)
        self._writer(Group.RESULTS)
        with layout.disk_errors(f"Writing the blob {name}"):
            layout.replace_file(path, value)

    def lock(self, *groups: Group) -> None:
        """Take the locks of groups now rather than at the first write.

        Raises:
            StoreLockedError: another process holds one.

        """
        for group in groups:
            self._writer(group)

    def _writer(self, group: Group) -> GroupWriter:
        if self._read_only:
            raise UsageError(f"The store {self._root} was opened to read only. Open it to write.")
        with self._opening:
            if group not in self._writers:
                self._writers[group] = GroupWriter(
                    self._root, group, self._engine, self._clock, self._roll_rows
                )
            return self._writers[group]

    def roll(self) -> None:
        """Let the tails of the groups that this store writes become segments, in the background."""
        for writer in self._writers.values():
            writer.roll()

    def compact(self) -> None:
        """Finish the rolls under way, and merge small segments of the groups that this store writes."""
        for writer in self._writers.values():
            writer.upkeep.compact()

    def apply_retention(self, now: datetime) -> int:
        """Let go what was stored too long ago, in the groups that this store writes; return how many rows.

        It counts from when a document was stored. Events go by whole segments, so some stay a day longer.
        """
        return sum(
            writer.upkeep.forget_before(dataset, to_ns(now - self._keep[dataset]) // 1000)
            for group, writer in self._writers.items()
            for dataset in Dataset
            if group_of(dataset) is group
        )

    def close(self) -> None:
        """Roll what is left, free the locks and the memory; a second call does no harm."""
        try:
            while self._writers:
                _, writer = self._writers.popitem()
                writer.close()
        finally:
            self._engine.close()


def _unanswered(root: Path, error: Exception | None) -> StoreError:
    text = str(error).split("\n", 1)[0]
    return StoreError(f"The store {root} could not answer: {text}. Ask for less, or look at its files.")


def open_store(
    path: str | os.PathLike[str],
    *,
    clock: Clock = clocks.system,
    read_only: bool = False,
    keep_events: timedelta = timedelta(days=30),
    keep_evaluations: timedelta = timedelta(days=400),
    keep_results: timedelta = timedelta(days=400),
    memory_limit: str = MEMORY_LIMIT,
    roll_rows: int = ROLL_ROWS,
) -> EmbeddedStore:
    """Open the store in a folder, and make it where there is none.

    `keep_events`, `keep_evaluations` and `keep_results` are what `apply_retention` goes by. `memory_limit`
    bounds what DuckDB holds for questions, and as much again for the upkeep of a group that is written.
    `roll_rows` is how many rows the tail holds before it becomes a segment.

    Raises:
        StoreUnreachableError: the folder is something else, or cannot be made, or is not there to be read.
        StoreVersionError: a newer mlmon wrote it.

    """
    root = Path(path).absolute()
    if read_only:
        layout.check(root)
    else:
        layout.create(root)
    return EmbeddedStore(
        root,
        clock=clock,
        read_only=read_only,
        keep_events=keep_events,
        keep_evaluations=keep_evaluations,
        keep_results=keep_results,
        memory_limit=memory_limit,
        roll_rows=roll_rows,
    )
