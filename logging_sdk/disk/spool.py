"""The spool that outlives its process.

Records go from memory into files, and from the files to the shipping thread. A writer thread of the spool's
own does the first, so that a wire that hangs delays nothing. A disk that fails makes it a spool in memory,
until the disk can be written again.
"""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from threading import Event, Lock, RLock, Thread
from time import monotonic, sleep, time
from typing import Final

from mlmon.core.errors import UsageError
from mlmon.logging_sdk.disk import folder as folders
from mlmon.logging_sdk.disk.folder import Folder
from mlmon.logging_sdk.disk.held import Held
from mlmon.logging_sdk.disk.segment import Segment
from mlmon.logging_sdk.misuse import LOGGER
from mlmon.logging_sdk.spool import Batch, MemorySpool

MAX_BYTES: Final = 1024 * 1024 * 1024
MAX_AGE_S: Final = 7 * 24 * 3600.0
FLUSH_S: Final = 0.02
"""How often the writer writes; a record is in its file within 50 ms, this and the writing together."""

_SYNC_S: Final = 1.0
_ADOPT_S: Final = 30.0
_RETRY_S: Final = 1.0
_WARN_S: Final = 60.0
_CHUNK_RECORDS: Final = 10_000
"""Many at once, because each write gives the interpreter away, and a busy caller keeps it for 5 ms."""


class Mode(StrEnum):
    """When an appended record is safe."""

    SPOOL = "spool"
    """Within 50 ms from the death of the process, within 1 s or so from a loss of power."""

    SYNC = "sync"
    """From both, when the call returns; each call waits for the disk."""


