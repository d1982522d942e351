"""Balanced accuracy: the mean of the recalls."""

from __future__ import annotations

from mlmon.analyzers.statistics.class_ratios import RECALL, averaged
from mlmon.analyzers.statistics.confusion import Confusion
from mlmon.analyzers.statistics.estimate import CONFIDENCE, Estimate


def balanced_accuracy(confusion: Confusion, *, confidence: float = CONFIDENCE) -> Estimate:
    """Give the mean recall over the labels that occurred (macro recall), with a delta-method interval.

    Source: K. H. Brodersen et al., "The balanced accuracy and its posterior distribution", ICPR 2010.

    Degenerate input: no events give an undefined estimate; labels that never occurred are left out.

    >>> table = Confusion.from_counts([("a", "a", 3), ("a", "b", 1), ("b", "b", 1), ("b", "a", 1)])
    >>> balanced_accuracy(table).value
    0.625
    """
    return averaged(RECALL, confusion, average="macro", positive=None, confidence=confidence)
