"""Accuracy: the share of events predicted right."""

from __future__ import annotations

import numpy as np

from mlmon.analyzers.statistics.confusion import Confusion
from mlmon.analyzers.statistics.estimate import CONFIDENCE, Estimate
from mlmon.analyzers.statistics.wilson import wilson


def accuracy(confusion: Confusion, *, confidence: float = CONFIDENCE) -> Estimate:
    """Give the share of events on the diagonal, with Wilson's interval (Wilson 1927).

    Degenerate input: no events give an undefined estimate.

    >>> accuracy(Confusion.from_counts([("a", "a", 3), ("a", "b", 1)])).value
    0.75
    """
    hits = float(np.trace(confusion.cells))
    return wilson(hits, confusion.total, n_effective=confusion.n_effective(), confidence=confidence)
