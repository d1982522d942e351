"""Precision: of the events predicted in a class, the share that is."""

from __future__ import annotations

from mlmon.analyzers.statistics.class_ratios import PRECISION, Average, averaged, by_class
from mlmon.analyzers.statistics.confusion import Confusion
from mlmon.analyzers.statistics.estimate import CONFIDENCE, Estimate


def precision(
    confusion: Confusion,
    *,
    average: Average = "binary",
    positive: str | None = None,
    confidence: float = CONFIDENCE,
) -> Estimate:
    """Give precision, tp / (tp + fp), of the positive label or averaged over labels.

    Intervals: Wilson 1927 over the predicted events for one label and for "micro"; the delta method on the
    confusion counts for "macro" and "weighted" (see `delta`; Takahashi et al. 2022 give it for the F family).

    Degenerate input: None for a label that was never predicted; averages leave such labels out, as
    scikit-learn does with ``zero_division=nan``.

    Raises ValueError for "binary" without ``positive``.

    >>> rows = [("late", "late", 6), ("late", "ok", 2), ("ok", "late", 3), ("ok", "ok", 9)]
    >>> table = Confusion.from_counts(rows)
    >>> round(precision(table, positive="late").value, 4), round(precision(table, average="macro").value, 4)
    (0.6667, 0.7424)
    """
    return averaged(PRECISION, confusion, average=average, positive=positive, confidence=confidence)


def precision_by_class(confusion: Confusion, *, confidence: float = CONFIDENCE) -> dict[str, Estimate]:
    """Give precision of every label, each against the rest, in the matrix's order.

    >>> found = precision_by_class(Confusion.from_counts([("a", "a", 3), ("a", "b", 1)]))
    >>> {label: round(estimate.value, 4) for label, estimate in found.items()}
    {'a': 1.0, 'b': 0.0}
    """
    return by_class(PRECISION, confusion, confidence=confidence)
