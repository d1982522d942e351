"""F1: the harmonic mean of precision and recall."""

from __future__ import annotations

from mlmon.analyzers.statistics.class_ratios import F1, Average, averaged, by_class
from mlmon.analyzers.statistics.confusion import Confusion
from mlmon.analyzers.statistics.estimate import CONFIDENCE, Estimate


def f1(
    confusion: Confusion,
    *,
    average: Average = "binary",
    positive: str | None = None,
    confidence: float = CONFIDENCE,
) -> Estimate:
    """Give F1, 2 tp / (2 tp + fp + fn), of the positive label or averaged over labels.

    Intervals: for one label F1 = 2 J / (1 + J) with J = tp / (tp + fp + fn), a proportion, so Wilson's
    interval of J is carried over; it agrees with the delta method in large samples and holds its rate in
    small ones. "micro" is accuracy with Wilson's interval. "macro" and "weighted" use the delta method on the
    confusion counts.

    Source: C. J. van Rijsbergen, "Information Retrieval", 1979; K. Takahashi et al., "Confidence interval for
    micro-averaged F1 and macro-averaged F1 scores", Applied Intelligence 2022.

    Degenerate input: None for a label that neither occurred nor was predicted; averages leave such labels
    out, as scikit-learn does with ``zero_division=nan``.

    Raises ValueError for "binary" without ``positive``.

    >>> rows = [("late", "late", 6), ("late", "ok", 2), ("ok", "late", 3), ("ok", "ok", 9)]
    >>> table = Confusion.from_counts(rows)
    >>> round(f1(table, positive="late").value, 4), round(f1(table, average="macro").value, 4)
    (0.7059, 0.7442)
    """
    return averaged(F1, confusion, average=average, positive=positive, confidence=confidence)


def f1_by_class(confusion: Confusion, *, confidence: float = CONFIDENCE) -> dict[str, Estimate]:
    """Give f1 of every label, each against the rest, in the matrix's order.

    >>> found = f1_by_class(Confusion.from_counts([("a", "a", 3), ("a", "b", 1)]))
    >>> {label: round(estimate.value, 4) for label, estimate in found.items()}
    {'a': 0.8571, 'b': 0.0}
    """
    return by_class(F1, confusion, confidence=confidence)
