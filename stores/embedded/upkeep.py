"""Keeps a group's files in order: rolls tails to segments, merges segments, lets old ones go.

All changes of the manifest go through here, one at a time, in one background thread or in the writer's. The
background thread has a low priority and an engine of its own: whoever waits for an answer goes first.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import groupby
from pathlib import Path
from typing import Final

import duckdb
from msgspec.structs import replace

from mlmon.core.schema import RESULTS, Dataset
from mlmon.stores.embedded import layout, manifest, recall, segments, sound
from mlmon.stores.embedded.engine import Engine
from mlmon.stores.embedded.layout import Group
from mlmon.stores.embedded.manifest import Manifest, Retired, Segment
from mlmon.stores.embedded.tail import Tail

GRACE_S: Final = 120.0
"""How long a file that left the manifest stays, for readers that began before."""

MOST_FROZEN: Final = 16
"""Tails that may wait to be rolled; a writer that is faster still waits for one."""

FIRST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 60.0
"""How long after a roll that failed none is tried; at first, and after many."""

MERGE_AT: Final = 8
"""As many neighbouring small segments become one."""

MERGED_ROWS: Final = 1_000_000
"""A segment with more rows is left alone."""

_PRIORITY: Final = 10
_log: Final = logging.getLogger("mlmon.store")
_DAY_US: Final = 86_400_000_000


class Upkeep:
    """The manifest of a group and the thread that works on it. Made by whoever holds the group's lock."""

    def __init__(self, root: Path, group: Group, memory_limit: str) -> None:
        """Read the manifest."""
        self._root, self._group = root, group
        # An engine of one thread works in its caller's, so that the priority of that one counts.
        self._engine = Engine(memory_limit=memory_limit, threads=1)
        self._mutex = threading.RLock()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=f"mlmon-{group}", initializer=_step_back)
        self._rolls: dict[int, Future[None]] = {}
        self._growing: int | None = None
        self._pause_s = 0.0  # above 0 while rolls fail
        self._retry_at = 0.0
        self.manifest = manifest.load(root, group)

    def new_tail(self) -> Tail:
        """Make a new tail file, list it, and start to roll those before it.

        A roll that fails is said once in the log and tried again, less and less often. Until it succeeds its
        tail stays and is read as before, and writing goes on for as long as the disk takes it.

        Raises:
            OSError: it could not be made or listed; what was there before stays as it was.

        """
        self._wait_for_room()
        with self._mutex:
            number, waiting = self.manifest.next_file, self.manifest.tails
            made = Tail(layout.tail_path(self._root, self._group, number))  # before a reader may look for it
            try:
                self._publish(replace(self.manifest, next_file=number + 1, tails=(*waiting, number)))
            except OSError:
                made.close()
                raise
        self._growing = number
        self._start(waiting)
        return made

    def _wait_for_room(self) -> None:
        """See how rolls ended, and keep the number of tails bounded that wait for one under way."""
        for number, roll in list(self._rolls.items()):
            if roll.done() or len(self._rolls) > MOST_FROZEN:
                self._note(roll.exception())
                del self._rolls[number]

    def _note(self, error: BaseException | None) -> None:
        if error is None:
            if self._pause_s:
                _log.info("Rolling the %s of %s works again.", self._group, self._root)
            self._pause_s = 0.0
            return
        if not self._pause_s:
            _log.warning(
                "Rolling the %s of %s failed: %s Events are still taken and read; it is tried again.",
                self._group, self._root, error,
            )  # fmt: skip
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S) or FIRST_PAUSE_S
        self._retry_at = time.monotonic() + self._pause_s

    def _start(self, waiting: Sequence[int]) -> None:
        """Roll what waits; while rolls fail, the oldest alone, and not before its time."""
        ready = [number for number in waiting if number not in self._rolls]
        if self._pause_s:
            ready = ready[:1] if not self._rolls and time.monotonic() >= self._retry_at else []
        for number in ready:
            self._rolls[number] = self._pool.submit(self._roll, number)

    def _number(self) -> int:
        with self._mutex:
            number = self.manifest.next_file
            self.manifest = replace(self.manifest, next_file=number + 1)
            return number

    def _roll(self, number: int) -> None:
        path = layout.tail_path(self._root, self._group, number)
        with self._engine.cursor() as cursor:
            written, bad = segments.roll(cursor, self._root, path, self._number)
            self._keep_ids(cursor, written)
        self._set_aside(bad)
        with self._mutex:
            current = self._with(self.manifest, written)
            current = replace(current, tails=tuple(it for it in current.tails if it != number))
            gone = [path, layout.length_path(path)]
            self._publish(self._retiring(current, [it.relative_to(self._root).as_posix() for it in gone]))
        self._merge_where_many()

    def _keep_ids(self, cursor: duckdb.DuckDBPyConnection, written: Sequence[segments.Written]) -> None:
        for it in written:
            if it.segment.dataset not in RESULTS:
                recall.keep_ids(cursor, self._root, it.segment, it.columns)

    def _set_aside(self, bad: Sequence[tuple[bytes, str]]) -> None:
        if bad:
            with (self._root / "dead" / f"{self._group}.ndjson").open("ab") as file:
                file.writelines(sound.dead_letter(line, reason) for line, reason in bad)

    def _with(self, current: Manifest, written: Sequence[segments.Written]) -> Manifest:
        listed, columns = list(current.segments), current.columns
        for it in written:
            columns, position = manifest.place(columns, it.columns)
            listed.append(segments.placed(it, position))
        return replace(current, segments=tuple(listed), columns=columns)

    def _retiring(self, current: Manifest, files: Sequence[str]) -> Manifest:
        now = time.time_ns()
        return replace(current, retired=(*current.retired, *(Retired(file=it, at_ns=now) for it in files)))

    def _publish(self, current: Manifest) -> None:
        """Make a manifest the newest, and delete what left it long enough ago."""
        limit = time.time_ns() - int(GRACE_S * 1e9)
        due = [it for it in current.retired if it.at_ns < limit]
        kept = tuple(it for it in current.retired if it.at_ns >= limit)
        current = replace(current, number=current.number + 1, retired=kept)
        manifest.save(self._root, self._group, current)
        self.manifest = current
        for it in due:
            (self._root / it.file).unlink(missing_ok=True)
            (self._root / it.file).with_suffix(recall.IDS).unlink(missing_ok=True)

    def _merge_where_many(self) -> None:
        for dataset in Dataset:
            while run := _run_to_merge(self.manifest, dataset):
                self._merge(run)

    def _merge(self, run: Sequence[Segment], keep_from: int | None = None) -> None:
        held = [(it, self.manifest.columns[it.columns]) for it in run]
        with self._engine.cursor() as cursor:
            merged = segments.merge(cursor, self._root, held, self._number(), keep_from)
            self._keep_ids(cursor, [merged] if merged else [])
        with self._mutex:
            gone = {it.file for it in run}
            kept = tuple(it for it in self.manifest.segments if it.file not in gone)
            current = self._with(replace(self.manifest, segments=kept), [merged] if merged else [])
            self._publish(self._retiring(current, sorted(gone)))

    def compact(self) -> None:
        """Wait for the rolls under way, and merge what is small."""
        self._finish()
        self._pool.submit(self._merge_where_many).result()

    def forget_before(self, dataset: Dataset, limit_us: int) -> int:
        """Let go what was ingested before a time, in whole segments of events; return how many rows left."""
        self._finish()
        return self._pool.submit(self._forget, dataset, limit_us).result()

    def _forget(self, dataset: Dataset, limit_us: int) -> int:
        before = sum(it.rows for it in self.manifest.segments if it.dataset is dataset)
        old = [it for it in self.manifest.segments if it.dataset is dataset and it.last_ingested < limit_us]
        if old:
            with self._mutex:
                kept = tuple(it for it in self.manifest.segments if it not in old)
                self._publish(self._retiring(replace(self.manifest, segments=kept), [it.file for it in old]))
        if dataset in RESULTS:
            for it in self.manifest.segments:
                if it.dataset is dataset and it.first_ingested < limit_us - _DAY_US:
                    self._merge([it], keep_from=limit_us)
        return before - sum(it.rows for it in self.manifest.segments if it.dataset is dataset)

    def _finish(self) -> None:
        """Wait for the rolls under way, and try those again that failed.

        Raises:
            StoreError, StoreFullError: one fails still.

        """
        for number in list(self._rolls):
            self._note(self._rolls.pop(number).exception())
        self._pause_s = 0.0
        self._start([number for number in self.manifest.tails if number != self._growing])
        for number in list(self._rolls):
            self._rolls.pop(number).result()

    def close(self) -> None:
        """Finish what is under way; a roll that failed keeps its tail, which the next writer rolls."""
        self._pool.shutdown(wait=True)
        self._engine.close()


def _step_back() -> None:
    """Lower the priority of this thread, where the system has priorities of threads."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _PRIORITY)


def _run_to_merge(current: Manifest, dataset: Dataset) -> list[Segment]:
    """Neighbours in time of ingestion that are small enough to become one; empty where there are too few.

    Events are merged within one day of ingestion, so that retention can let them go by whole segments.
    """
    small = sorted(
        (it for it in current.segments if it.dataset is dataset and it.rows < MERGED_ROWS // 2),
        key=lambda it: it.first_ingested,
    )
    for _, same_day in groupby(
        small, key=lambda it: 0 if dataset in RESULTS else it.first_ingested // _DAY_US
    ):
        run: list[Segment] = []
        rows = 0
        for it in same_day:
            if rows + it.rows > MERGED_ROWS:
                break
            run.append(it)
            rows += it.rows
        if len(run) >= MERGE_AT:
            return run
    return []
