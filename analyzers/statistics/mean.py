"""The mean of a number and its interval."""

from __future__ import annotations

import math

from mlmon.analyzers.statistics.distributions import student_quantile
from mlmon.analyzers.statistics.estimate import (
    CONFIDENCE,
    NEGLIGIBLE,
    Estimate,
    critical_value,
    undefined,
    without_interval,
)

NORMAL_FROM = 1e4
"""From this sample size Student's t and the normal critical value agree to 1e-4."""


def mean(
    n: float,
    total: float,
    squares: float,
    *,
    n_effective: float | None = None,
    confidence: float = CONFIDENCE,
) -> Estimate:
    """Give the mean with Student's t interval, from count, sum and sum of squares.

    With mean = total / n, m = ``n_effective`` (``n`` if not given) and s^2 the unbiased variance (squares / n
    - mean^2) m / (m - 1), the interval is mean -+ t(m - 1) s / sqrt(m). From m = 10,000 on the normal
    critical value stands in for t.

    Source: Student, "The probable error of a mean", Biometrika 1908. Skewed values need a few hundred events
    before the interval covers at its rate (Cochran 1977, section 2.15).

    Degenerate input: no events, or sums that are not finite, give an undefined estimate; fewer than two
    effective events give the value without an interval; a constant gives an interval of no width. The
    variance is a difference of two sums, so a spread under 1e-8 of the mean can't be told from zero.

    >>> e = mean(4, 10.0, 30.0)
    >>> round(e.value, 3), round(e.low, 3), round(e.high, 3)
    (2.5, 0.446, 4.554)
    >>> mean(1, 3.0, 9.0)
    Estimate(value=3.0, low=None, high=None, n=1)
    """
    if not n > NEGLIGIBLE or not math.isfinite(total):
        return undefined()
    value = total / n
    error = standard_error(n, total, squares, n_effective=n_effective)
    if error is None:
        return without_interval(value, n)
    half = t_critical(n if n_effective is None else n_effective, confidence) * error
    return Estimate(value=value, low=value - half, high=value + half, n=n)


def standard_error(
    n: float, total: float, squares: float, *, n_effective: float | None = None
) -> float | None:
    """Give s / sqrt(m), the standard error of the mean, or None with fewer than two effective events.

    >>> round(standard_error(4, 10.0, 30.0), 4)
    0.6455
    """
    m = n if n_effective is None else n_effective
    if not n > NEGLIGIBLE or not m > 1.0 or not math.isfinite(squares):
        return None
    average = total / n
    variance = max(squares / n - average * average, 0.0)
    return math.sqrt(variance / (m - 1.0))


def t_critical(n: float, confidence: float = CONFIDENCE) -> float:
    """Give the two-sided critical value of Student's t with n - 1 degrees of freedom, for n > 1.

    >>> round(t_critical(11), 3)
    2.228
    """
    normal = critical_value(confidence)
    return normal if n >= NORMAL_FROM else student_quantile(0.5 + confidence / 2.0, n - 1.0)