class DiskSpool:
    """Keeps records in files of a folder that this process owns; see `Spool`. Safe for threads.

    What other processes left below `root` is delivered first. No more than `max_bytes` are held on disk, and
    no longer than `max_age_s`: then files go, the oldest of the lowest level first, and their records are
    counted. In front of the files is a `MemorySpool`. Nothing is written before the first record.
    """

    is_durable = True

    def __init__(
        self,
        root: str | Path,
        *,
        mode: Mode = Mode.SPOOL,
        max_bytes: int = MAX_BYTES,
        max_age_s: float = MAX_AGE_S,
        front: MemorySpool | None = None,
    ) -> None:
        self._root = Path(root)
        self._mode = mode
        self._max_bytes = max_bytes
        self._segment_bytes = max(4096, min(4 * 1024 * 1024, max_bytes // 16))
        self._max_age_s = max_age_s
        self._front = MemorySpool() if front is None else front  # an empty one is false
        self._stuck = Held()
        self._own: Folder | None = None
        self._adopted: deque[Folder] = deque()
        self._lost: Counter[str] = Counter()
        self._turn = 0
        self._in_memory_flight = 0
        self._adopted_records = 0
        self._lock = RLock()
        self._starting = Lock()
        self._wanted = Event()
        self._writer: Thread | None = None
        self._syncer: Thread | None = None
        self._is_idle = True
        self._is_closed = False
        self._is_released = False
        self._left = 0
        self._synced_at = self._adopted_at = self._failed_at = self._warned_at = -_WARN_S

    # For any thread

    def append(self, record: bytes, level: int) -> None:
        """Keep a record; see `Spool`."""
        self._front.append(record, level)
        if self._is_idle:
            self._wake()

    def extend(self, records: Sequence[bytes], level: int) -> None:
        """Keep several records; see `Spool`."""
        self._front.extend(records, level)
        if self._is_idle:
            self._wake()

    def persist(self) -> None:
        """Write what was appended before; with `SYNC`, as far as the platter."""
        with self._lock:  # also while it syncs: who waits for the lock must find its record safe
            self._write()
            if self._mode is Mode.SYNC:
                self._sync()

    # For the shipping thread

    def take(self, max_records: int, max_bytes: int) -> Batch:
        """Take the oldest records; see `Spool`."""
        self._adopt()
        with self._lock:
            self._write()
            for folder in self._folders():
                if (batch := _take(folder, max_records, max_bytes)).records:
                    return batch
            self._prune()  # what had nothing to take, such as a file with damage alone
            return self._take_stuck(max_records)

    def ack(self, batch: Batch) -> None:
        """Let go of a batch; see `Spool`."""
        with self._lock:
            for segment, end, ordinal, number in batch.marks:
                segment.ack(end, ordinal, number)
            if not batch.marks:
                self._in_memory_flight -= len(batch.records)
            self._prune()

    def close(self) -> None:
        """Write what is left, and let go of the folders; what is in them waits for the next process."""
        with self._lock:
            if self._is_released:
                return
            self._is_closed = True
            self._wanted.set()
            self._write()
            self._sync()
            for folder in self._folders():
                for segment in list(folder.segments()):
                    segment.is_sealed = True
            self._prune()
            self._left = sum(segment.waiting + segment.in_flight for segment in self._segments())
            for folder in self._folders():
                folder.close()
            self._is_released = True
            self._own = None
            self._adopted.clear()

    def let_go(self) -> None:
        """Close what a forked child has of its parent's; takes no lock, which nobody would ever let go of."""
        for folder in self._folders():
            folder.let_go()

    # What it holds

    def __len__(self) -> int:
        """How many records wait or are on their way."""
        with self._lock:
            flying = sum(segment.in_flight for segment in self._segments())
            return self.waiting + flying + self._in_memory_flight

    @property
    def waiting(self) -> int:
        """How many records wait to be taken."""
        with self._lock:
            on_disk = sum(segment.waiting for segment in self._segments())
            return len(self._front) + len(self._stuck) + on_disk + self._left

    @property
    def bytes_held(self) -> int:
        """How much room the records take that wait or are on their way, in files and in memory, in bytes."""
        with self._lock:
            on_disk = sum(segment.size - segment.acked_at for segment in self._segments())
            return self._front.bytes_held + self._stuck.size + on_disk

    @property
    def dropped(self) -> int:
        """How many records were dropped, for whatever reason."""
        return sum(self.losses.values())

    @property
    def losses(self) -> Mapping[str, int]:
        """Dropped records by reason."""
        with self._lock:
            lost = Counter(self._lost)
            lost["spool_full"] += self._front.dropped
            lost["spool_damaged"] += sum(segment.lost for segment in self._segments())
            return +lost

    @property
    def adopted(self) -> int:
        """How many records dead processes left to this one."""
        return self._adopted_records

    # The writer

    def _wake(self) -> None:
        if self._mode is Mode.SYNC:
            self.persist()
            return
        with self._starting:
            self._is_idle = False
            if self._writer is None and not self._is_closed:
                self._writer = Thread(target=self._run, name="mlmon-spool", daemon=True)
                with suppress(RuntimeError):  # an interpreter that shuts down starts no thread
                    self._writer.start()
        self._wanted.set()

    def _run(self) -> None:
        """Write in turns of `FLUSH_S`; after a second without a record, wait for the next one."""
        busy_at = monotonic()
        while not self._is_closed:
            if len(self._front) or self._stuck:
                busy_at = monotonic()
            try:
                self._write_now()
            except Exception as error:  # noqa: BLE001 - the thread must outlive whatever a disk does
                self._warn(f"The spool {self._root} failed: {error!r}. Events wait in memory.")
            if monotonic() - busy_at < _SYNC_S + _RETRY_S:
                sleep(FLUSH_S)
                continue
            self._wanted.clear()
            self._is_idle = True
            if not len(self._front) and not self._is_closed:
                self._wanted.wait()
            self._is_idle = False

    def _write_now(self) -> None:
        with self._lock:
            self._write()
            is_due = monotonic() - self._synced_at > _SYNC_S and any(
                segment.is_dirty for segment in self._segments()
            )
        if is_due and (self._syncer is None or not self._syncer.is_alive()):
            self._syncer = Thread(target=self._sync, name="mlmon-spool-sync", daemon=True)
            with suppress(RuntimeError):  # as above
                self._syncer.start()

    def _write(self) -> None:
        """Write what is in memory; what the disk does not take stays there."""
        while True:
            if not self._stuck:
                levels, records = self._front.drain(_CHUNK_RECORDS, self._segment_bytes)
                self._stuck.extend(self._turn, levels, records)
                self._turn += len(records)
            if not self._stuck or self._is_released or monotonic() - self._failed_at < _RETRY_S:
                return
            try:
                self._write_stuck()
            except OSError as error:
                self._failed_at = monotonic()
                self._warn(f"The spool {self._root} cannot be written: {error}. Events wait in memory.")
                return

    def _write_stuck(self) -> None:
        if self._own is None:
            self._own = folders.own(self._root)
        while self._stuck:
            turn, level = self._stuck.first
            segment = self._own.active(level, turn)
            segment.append(*self._stuck.of_level(level))
            self._stuck.forget(level)
            if segment.size >= self._segment_bytes:
                segment.is_sealed = True
        self._make_room()

    def _sync(self) -> None:
        """Sync what was written since; in a thread of its own, because a busy disk may take a second."""
        with self._lock:
            self._synced_at = monotonic()
            files = [segment.dirty_file() for segment in self._segments() if segment.is_dirty]
        for file in files:
            with suppress(OSError):
                getattr(os, "fdatasync", os.fsync)(file)
            with suppress(OSError):
                os.close(file)

    def _adopt(self) -> None:
        """Take over what dead processes left, without the lock: it may be much, and the writer must write."""
        if self._is_closed or monotonic() - self._adopted_at < _ADOPT_S:
            return
        self._adopted_at = monotonic()
        for folder in folders.adopt(self._root):
            with self._lock:
                if self._is_released:
                    folder.close()
                    continue
                self._adopted.append(folder)
                self._adopted_records += sum(segment.waiting for segment in folder.segments())
                self._make_room()

    # Room

    def _make_room(self) -> None:
        """Drop files, the oldest of the lowest level first, until the rest fits."""
        size = sum(segment.size for segment in self._segments())
        for folder, segment in self._droppable():
            if size > self._max_bytes:
                size -= segment.size
                self._drop(folder, segment, "spool_full")
            elif segment.is_sealed and time() - segment.changed_at > self._max_age_s:
                self._drop(folder, segment, "spool_expired")

    def _droppable(self) -> list[tuple[Folder, Segment]]:
        pairs = [(folder, segment) for folder in self._folders() for segment in folder.segments()]
        return sorted((pair for pair in pairs if not pair[1].in_flight), key=lambda pair: pair[1].level)

    def _drop(self, folder: Folder, segment: Segment, reason: str) -> None:
        self._lost[reason] += segment.waiting
        self._lost["spool_damaged"] += segment.lost
        folder.remove(segment)
        self._warn(f"The spool {self._root} dropped {segment.waiting} events: {reason}.")

    def _prune(self) -> None:
        """Remove the files of which nothing is needed any more, and the folders that are empty."""
        for folder in self._folders():
            for segment in [segment for segment in folder.segments() if segment.is_done]:
                self._lost["spool_damaged"] += segment.lost
                folder.remove(segment)
        for folder in [folder for folder in self._adopted if not any(folder.lanes.values())]:
            self._adopted.remove(folder)
            folder.close()

    def _take_stuck(self, max_records: int) -> Batch:
        taken = self._stuck.pop(max_records)
        self._in_memory_flight += len(taken)
        return Batch(records=taken)

    def _folders(self) -> list[Folder]:
        return [*self._adopted, *([self._own] if self._own else [])]

    def _segments(self) -> Iterator[Segment]:
        for folder in self._folders():
            yield from folder.segments()

    def _warn(self, message: str) -> None:
        if monotonic() - self._warned_at >= _WARN_S:
            self._warned_at = monotonic()
            LOGGER.warning("%s", message)


def check_lock() -> None:
    """See whether a spool on disk can be.

    Raises:
        UsageError: the system has no `flock`.

    """
    if not folders.CAN_LOCK:
        raise UsageError('A spool on disk needs flock, which this system lacks. Pass spool="memory".')


def _take(folder: Folder, max_records: int, max_bytes: int) -> Batch:
    """Records of a folder in the order of their turns, with what is to be noted when they are let go."""
    records: list[bytes] = []
    marks: dict[Segment, tuple[int, int, int]] = {}
    size = 0
    while len(records) < max_records and size < max_bytes and (first := folder.first()) is not None:
        segment, below = first
        number = marks.get(segment, (0, 0, 0))[2]
        while (frame := segment.peek()) is not None and frame.turn < below:
            segment.take()
            records.append(frame.record)
            size += len(frame.record)
            number += 1
            marks[segment] = (frame.end, frame.ordinal + 1, number)
            if len(records) >= max_records or size >= max_bytes:
                break
    return Batch(records=records, marks=tuple((segment, *mark) for segment, mark in marks.items()))
