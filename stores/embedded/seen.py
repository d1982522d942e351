"""The ids a group has stored, in little memory: intervals of sequences, and hashes of other ids.

An id of the form `<producer>-<sequence>` costs next to nothing, since the sequences of a producer are
intervals. Of any other id 64 bits of its MD5 are kept: among 10 million stored ids, a new one is taken for
a duplicate with a probability of 5e-13.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterable
from typing import Final

import numpy as np
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

    def __contains__(self, number: int) -> bool:
        """Whether a number is in the set."""
        at = bisect_right(self.starts, number) - 1
        return at >= 0 and number <= self.ends[at]

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

    def fresh(self, events: Iterable[Event]) -> list[Event]:
        """The events whose ids are new, each id once."""
        batch: set[str] = set()
        new = []
        for event in events:
            identity = event.id
            if identity in batch or self._has(event):
                continue
            batch.add(identity)
            new.append(event)
        return new

    def _has(self, event: Event) -> bool:
        if event.sequence is not None and event.id == f"{event.producer}-{event.sequence}":
            intervals = self.producers.get(event.producer or "")
            return intervals is not None and event.sequence in intervals
        number = hash_of(event.id)
        if number in self._loose:
            return True
        at = int(np.searchsorted(self._sorted, np.uint64(number)))
        return at < len(self._sorted) and int(self._sorted[at]) == number

    def add(self, events: Iterable[Event]) -> None:
        """Remember stored events."""
        for event in events:
            self.add_id(event.id, event.producer, event.sequence)

    def add_id(self, identity: str, producer: str | None, sequence: int | None) -> None:
        """Remember one id."""
        if sequence is not None and identity == f"{producer}-{sequence}":
            intervals = self.producers.get(producer or "")
            if intervals is None:
                intervals = self.producers[producer or ""] = Intervals()
            intervals.add(sequence, sequence)
            return
        self._loose.add(hash_of(identity))
        if len(self._loose) > _MOST_LOOSE:
            self.add_hashes(np.empty(0, dtype=np.uint64))

    def add_hashes(self, hashes: NDArray[np.uint64]) -> None:
        """Remember many hashes at once."""
        loose = np.fromiter(self._loose, dtype=np.uint64, count=len(self._loose))
        self._sorted = np.unique(np.concatenate([self._sorted, hashes, loose]))
        self._loose.clear()
