"""Sets of sequence numbers as runs: pairs of the first and the last number of each stretch without a gap."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

Runs = tuple[tuple[int, int], ...]
"""Ascending, apart from each other by at least one number; both ends are within."""


def runs(numbers: Iterable[int]) -> Runs:
    """The runs of some numbers, in any order and repeated or not.

    >>> runs([7, 1, 2, 2, 3])
    ((1, 3), (7, 7))
    """
    return _joined((number, number) for number in sorted(numbers))


def union(*sets: Runs) -> Runs:
    """The numbers that are in any of the sets."""
    return _joined(sorted(run for each in sets for run in each))


def without(numbers: Runs, others: Runs) -> Runs:
    """The numbers that are in the first set and not in the second.

    >>> without(((0, 9),), ((3, 4), (9, 12)))
    ((0, 2), (5, 8))
    """
    return tuple(_rest(numbers, others))


def within(numbers: Runs, start: int, end: int) -> Runs:
    """The numbers that are at least `start` and below `end`.

    >>> within(((0, 4), (8, 9)), 3, 9)
    ((3, 4), (8, 8))
    """
    cut = ((max(first, start), min(last, end - 1)) for first, last in numbers)
    return tuple((first, last) for first, last in cut if first <= last)


def count(numbers: Runs) -> int:
    """How many numbers there are."""
    return sum(last - first + 1 for first, last in numbers)


def _joined(ascending: Iterable[tuple[int, int]]) -> Runs:
    made: list[tuple[int, int]] = []
    for first, last in ascending:
        if made and first <= made[-1][1] + 1:
            made[-1] = (made[-1][0], max(made[-1][1], last))
        else:
            made.append((first, last))
    return tuple(made)


def _rest(numbers: Runs, others: Runs) -> Iterator[tuple[int, int]]:
    at = 0
    for first, last in numbers:
        start = first
        while at < len(others) and others[at][1] < start:
            at += 1
        place = at
        while place < len(others) and others[place][0] <= last:
            if start < others[place][0]:
                yield start, others[place][0] - 1
            start = others[place][1] + 1
            place += 1
        if start <= last:
            yield start, last
