"""Root mean squared error."""

from __future__ import annotations

import math

from mlmon.analyzers.statistics.estimate import (
    CONFIDENCE,
    NEGLIGIBLE,
    Estimate,
    undefined,
    without_interval,
)
from mlmon.analyzers.statistics.mean import standard_error, t_critical
from mlmon.analyzers.statistics.scales import plain_interval


def rmse(
    n: float,
    squared: float,
    fourth: float | None = None,
    *,
    n_effective: float | None = None,
    confidence: float = CONFIDENCE,
) -> Estimate:
    """Give sqrt(mean e^2) in the target's unit, from n, sum e^2 and sum e^4 (the sum of squares of e^2).

    The interval is the delta method's: se(rmse) = se(mean e^2) / (2 rmse), with Student's t critical value,
    cut at zero (e.g. G. Casella & R. Berger, "Statistical Inference", 2002, section 5.5.4). Heavy tails of e
    need many events before it covers at its rate.

    Degenerate input: no events give an undefined estimate; without ``fourth``, or with fewer than two
    effective events, the value has no interval; a perfect model gives [0, 0].

    >>> e = rmse(100, 400.0, 4000.0)
    >>> round(e.value, 3), round(e.low, 3), round(e.high, 3)
    (2.0, 1.756, 2.244)
    """
    if not n > NEGLIGIBLE or not math.isfinite(squared):
        return undefined()
    value = math.sqrt(max(squared / n, 0.0))
    error = None if fourth is None else standard_error(n, squared, fourth, n_effective=n_effective)
    if error is None:
        return without_interval(value, n)
    slope = 1.0 / (2.0 * value) if value > 0.0 else 0.0
    critical = t_critical(n if n_effective is None else n_effective, confidence)
    low, high = plain_interval(value, error * slope, critical)
    return Estimate(value=value, low=max(low, 0.0), high=high, n=n)
