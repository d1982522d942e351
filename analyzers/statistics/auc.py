"""ROC AUC from two score histograms."""

from __future__ import annotations

import math

import numpy.typing as npt

from mlmon.analyzers.statistics.estimate import (
    CONFIDENCE,
    NEGLIGIBLE,
    Estimate,
    critical_value,
    undefined,
    without_interval,
)
from mlmon.analyzers.statistics.proportions import Vector, net_pair
from mlmon.analyzers.statistics.scales import logit_interval

BISECTIONS = 60
"""Halvings of [0, 1] that reach the last bit of a double."""


def auc(
    positives: npt.ArrayLike,
    negatives: npt.ArrayLike,
    *,
    n_effective: float | None = None,
    confidence: float = CONFIDENCE,
) -> Estimate:
    """Give the chance that a positive event scores above a negative one, ties counting half.

    ``positives`` and ``negatives`` are counts over the same bins, in rising order of score. With P and N
    their sums::

        AUC = sum over bins of positives[b] * (negatives below b + negatives[b] / 2) / (P N)

    This is exact for scores rounded to their bins. It differs from the AUC of the raw scores by at most
    `auc_binning_error`, and by far less when scores are smooth inside a bin: under 1e-3 with 1,000 even bins.

    The variance is that of DeLong, DeLong & Clarke-Pearson (Biometrics 1988), from each bin's placement
    values, and the interval is built on the logit scale (Qin & Hotilovac, Statistical Methods in Medical
    Research 2008). At an AUC of exactly 0 or 1 that variance is zero, and Newcombe's method 5 (Statistics in
    Medicine 2006) is used. ``n_effective`` is Kish's size of weighted events (see `kish`); the variance grows
    by n / ``n_effective``.

    Degenerate input: None without positives or without negatives; no interval with a single one of either, or
    when all scores share one bin, which tells nothing of their order. ``n`` is P + N.

    >>> e = auc([1, 2, 7], [6, 3, 1])
    >>> round(e.value, 3), round(e.low, 3), round(e.high, 3)
    (0.845, 0.591, 0.954)
    >>> auc([0, 5], [0, 0]).value is None
    True
    """
    above, below = net_pair(positives, negatives)
    p, n = float(above.sum()), float(below.sum())
    if not min(p, n) > NEGLIGIBLE:
        return undefined(p + n)
    inflation = 1.0 if n_effective is None else (p + n) / max(n_effective, NEGLIGIBLE)
    of_positives, of_negatives = _placements(above, below)
    value = min(max(float(above @ of_positives) / p, 0.0), 1.0)
    if min(p, n) / inflation <= 1.0 or _one_bin(above, below):
        return without_interval(value, p + n)
    z = critical_value(confidence)
    variance = inflation * (
        float(above @ (of_positives - value) ** 2) / (p * (p - inflation))
        + float(below @ (of_negatives - value) ** 2) / (n * (n - inflation))
    )
    # A perfect order may leave rounding of 1e-16 in the variance or the value.
    if variance > NEGLIGIBLE**2 and NEGLIGIBLE < value < 1.0 - NEGLIGIBLE:
        low, high = logit_interval(value, math.sqrt(variance), z)
    else:
        low, high = _newcombe(value, p / inflation, n / inflation, z)
    return Estimate(value=value, low=low, high=high, n=p + n)


def auc_binning_error(positives: npt.ArrayLike, negatives: npt.ArrayLike) -> float | None:
    """Give the most by which binning can have moved the AUC: half the share of pairs that fall into one bin.

    None without positives or without negatives.

    >>> auc_binning_error([1, 1], [1, 1])
    0.25
    """
    above, below = net_pair(positives, negatives)
    pairs = float(above.sum() * below.sum())
    return float(above @ below) / (2.0 * pairs) if pairs > NEGLIGIBLE else None


def _placements(above: Vector, below: Vector) -> tuple[Vector, Vector]:
    """Give by bin the share of negatives under a positive, and of positives over a negative."""
    under = (below.cumsum() - below / 2.0) / below.sum()
    over = 1.0 - (above.cumsum() - above / 2.0) / above.sum()
    return under, over


def _one_bin(above: Vector, below: Vector) -> bool:
    return int(((above + below) > 0.0).sum()) <= 1


def _newcombe(value: float, p: float, n: float, z: float) -> tuple[float, float]:
    """Solve |value - t| = z sqrt(var(t)) for t on both sides, var being Hanley & McNeil's (1982) at t."""

    def fits(t: float) -> bool:
        room = t * (1.0 - t)
        spread = 1.0 + ((p + n) / 2.0 - 1.0) * ((1.0 - t) / (2.0 - t) + t / (1.0 + t))
        return (value - t) ** 2 <= z * z * room * spread / (p * n)

    def end(outside: float) -> float:
        inner, outer = value, outside
        for _ in range(BISECTIONS):
            middle = (inner + outer) / 2.0
            inner, outer = (middle, outer) if middle == value or fits(middle) else (inner, middle)
        return inner

    return end(0.0), end(1.0)
