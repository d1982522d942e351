"""Quantiles and their intervals, without sorting a row."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from mlmon.analyzers.statistics.distributions import binomial_quantile
from mlmon.analyzers.statistics.estimate import CONFIDENCE, Estimate, undefined, without_interval
from mlmon.analyzers.statistics.proportions import net_counts

SMALLEST_N = 30
STEPS = 11
RATIO = 3
"""The grid's sample sizes: 30, 90, 270 ... 1,771,470; each makes the interval sqrt 3 times narrower."""

REACH = 2.0
"""A little more than the critical value of 95 %, to hold the rounding of ranks."""


def grid(p: float) -> tuple[float, ...]:
    """Give the probabilities to ask a store for, so that `quantile_interval` can be read off.

    They are 0, 1, p, and on both sides of p those 2 sqrt(p (1 - p) / n) away for sample sizes n of 30, 90,
    270 and so on up to 1.8 million, so the interval that is read off is at most about sqrt 3 times as wide as
    the exact one. At most 25 numbers, rising; 0 and 1 are the minimum and the maximum. Raises ValueError when
    p is not between 0 and 1.

    >>> [round(g, 3) for g in grid(0.5)[:5]], 0.5 in grid(0.5), len(grid(0.99)) <= 25
    ([0.0, 0.317, 0.395, 0.439, 0.465], True, True)
    """
    _check(p)
    sides = [REACH * math.sqrt(p * (1.0 - p) / (SMALLEST_N * RATIO**step)) for step in range(STEPS)]
    inside = {round(g, 9) for side in sides for g in (p - side, p + side) if 0.0 < g < 1.0}
    return tuple(sorted({0.0, p, 1.0} | inside))


def quantile_interval(
    p: float, n: float, values: Mapping[float, float | None], *, confidence: float = CONFIDENCE
) -> Estimate:
    """Give the quantile p of n events with its order-statistic interval, rounded outward.

    ``values`` holds the quantile at each probability of `grid` (p itself must be there). The exact interval
    is [X_(l), X_(u)], l the largest rank with P(Binomial(n, p) < l) <= a / 2 and u the smallest with
    P(Binomial(n, p) >= u) <= a / 2, a = 1 - confidence. It assumes nothing of the distribution. Each end
    moves outward to the next probability that is known to lie beyond its rank, so coverage is at least
    ``confidence``. For weighted events pass the effective sample size as n.

    Source: H. David & H. Nagaraja, "Order Statistics", 2003, section 7.1.

    Degenerate input: no events or no value at p gives an undefined estimate. Where so few events have no
    order statistic far enough out (under 6 for the median), that end is None. Raises ValueError for p outside
    (0, 1).

    >>> ask = grid(0.5)
    >>> e = quantile_interval(0.5, 1001, {g: 1000.0 * g for g in ask})
    >>> round(e.value), round(e.low), round(e.high)
    (500, 465, 535)
    """
    _check(p)
    value = values.get(p)
    if not n > 0.0 or value is None or not math.isfinite(value):
        return undefined(max(n, 0.0))
    size = int(n)
    if size < 2:  # noqa: PLR2004  # an interval needs two order statistics
        return without_interval(value, n)
    tail = (1.0 - confidence) / 2.0
    lower, upper = binomial_quantile(tail, size, p), binomial_quantile(1.0 - tail, size, p) + 1
    points = sorted([g for g, v in values.items() if v is not None and math.isfinite(v)])
    # Rank r is the quantile at (r - 1) / (n - 1), whether quantiles are interpolated or of the nearest rank.
    below = bisect_right(points, (lower - 1) / (size - 1)) - 1 if lower >= 1 else -1
    above = bisect_left(points, (upper - 1) / (size - 1)) if upper <= size else len(points)
    return Estimate(
        value=value,
        low=_outer(min, values, points, below, value),
        high=_outer(max, values, points, above, value),
        n=n,
    )


def _outer(
    choose: Callable[[float, float], float],
    values: Mapping[float, float | None],
    points: list[float],
    at: int,
    value: float,
) -> float | None:
    """The value at a known probability, or the quantile where that lies beyond; None without a place."""
    found = values[points[at]] if 0 <= at < len(points) else None
    return None if found is None else choose(found, value)


def quantile_from_histogram(
    p: float,
    counts: npt.ArrayLike,
    edges: npt.ArrayLike,
    *,
    low: float | None = None,
    high: float | None = None,
) -> float | None:
    """Give the quantile p from K + 1 counts over K edges, values being spread evenly inside a bin.

    The error is at most the width of the bin it falls into. ``low`` and ``high`` are the smallest and largest
    value; they bound the open outer bins.

    Degenerate input: None without events, and when the quantile falls into an open bin whose far end is not
    known. Raises ValueError for p outside (0, 1) and for counts that are not one more than the edges.

    >>> quantile_from_histogram(0.5, [0, 10, 30, 0], [0.0, 1.0, 2.0])
    1.3333333333333333
    """
    _check(p)
    array, cuts = net_counts(counts), np.asarray(edges, dtype=np.float64)
    if array.size != cuts.size + 1:
        message = f"there are {array.size} counts for {cuts.size} edges; {cuts.size + 1} are needed"
        raise ValueError(message)
    if not array.any():
        return None
    rises = array.cumsum()
    target = p * float(rises[-1])
    place = int(np.searchsorted(rises, target))
    left = low if place == 0 else float(cuts[place - 1])
    right = high if place == cuts.size else float(cuts[place])
    if left is None or right is None:
        return None
    inside = (target - float(rises[place] - array[place])) / float(array[place])
    return left + (right - left) * min(max(inside, 0.0), 1.0)


def _check(p: float) -> None:
    if not 0.0 < p < 1.0:
        message = f"the quantile is {p}; it must lie between 0 and 1, for example 0.95"
        raise ValueError(message)
