"""Accuracy: the share of events predicted right."""

from __future__ import annotations

from mlmon.analyzers.statistics.confusion import Confusion, Table
from mlmon.analyzers.statistics.estimate import CONFIDENCE, Estimate
from mlmon.analyzers.statistics.weighted_proportion import proportion_of_sums


def accuracy(confusion: Confusion, *, confidence: float = CONFIDENCE) -> Estimate:
    """Give the share of events on the diagonal, with Wilson's interval (1927), honest for weights too.

    Degenerate input: no events give an undefined estimate.

    >>> accuracy(Confusion.from_counts([("a", "a", 3), ("a", "b", 1)])).value
    0.75
    """
    hit, other = _split(confusion.cells)
    h, o = _split(confusion.cell_squares)
    return proportion_of_sums(hit, other, h, o, confidence=confidence)


def _split(table: Table) -> tuple[float, float]:
    hit = float(table.trace())
    return hit, max(float(table.sum()) - hit, 0.0)
