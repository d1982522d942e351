"""Bias: the mean error."""

from __future__ import annotations

from mlmon.analyzers.statistics.estimate import CONFIDENCE, Estimate
from mlmon.analyzers.statistics.mean import mean


def bias(
    n: float,
    total: float,
    squared: float,
    *,
    n_effective: float | None = None,
    confidence: float = CONFIDENCE,
) -> Estimate:
    """Give mean e with Student's t interval, from n, sum e and sum e^2, in the target's unit.

    e is predicted minus actual, so a positive bias means predictions too high. An interval that leaves out
    zero says that the bias is more than chance.

    Degenerate input: as `mean`.

    >>> bias(4, -2.0, 10.0).value
    -0.5
    """
    return mean(n, total, squared, n_effective=n_effective, confidence=confidence)
