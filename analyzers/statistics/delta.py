"""The delta method: an interval for any smooth function of counts."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from mlmon.analyzers.statistics.confusion import Table
from mlmon.analyzers.statistics.estimate import (
    CONFIDENCE,
    NEGLIGIBLE,
    Estimate,
    critical_value,
    undefined,
    without_interval,
)
from mlmon.analyzers.statistics.scales import Interval

Evaluate = Callable[[Table], tuple[float, Table] | None]
"""Counts -> (value, its gradient by each count), or None where the value is undefined."""

STEP = 1e-4
"""Relative step of the numeric gradient."""


def delta_estimate(
    evaluate: Evaluate,
    counts: Table,
    squares: Table,
    *,
    interval: Interval,
    confidence: float = CONFIDENCE,
) -> Estimate:
    """Give f of a K x K confusion matrix with an interval from the delta method on multinomial counts.

    f must not change when all counts are scaled alike, as every ratio does. Then the multinomial covariance
    reduces to var f = sum over cells of squares * (df/dcount)^2, where ``squares``, of the same shape, holds
    each cell's sum of squared weights: the counts themselves when every weight is 1.

    Two refinements keep small samples honest, and vanish in large ones. The interval is built on the scale
    that ``interval`` works on. And the variance is taken at counts shrunk by z^2 / 2 events spread as chance
    would, by the matrix's own margins (after Agresti & Coull 1998, for one proportion), so that a matrix
    without a single error still has an interval; where the value itself lies at the end of its scale, the
    shrunk counts give the centre too. The interval always holds the value.

    Source: the delta method, e.g. A. Agresti, "Categorical Data Analysis", 2013, section 16.1.

    Degenerate input: no events, or f undefined, give an undefined estimate; no effective sample gives the
    value without an interval.
    """
    n, square = float(counts.sum()), float(squares.sum())
    here = evaluate(counts) if n > NEGLIGIBLE else None
    if here is None:
        return undefined(n)
    value = here[0]
    if not square > NEGLIGIBLE:
        return without_interval(value, n)
    z = critical_value(confidence)
    # Scaled so that counts and squares both sum to the effective size: a pseudo-event weighs as one event.
    unit, pseudo = n / square, _by_chance(counts, z * z / 2.0)
    there = evaluate(counts * unit + pseudo)
    if there is None:
        return without_interval(value, n)
    shrunk, gradient = there
    error = math.sqrt(float(((squares * unit * unit + pseudo) * gradient**2).sum()))
    low, high = interval(value, error, z)
    if low == high:
        low, high = interval(shrunk, error, z)
    return Estimate(value=value, low=min(low, value), high=max(high, value), n=n)


def _by_chance(counts: Table, events: float) -> Table:
    """Spread ``events`` over the cells as if actual and predicted were independent."""
    actual, predicted = counts.sum(axis=1), counts.sum(axis=0)
    return np.outer(actual, predicted) * (events / float(counts.sum()) ** 2)


def numerically(function: Callable[[Table], float | None]) -> Evaluate:
    """Give ``function`` its gradient by central differences, with a step of 1e-4 of each count.

    Counts of zero get a gradient of zero, as no event rests on them. Where the function is undefined beside a
    count, that count's gradient is zero too. Use it where the gradient is hard to write down: it costs two
    calls a cell.

    >>> value, gradient = numerically(lambda table: float(table[0] / table.sum()))(np.array([1.0, 3.0]))
    >>> value, [round(g, 6) for g in gradient.tolist()]
    (0.25, [0.1875, -0.0625])
    """

    def evaluate(counts: Table) -> tuple[float, Table] | None:
        value = function(counts)
        return None if value is None else (value, _gradient(function, counts))

    return evaluate


def _gradient(function: Callable[[Table], float | None], counts: Table) -> Table:
    gradient = np.zeros_like(counts)
    for cell in zip(*np.nonzero(counts), strict=True):
        step = STEP * float(counts[cell])
        above, below = counts.copy(), counts.copy()
        above[cell] += step
        below[cell] -= step
        up, down = function(above), function(below)
        if up is not None and down is not None:
            gradient[cell] = (up - down) / (2.0 * step)
    return gradient
