"""For how long records have waited, told from counts, so that no record needs a time of its own."""

from __future__ import annotations

from collections import deque
from typing import Final

_APART_S: Final = 0.1
_MOST: Final = 512


class Backlog:
    """Remembers at which moments how many records had come. For one thread to note, for any to ask.

    Moments are in seconds of a clock that never goes back.

    >>> backlog = Backlog()
    >>> backlog.note(0, 10.0)
    >>> backlog.note(500, 20.0)
    >>> backlog.oldest_s(gone=499, now=21.0), backlog.oldest_s(gone=500, now=21.0)
    (11.0, 1.0)
    """

    def __init__(self) -> None:
        self._marks: deque[tuple[int, float]] = deque()

    def note(self, come: int, now: float) -> None:
        """Remember that by now so many records had come in all."""
        marks = self._marks
        if marks and marks[-1][0] == come:
            marks[-1] = (come, now)
        elif not marks or now - marks[-1][1] >= _APART_S:
            marks.append((come, now))
        if len(marks) > _MOST:  # thinned and not cut, so that the oldest stays known
            self._marks = deque(mark for place, mark in enumerate(marks) if place % 2 == 0)

    def forget(self, gone: int) -> None:
        """Let go of what is not needed once so many records have gone."""
        marks = self._marks
        while len(marks) > 1 and marks[1][0] <= gone:
            marks.popleft()

    def oldest_s(self, gone: int, now: float) -> float:
        """No record that has not gone has waited for longer than this, give or take a tenth of a second."""
        marks = list(self._marks)
        before = [moment for come, moment in marks if come <= gone]
        since = before[-1] if before else marks[0][1] if marks else now
        return max(0.0, now - since)
