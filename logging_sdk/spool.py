"""Where events wait for the shipping thread: bounded, and what does not fit is dropped and counted."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from itertools import repeat
from threading import Lock
from typing import Any, Final, Protocol

from msgspec import Struct

MAX_RECORDS: Final = 200_000
MAX_BYTES: Final = 64 * 1024 * 1024
LEVELS: Final = (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL)


class Batch(Struct, frozen=True, kw_only=True):
    """Records on their way out, in the order they were appended."""

    records: list[bytes]
    marks: tuple[Any, ...] = ()
    """What the spool needs in order to let go of them."""


class Spool(Protocol):
    """Holds records until their delivery is certain. Appending is for any thread, taking for one."""

    def append(self, record: bytes, level: int) -> None:
        """Keep a record. It never waits for input or output."""

    def extend(self, records: Sequence[bytes], level: int) -> None:
        """Keep several records of one level."""

    def take(self, max_records: int, max_bytes: int) -> Batch:
        """The oldest records; at least one where there is any, however large. They stay held until `ack`."""

    def ack(self, batch: Batch) -> None:
        """Let go of a batch, because it was delivered or never can be."""

    def __len__(self) -> int:
        """How many records wait or are on their way."""

    @property
    def waiting(self) -> int:
        """How many records wait to be taken."""

    @property
    def bytes_held(self) -> int:
        """How much room the records take that wait or are on their way, in bytes."""

    @property
    def dropped(self) -> int:
        """How many records were dropped because others needed the room."""

    @property
    def losses(self) -> Mapping[str, int]:
        """Dropped records by reason."""

    @property
    def adopted(self) -> int:
        """How many records dead processes left to this one."""

    @property
    def is_durable(self) -> bool:
        """Whether what is held when it closes is kept for the next process."""

    def persist(self) -> None:
        """Make what was appended outlive the process, where the spool can; it may wait for the disk."""

    def close(self) -> None:
        """Free what it holds."""

    def let_go(self) -> None:
        """In a forked child: free what belongs to the parent, without a change to it and without a lock."""


class MemorySpool:
    """Keeps records in memory, as bytes, which the garbage collector never visits.

    Each level has a lane of its own, and `_order` says from which lane the next record is to be taken. So the
    oldest record of the lowest level is dropped at no cost, and the others keep their order. Appending takes
    no lock: each step of it is one atomic operation of a deque, and a record is in its lane before its turn
    is in `_order`. `_added` counts the bytes that ever came and may come up to `_limit`, which
    rises, under the lock, by the bytes that went.
    """

    adopted = 0
    is_durable = False

    def __init__(self, *, max_records: int = MAX_RECORDS, max_bytes: int = MAX_BYTES) -> None:
        self._max_records = max_records
        self._max_bytes = max_bytes
        self._lanes: dict[int, deque[bytes]] = {level: deque() for level in LEVELS}
        self._order: deque[int] = deque()
        self._skipped = dict.fromkeys(LEVELS, 0)
        self._lock = Lock()
        self._added = 0
        self._limit = max_bytes
        self._in_flight = 0
        self._dropped = 0
        self._stale = 0

    def append(self, record: bytes, level: int) -> None:
        """Keep a record; see `Spool`."""
        order = self._order
        self._lanes[level].append(record)
        order.append(level)
        size = len(record)  # before the `+=`: threads change at calls, and never within it
        self._added += size
        if self._added > self._limit or len(order) > self._max_records:
            self._shed()

    def extend(self, records: Sequence[bytes], level: int) -> None:
        """Keep several records; see `Spool`."""
        self._lanes[level].extend(records)
        self._order.extend(repeat(level, len(records)))
        size = sum(map(len, records))
        self._added += size
        if self._added > self._limit or len(self._order) > self._max_records:
            self._shed()

    def take(self, max_records: int, max_bytes: int) -> Batch:
        """Take the oldest records; see `Spool`."""
        with self._lock:
            records = [record for _, record in self._pop(max_records, max_bytes)]
            self._in_flight += len(records)
        return Batch(records=records)

    def drain(self, max_records: int, max_bytes: int) -> tuple[list[int], list[bytes]]:
        """Take the oldest records for good, and the level of each; they need no `ack`."""
        levels: list[int] = []
        records: list[bytes] = []
        with self._lock:
            for level, record in self._pop(max_records, max_bytes):
                levels.append(level)
                records.append(record)
            self._limit += sum(map(len, records))
        return levels, records

    def _pop(self, max_records: int, max_bytes: int) -> Iterator[tuple[int, bytes]]:
        number = size = 0
        while self._order and number < max_records and size < max_bytes:
            level = self._order.popleft()
            if self._skipped[level]:
                self._skipped[level] -= 1
                self._stale -= 1
                continue
            record = self._lanes[level].popleft()
            number, size = number + 1, size + len(record)
            yield level, record

    def ack(self, batch: Batch) -> None:
        """Let go of a batch; see `Spool`."""
        with self._lock:
            self._in_flight -= len(batch.records)
            self._limit += sum(map(len, batch.records))

    def __len__(self) -> int:
        """How many records wait or are on their way."""
        return self.waiting + self._in_flight

    @property
    def waiting(self) -> int:
        """How many records wait to be taken."""
        return sum(map(len, self._lanes.values()))

    @property
    def bytes_held(self) -> int:
        """How much room the records take, in bytes."""
        return max(0, self._added - self._limit + self._max_bytes)

    @property
    def dropped(self) -> int:
        """How many records were dropped because others needed the room."""
        return self._dropped

    @property
    def losses(self) -> Mapping[str, int]:
        """Dropped records by reason."""
        return {"spool_full": self._dropped} if self._dropped else {}

    def persist(self) -> None:
        """Nothing outlives the process."""

    def close(self) -> None:
        """Nothing to free."""

    def let_go(self) -> None:
        """Nothing to free."""

    def _shed(self) -> None:
        """Drop the oldest records of the lowest level until the rest fits."""
        with self._lock:
            while self._is_over():
                level = next((level for level, lane in self._lanes.items() if lane), None)
                if level is None:
                    break
                self._limit += len(self._lanes[level].popleft())
                self._dropped += 1
                self._skipped[level] += 1
                self._stale += 1
            self._forget_turns()

    def _is_over(self) -> bool:
        records = len(self._order) - self._stale
        return records > self._max_records or self._added > self._limit

    def _forget_turns(self) -> None:
        """Take away the turns of dropped records: those in front at once, the others when they are many."""
        while self._order and self._skipped[self._order[0]]:
            self._skipped[self._order.popleft()] -= 1
            self._stale -= 1
        if self._stale <= self._max_records:
            return
        kept: list[int] = []
        for _ in range(len(self._order)):
            level = self._order.popleft()
            if self._skipped[level]:
                self._skipped[level] -= 1
                self._stale -= 1
            else:
                kept.append(level)
        self._order.extendleft(reversed(kept))
