"""The interval of a proportion."""

from __future__ import annotations

import math

from mlmon.analyzers.statistics.estimate import (
    CONFIDENCE,
    NEGLIGIBLE,
    Estimate,
    critical_value,
    undefined,
    without_interval,
)


def wilson(
    successes: float, n: float, *, n_effective: float | None = None, confidence: float = CONFIDENCE
) -> Estimate:
    """Give a proportion with Wilson's score interval.

    With p = successes / n, m = ``n_effective`` (``n`` if not given) and z the critical value::

        (p + z^2 / 2m  -+  z sqrt(p (1 - p) / m + z^2 / 4m^2)) / (1 + z^2 / m)

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 1927.
    For weighted events ``n_effective`` is the effective sample size (see `kish`), as in Korn & Graubard 1998.

    Degenerate input: n of zero gives an undefined estimate; successes outside [0, n], as unfinished
    corrections can leave them, are moved to the nearer end; an effective size of zero gives the value without
    an interval.

    >>> e = wilson(90, 100)
    >>> round(e.value, 3), round(e.low, 3), round(e.high, 3)
    (0.9, 0.826, 0.945)
    >>> wilson(0, 0).value is None
    True
    """
    if not n > NEGLIGIBLE:
        return undefined()
    p = min(max(successes / n, 0.0), 1.0)
    m = n if n_effective is None else n_effective
    if not m > NEGLIGIBLE:
        return without_interval(p, n)
    z = critical_value(confidence)
    shrink = 1.0 + z * z / m
    centre = (p + z * z / (2.0 * m)) / shrink
    half = z * math.sqrt(p * (1.0 - p) / m + z * z / (4.0 * m * m)) / shrink
    # At p = 0 and p = 1 one end equals p in exact arithmetic; min and max keep rounding from crossing it.
    return Estimate(value=p, low=max(min(centre - half, p), 0.0), high=min(max(centre + half, p), 1.0), n=n)
