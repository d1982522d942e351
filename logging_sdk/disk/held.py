"""Records on their way from memory to a file, and those that no file takes now.

They stand in columns: a tuple for each record would be work for the host's garbage collector.
"""

from __future__ import annotations

from collections.abc import Sequence


class Held:
    """Records in the order of their turns, each with its level. Not safe for threads."""

    def __init__(self) -> None:
        self._turns: list[int] = []
        self._levels: list[int] = []
        self._records: list[bytes] = []

    def __len__(self) -> int:
        """How many records there are."""
        return len(self._records)

    @property
    def size(self) -> int:
        """How many bytes the records have."""
        return sum(map(len, self._records))

    @property
    def first(self) -> tuple[int, int]:
        """The turn and the level of the oldest record; there must be one."""
        return self._turns[0], self._levels[0]

    def extend(self, turn: int, levels: Sequence[int], records: Sequence[bytes]) -> None:
        """Add records, the first of them with a turn."""
        self._turns += range(turn, turn + len(records))
        self._levels += levels
        self._records += records

    def of_level(self, level: int) -> tuple[list[int], list[bytes]]:
        """The turns and the records of a level."""
        if self._levels.count(level) == len(self._levels):  # as a rule
            return self._turns, self._records
        at = [index for index, one in enumerate(self._levels) if one == level]
        return [self._turns[index] for index in at], [self._records[index] for index in at]

    def forget(self, level: int) -> None:
        """Let go of the records of a level."""
        at = [index for index, one in enumerate(self._levels) if one != level]
        self._turns = [self._turns[index] for index in at]
        self._records = [self._records[index] for index in at]
        self._levels = [self._levels[index] for index in at]

    def pop(self, number: int) -> list[bytes]:
        """Take the oldest records out."""
        taken = self._records[:number]
        del self._turns[:number], self._levels[:number], self._records[:number]
        return taken
