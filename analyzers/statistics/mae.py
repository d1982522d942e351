"""Mean absolute error."""

from __future__ import annotations

from dataclasses import replace

from mlmon.analyzers.statistics.estimate import CONFIDENCE, Estimate
from mlmon.analyzers.statistics.mean import mean


def mae(
    n: float,
    absolute: float,
    squared: float,
    *,
    n_effective: float | None = None,
    confidence: float = CONFIDENCE,
) -> Estimate:
    """Give mean |e| with Student's t interval cut at zero, from n, sum |e| and sum e^2, in the target's unit.

    e is predicted minus actual. Source of the interval: see `mean`.

    Degenerate input: as `mean`.

    >>> mae(4, 6.0, 10.0).value
    1.5
    """
    estimate = mean(n, absolute, squared, n_effective=n_effective, confidence=confidence)
    return estimate if estimate.low is None else replace(estimate, low=max(estimate.low, 0.0))
