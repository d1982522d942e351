"""Accuracy: the share of events predicted right."""

from __future__ import annotations

import numpy as np

from mlmon.analyzers.statistics.confusion import Confusion
from mlmon.analyzers.statistics.estimate import CONFIDENCE, Estimate
from mlmon.analyzers.statistics.weighted_proportion import weighted_proportion


def accuracy(confusion: Confusion, *, confidence: float = CONFIDENCE) -> Estimate:
    """Give the share of events on the diagonal, with Wilson's interval (1927), honest for weights too.

    Degenerate input: no events give an undefined estimate.

    >>> accuracy(Confusion.from_counts([("a", "a", 3), ("a", "b", 1)])).value
    0.75
    """
    cells, squares = confusion.cells, confusion.cell_squares
    right = np.eye(len(confusion.labels), dtype=bool)
    return weighted_proportion(
        cells[right], cells[~right], squares[right], squares[~right], confidence=confidence
    )
