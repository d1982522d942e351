"""How two series go together in rank."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import permutations

import numpy as np
import numpy.typing as npt

from mlmon.analyzers.statistics.estimate import (
    NEGLIGIBLE,
    Estimate,
    critical_value,
    undefined,
    without_interval,
)
from mlmon.analyzers.statistics.proportions import Vector
from mlmon.analyzers.statistics.scales import fisher_interval

FEWEST = 5
EXACT = 7
"""Up to so many pairs every order is tried; of more, `DRAWN` random ones."""

DRAWN = 9_999


@dataclass(frozen=True, slots=True, kw_only=True)
class Spearman:
    """The rank correlation with its interval, and the two-sided chance of one as strong without any tie."""

    estimate: Estimate
    p_value: float | None


def spearman(left: npt.ArrayLike, right: npt.ArrayLike) -> Spearman:
    """Give Spearman's rank correlation of pairs, from -1 to 1; ties share the mean of their ranks.

    The p-value is that of a permutation test: the share of all orders of one side, up to `EXACT` pairs, or of
    `DRAWN` random ones, the same at every call, whose correlation is at least as strong. The interval is
    Fisher's with the variance (1 + r^2 / 2) / (n - 3).

    Neither knows that what is near in time is alike: of two series that both rise slowly, both are too sure.

    Source: C. Spearman, American Journal of Psychology 1904; D. Bonett & T. Wright, Psychometrika 2000;
    for the random orders B. Phipson & G. Smyth, Statistical Applications in Genetics 2010.

    Degenerate input: pairs with a value that is not finite are left out; undefined with fewer than `FEWEST`,
    or where one side is constant; no interval at exactly -1 or 1.

    >>> found = spearman([1, 2, 3, 4, 5], [1, 3, 2, 5, 4])
    >>> round(found.estimate.value, 3), round(found.p_value, 4)
    (0.8, 0.1333)
    """
    x, y = np.asarray(left, dtype=np.float64), np.asarray(right, dtype=np.float64)
    known = np.isfinite(x) & np.isfinite(y)
    n = int(known.sum())
    if n < FEWEST:
        return Spearman(estimate=undefined(float(n)), p_value=None)
    a, b = _standard(x[known]), _standard(y[known])
    if a is None or b is None:
        return Spearman(estimate=undefined(float(n)), p_value=None)
    value = min(max(float(a @ b), -1.0), 1.0)
    return Spearman(estimate=_with_interval(value, n), p_value=_chance(a, b, abs(value)))


def _with_interval(value: float, n: int) -> Estimate:
    room = 1.0 - value * value
    if room < NEGLIGIBLE:
        return without_interval(value, float(n))
    error = math.sqrt((1.0 + value * value / 2.0) / (n - 3.0))
    low, high = fisher_interval(value, room * error, critical_value())
    return Estimate(value=value, low=low, high=high, n=float(n))


def _standard(values: Vector) -> Vector | None:
    """The ranks, centred and of length 1; None where they are all one."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (count.cumsum() - (count - 1) / 2.0)[place]
    centred = ranks - ranks.mean()
    length = float(np.linalg.norm(centred))
    return centred / length if length > 0.0 else None


def _chance(a: Vector, b: Vector, value: float) -> float:
    close = value - 1e-12
    if a.size <= EXACT:
        orders = np.array(list(permutations(b.tolist())))
        return float((np.abs(orders @ a) >= close).mean())
    orders = np.random.default_rng(a.size).permuted(np.tile(b, (DRAWN, 1)), axis=1)
    return float((np.abs(orders @ a) >= close).sum() + 1) / (DRAWN + 1)
