"""Brier score: the mean squared error of probabilities."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from mlmon.analyzers.statistics.estimate import CONFIDENCE, Estimate
from mlmon.analyzers.statistics.mean import mean


def event_brier(probability: float, *, occurred: bool) -> float:
    """Give (probability - outcome)^2 of one binary event, in [0, 1].

    >>> round(event_brier(0.9, occurred=True), 4)
    0.01
    """
    return (probability - float(occurred)) ** 2


def event_brier_multiclass(probabilities: Iterable[float], occurred: int) -> float:
    """Give the sum over labels of (probability - outcome)^2 (Brier's own form), in [0, 2].

    ``occurred`` is the place of the label that occurred. For two labels it is twice `event_brier`.

    >>> round(event_brier_multiclass([0.9, 0.1], 0), 4)
    0.02
    """
    return sum((p - float(k == occurred)) ** 2 for k, p in enumerate(probabilities))


def brier(
    n: float,
    total: float,
    squares: float,
    *,
    n_effective: float | None = None,
    highest: float = 1.0,
    confidence: float = CONFIDENCE,
) -> Estimate:
    """Give the mean of the events' Brier scores, from count, sum and sum of squares, with a t interval.

    The interval is cut to [0, ``highest``]: 1 for two labels, 2 for Brier's own sum over labels.

    Source: G. W. Brier, "Verification of forecasts expressed in terms of probability", Monthly Weather Review
    1950.

    Degenerate input: as `mean`.

    >>> round(brier(2, 0.01 + 0.25, 0.01**2 + 0.25**2).value, 4)
    0.13
    """
    estimate = mean(n, total, squares, n_effective=n_effective, confidence=confidence)
    if estimate.low is None or estimate.high is None:
        return estimate
    return replace(estimate, low=max(estimate.low, 0.0), high=min(estimate.high, highest))
