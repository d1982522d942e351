"""Matthews correlation coefficient."""

from __future__ import annotations

import math

import numpy as np

from mlmon.analyzers.statistics.confusion import Confusion, Table
from mlmon.analyzers.statistics.delta import delta_estimate
from mlmon.analyzers.statistics.estimate import CONFIDENCE, NEGLIGIBLE, Estimate
from mlmon.analyzers.statistics.scales import fisher_interval


def mcc(confusion: Confusion, *, confidence: float = CONFIDENCE) -> Estimate:
    """Give the correlation of actual and predicted labels, in [-1, 1], for two labels or more.

    With s the total, c the diagonal's sum, a and p the actual and predicted totals of each label::

        (c s - sum a p) / sqrt((s^2 - sum p^2) (s^2 - sum a^2))

    Source: B. W. Matthews, BBA 1975; for K labels J. Gorodkin, Computational Biology and Chemistry 2004. The
    interval is the delta method's on the confusion counts, built on Fisher's scale.

    Degenerate input: None when all events have one actual or one predicted label (scikit-learn says 0.0
    there).

    >>> table = Confusion.from_counts([("a", "a", 6), ("a", "b", 1), ("b", "a", 2), ("b", "b", 3)])
    >>> round(mcc(table).value, 4)
    0.4781
    """
    table = confusion.present()
    return delta_estimate(
        _value_and_gradient, table.cells, table.cell_squares, interval=fisher_interval, confidence=confidence
    )


def _value_and_gradient(cells: Table) -> tuple[float, Table] | None:
    actual, predicted, total = cells.sum(axis=1), cells.sum(axis=0), float(cells.sum())
    hits = float(np.trace(cells))
    together = hits * total - float(actual @ predicted)
    spread_predicted = total * total - float(predicted @ predicted)
    spread_actual = total * total - float(actual @ actual)
    if not min(spread_predicted, spread_actual) > NEGLIGIBLE * total * total:
        return None
    root = math.sqrt(spread_predicted) * math.sqrt(spread_actual)
    value = together / root
    by_together = np.eye(len(cells)) * total + hits - (predicted[:, None] + actual[None, :])
    by_actual = (total - actual)[:, None] / spread_actual
    by_predicted = (total - predicted)[None, :] / spread_predicted
    return min(max(value, -1.0), 1.0), by_together / root - value * (by_actual + by_predicted)
