"""Log loss: the mean surprise at what happened."""

from __future__ import annotations

import math
import sys
from dataclasses import replace

from mlmon.analyzers.statistics.estimate import CONFIDENCE, Estimate
from mlmon.analyzers.statistics.mean import mean

SMALLEST = sys.float_info.epsilon
"""Probabilities stay this far from 0 and 1, as in scikit-learn: one sure mistake costs 36, not infinity."""


def event_log_loss(probability: float) -> float:
    """Give -ln of the ``probability`` that was predicted for the label that then occurred, in nats.

    >>> round(event_log_loss(0.5), 4)
    0.6931
    """
    return -math.log(min(max(probability, SMALLEST), 1.0 - SMALLEST))


def log_loss(
    n: float,
    total: float,
    squares: float,
    *,
    n_effective: float | None = None,
    confidence: float = CONFIDENCE,
) -> Estimate:
    """Give the mean of the events' log losses in nats, from count, sum and sum of squares, with a t interval.

    Source: I. J. Good, "Rational decisions", JRSS B 1952; the interval is that of `mean`, cut at zero.

    Degenerate input: as `mean`.

    >>> round(log_loss(2, 2 * 0.6931, 2 * 0.6931**2).value, 4)
    0.6931
    """
    estimate = mean(n, total, squares, n_effective=n_effective, confidence=confidence)
    return estimate if estimate.low is None else replace(estimate, low=max(estimate.low, 0.0))
