"""Specificity: of the events that are not in a class, the share not predicted so."""

from __future__ import annotations

from mlmon.analyzers.statistics.confusion import Confusion, Table
from mlmon.analyzers.statistics.estimate import CONFIDENCE, Estimate, undefined
from mlmon.analyzers.statistics.weighted_proportion import proportion_of_sums


def specificity(confusion: Confusion, *, positive: str, confidence: float = CONFIDENCE) -> Estimate:
    """Give tn / (tn + fp) of the positive label against the rest, with Wilson's interval (Wilson 1927).

    Source: J. Yerushalmy, Public Health Reports 1947.

    Degenerate input: None when every event is in the class, and for a label the matrix does not know.

    >>> table = Confusion.from_counts([("late", "late", 6), ("ok", "late", 3), ("ok", "ok", 9)])
    >>> specificity(table, positive="late").value
    0.75
    """
    if positive not in confusion.labels:
        return undefined()
    k = confusion.labels.index(positive)
    hit, other = _split(confusion.cells, k)
    h, o = _split(confusion.cell_squares, k)
    return proportion_of_sums(hit, other, h, o, confidence=confidence)


def _split(table: Table, k: int) -> tuple[float, float]:
    """Sum the rows beside k, apart from column k and in it."""
    rows: list[list[float]] = [row for i, row in enumerate(table.tolist()) if i != k]
    hit = sum(count for row in rows for j, count in enumerate(row) if j != k)
    return hit, sum(row[k] for row in rows)


def specificity_by_class(confusion: Confusion, *, confidence: float = CONFIDENCE) -> dict[str, Estimate]:
    """Give specificity of every label, each against the rest, in the matrix's order.

    >>> table = Confusion.from_counts([("a", "a", 3), ("a", "b", 1)])
    >>> {label: e.value for label, e in specificity_by_class(table).items()}
    {'a': None, 'b': 0.75}
    """
    return {
        label: specificity(confusion, positive=label, confidence=confidence) for label in confusion.labels
    }
