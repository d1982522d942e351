"""The difference of two proportions, for example of missing-value rates."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mlmon.analyzers.statistics.distributions import normal_tail
from mlmon.analyzers.statistics.estimate import CONFIDENCE, Estimate, undefined, without_interval
from mlmon.analyzers.statistics.wilson import wilson


@dataclass(frozen=True, slots=True, kw_only=True)
class ProportionDifference:
    """Current minus reference proportion, and the chance of a difference this large when there is none."""

    difference: Estimate
    p_value: float | None


def proportion_difference(
    reference_successes: float,
    reference_n: float,
    current_successes: float,
    current_n: float,
    *,
    confidence: float = CONFIDENCE,
) -> ProportionDifference:
    """Compare two proportions, r / reference_n and c / current_n.

    The interval of d = c - r is Newcombe's method 10 (Statistics in Medicine 1998), from Wilson's limits::

        d - sqrt((c - c_low)^2 + (r_high - r)^2)  ..  d + sqrt((c_high - c)^2 + (r - r_low)^2)

    The p-value is the two-sided z test with pooled variance (Pearson's chi-squared of the 2 x 2 table,
    without continuity correction). For weighted events pass counts scaled to the effective sample size (see
    `kish`).

    Degenerate input: undefined when either side is empty; equal proportions of 0 or 1 have p-value 1.

    >>> found = proportion_difference(48, 80, 56, 70)
    >>> round(found.difference.value, 4), round(found.difference.low, 4), round(found.difference.high, 4)
    (0.2, 0.0524, 0.3339)
    >>> round(found.p_value, 4)
    0.008
    """
    r = wilson(reference_successes, reference_n, confidence=confidence)
    c = wilson(current_successes, current_n, confidence=confidence)
    if r.value is None or c.value is None:
        return ProportionDifference(difference=undefined(), p_value=None)
    difference = _newcombe(r, c)
    pooled = (r.value * r.n + c.value * c.n) / (r.n + c.n)
    error = math.sqrt(max(pooled * (1.0 - pooled), 0.0) * (1.0 / r.n + 1.0 / c.n))
    p_value = normal_tail((c.value - r.value) / error) if error > 0.0 else 1.0
    return ProportionDifference(difference=difference, p_value=p_value)


def _newcombe(r: Estimate, c: Estimate) -> Estimate:
    if r.value is None or c.value is None:
        return undefined()
    n, d = r.n + c.n, c.value - r.value
    if r.low is None or r.high is None or c.low is None or c.high is None:
        return without_interval(d, n)
    low = d - math.hypot(c.value - c.low, r.high - r.value)
    high = d + math.hypot(c.high - c.value, r.value - r.low)
    return Estimate(value=d, low=low, high=high, n=n)
