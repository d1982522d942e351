"""Cohen's kappa."""

from __future__ import annotations

import numpy as np

from mlmon.analyzers.statistics.confusion import Confusion, Table
from mlmon.analyzers.statistics.delta import delta_estimate
from mlmon.analyzers.statistics.estimate import CONFIDENCE, NEGLIGIBLE, Estimate
from mlmon.analyzers.statistics.scales import fisher_interval


def kappa(confusion: Confusion, *, confidence: float = CONFIDENCE) -> Estimate:
    """Give the agreement of actual and predicted labels beyond chance, in [-1, 1].

    With o the share on the diagonal and e = sum of (actual share * predicted share) over labels: (o - e) / (1
    - e).

    Source: J. Cohen, Educational and Psychological Measurement 1960; the interval is the delta method's on
    the confusion counts (Fleiss, Cohen & Everitt 1969), built on Fisher's scale.

    Degenerate input: None when all events have one label, the same actual and predicted.

    >>> table = Confusion.from_counts([("a", "a", 20), ("a", "b", 5), ("b", "a", 10), ("b", "b", 15)])
    >>> round(kappa(table).value, 4)
    0.4
    """
    table = confusion.present()
    return delta_estimate(
        _value_and_gradient, table.cells, table.cell_squares, interval=fisher_interval, confidence=confidence
    )


def _value_and_gradient(cells: Table) -> tuple[float, Table] | None:
    actual, predicted, total = cells.sum(axis=1), cells.sum(axis=0), float(cells.sum())
    observed = float(np.trace(cells)) / total
    expected = float(actual @ predicted) / (total * total)
    room = 1.0 - expected
    if not room > NEGLIGIBLE:
        return None
    by_observed = (np.eye(len(cells)) - observed) / total
    by_expected = (predicted[:, None] + actual[None, :]) / (total * total) - 2.0 * expected / total
    gradient = (by_observed * room - by_expected * (1.0 - observed)) / (room * room)
    return (observed - expected) / room, gradient
