"""Recall (sensitivity): of the events that are in a class, the share predicted so."""

from __future__ import annotations

from mlmon.analyzers.statistics.class_ratios import RECALL, Average, averaged, by_class
from mlmon.analyzers.statistics.confusion import Confusion
from mlmon.analyzers.statistics.estimate import CONFIDENCE, Estimate


def recall(
    confusion: Confusion,
    *,
    average: Average = "binary",
    positive: str | None = None,
    confidence: float = CONFIDENCE,
) -> Estimate:
    """Give recall, tp / (tp + fn), of the positive label or averaged over labels.

    Intervals: Wilson 1927 over the actual events for one label and for "micro"; the delta method on the
    confusion counts for "macro" and "weighted" (see `delta`). Weighted recall equals accuracy.

    Degenerate input: None for a label that never occurred; averages leave such labels out, as
    scikit-learn does with ``zero_division=nan``.

    Raises ValueError for "binary" without ``positive``.

    >>> rows = [("late", "late", 6), ("late", "ok", 2), ("ok", "late", 3), ("ok", "ok", 9)]
    >>> table = Confusion.from_counts(rows)
    >>> round(recall(table, positive="late").value, 4), round(recall(table, average="macro").value, 4)
    (0.75, 0.75)
    """
    return averaged(RECALL, confusion, average=average, positive=positive, confidence=confidence)


def recall_by_class(confusion: Confusion, *, confidence: float = CONFIDENCE) -> dict[str, Estimate]:
    """Give recall of every label, each against the rest, in the matrix's order.

    >>> found = recall_by_class(Confusion.from_counts([("a", "a", 3), ("a", "b", 1)]))
    >>> {label: estimate.value for label, estimate in found.items()}
    {'a': 0.75, 'b': None}
    """
    return by_class(RECALL, confusion, confidence=confidence)
