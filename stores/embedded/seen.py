"""The ids a group has stored, in little memory: intervals of sequences, and hashes of other ids.

An id of the form `<producer>-<sequence>` costs next to nothing, since the sequences of a producer are
intervals. Of any other id 64 bits of its MD5 are kept: among 10 million stored ids, a new one is taken for
a duplicate with a probability of 5e-13.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from mlmon.core.event import Event

_MOST_LOOSE: Final = 100_000


def hash_of(identity: str) -> int:
    """The lower half of the MD5 of an id, as DuckDB's `md5_number_lower` gives it."""
    return int.from_bytes(hashlib.md5(identity.encode(), usedforsecurity=False).digest()[8:], "little")


class Intervals:
    """A set of whole numbers, kept as closed intervals in order."""

    __slots__ = ("ends", "starts")

    def __init__(self) -> None:
        """Start empty."""
        self.starts: list[int] = []
        self.ends: list[int] = []

    def meets(self, first: int, last: int) -> bool:
        """Whether any number from `first` to `last` is in the set."""
        at = bisect_right(self.starts, last) - 1
        return at >= 0 and self.ends[at] >= first

    def add(self, first: int, last: int) -> None:
        """Add all numbers from `first` to `last`."""
        if self.ends and first == self.ends[-1] + 1:
            self.ends[-1] = last
            return
        left = bisect_right(self.starts, first) - 1
        if left < 0 or self.ends[left] < first - 1:
            left += 1
        right = bisect_right(self.starts, last + 1)
        if left < right:
            first = min(first, self.starts[left])
            last = max(last, self.ends[right - 1])
        self.starts[left:right] = [first]
        self.ends[left:right] = [last]


class Seen:
    """The ids of stored events. For one thread at a time."""

    def __init__(self) -> None:
        """Start empty."""
        self.producers: dict[str, Intervals] = {}
        self._loose: set[int] = set()
        self._sorted: NDArray[np.uint64] = np.empty(0, dtype=np.uint64)

    def fresh(self, events: Sequence[Event]) -> tuple[list[Event], Seen]:
        """The events whose ids are new, each id once; and their ids, for `update` once they are stored."""
        batch = Seen()
        new: list[Event] = []
        for run in _runs(events):
            if run.is_counted and not (self.has_run(*run.span) or batch.has_run(*run.span)):
                batch.add_run(*run.span)
                new += run.events
            else:
                new += [event for event in run.events if self._is_new(event, batch)]
        return new, batch

    def _is_new(self, event: Event, batch: Seen) -> bool:
        """Whether an event is neither here nor in the batch; then its id is in the batch from now on."""
        if event.producer is not None and event.sequence is not None and _is_counted(event):
            span = event.producer, event.sequence, event.sequence
            if self.has_run(*span) or batch.has_run(*span):
                return False
            batch.add_run(*span)
        else:
            number = hash_of(event.id)
            if self.has_hash(number) or batch.has_hash(number):
                return False
            batch.add_hash(number)
        return True

    def has_run(self, producer: str, first: int, last: int) -> bool:
        """Whether any id of a producer from one sequence to another is there."""
        intervals = self.producers.get(producer)
        return intervals is not None and intervals.meets(first, last)

    def has_hash(self, number: int) -> bool:
        """Whether the hash of an id is there."""
        if number in self._loose:
            return True
        at = int(np.searchsorted(self._sorted, np.uint64(number)))
        return at < len(self._sorted) and int(self._sorted[at]) == number

    def update(self, batch: Seen) -> None:
        """Remember the ids of a batch."""
        for producer, intervals in batch.producers.items():
            for first, last in zip(intervals.starts, intervals.ends, strict=True):
                self.add_run(producer, first, last)
        for number in batch._loose:
            self.add_hash(number)

    def add_id(self, identity: str, producer: str | None, sequence: int | None) -> None:
        """Remember one id."""
        if producer is not None and sequence is not None and identity == f"{producer}-{sequence}":
            self.add_run(producer, sequence, sequence)
        else:
            self.add_hash(hash_of(identity))

    def add_run(self, producer: str, first: int, last: int) -> None:
        """Remember a producer's ids from one sequence to another."""
        intervals = self.producers.get(producer)
        if intervals is None:
            intervals = self.producers[producer] = Intervals()
        intervals.add(first, last)

    def add_hash(self, number: int) -> None:
        """Remember the hash of one id."""
        self._loose.add(number)
        if len(self._loose) > _MOST_LOOSE:
            self.add_hashes(np.empty(0, dtype=np.uint64))

    def add_hashes(self, hashes: NDArray[np.uint64]) -> None:
        """Remember many hashes at once."""
        loose = np.fromiter(self._loose, dtype=np.uint64, count=len(self._loose))
        self._sorted = np.unique(np.concatenate([self._sorted, hashes, loose]))
        self._loose.clear()


def _is_counted(event: Event) -> bool:
    return event.id == f"{event.producer}-{event.sequence}"


class _Run(Struct, frozen=True, kw_only=True):
    """Neighbours in a batch; counted where their ids are `<producer>-<sequence>`, counting up by one."""

    events: Sequence[Event]
    span: tuple[str, int, int]
    """The producer, the first sequence and the last."""
    is_counted: bool


def _runs(events: Sequence[Event]) -> Iterator[_Run]:
    """Cut a batch where the producer changes or its count jumps.

    Senders send runs, so a batch is few of them, and what is asked of a run need not be asked of each event.
    """
    start = 0
    producer: str | None = None
    following: int | None = None
    for place, event in enumerate(events):
        if event.sequence != following or event.producer != producer:
            if place > start:
                yield _run(events[start:place])
            start, producer, following = place, event.producer, event.sequence
        if following is not None:
            following += 1
    if len(events) > start:
        yield _run(events[start:])


def _run(events: Sequence[Event]) -> _Run:
    producer, first = events[0].producer, events[0].sequence
    if producer is None or first is None:
        return _Run(events=events, span=("", 0, 0), is_counted=False)
    numbers = range(first, first + len(events))
    is_counted = [event.id for event in events] == [f"{producer}-{number}" for number in numbers]
    return _Run(events=events, span=(producer, first, numbers[-1]), is_counted=is_counted)
