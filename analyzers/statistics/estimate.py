"""A value with its interval and its sample size."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

NEGLIGIBLE = 1e-9
"""A net count below this is rounding left over by corrections that cancel, and is read as zero."""

CONFIDENCE = 0.95
"""The confidence of every interval unless another is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """One statistic as it was measured: ``value`` with the interval ``[low, high]``, resting on ``n`` events.

    ``value`` is None when the statistic is undefined on this data (no events, or a division by zero). ``low``
    or ``high`` is None when that end can't be given. ``n`` is the sum of weights the value rests on: for a
    proportion its denominator, not the whole window.

    >>> Estimate(value=0.9, low=0.8, high=0.95, n=100.0).low
    0.8
    """

    value: float | None
    low: float | None
    high: float | None
    n: float


def undefined(n: float = 0.0) -> Estimate:
    """Give the estimate of a statistic that has no value on this data.

    >>> undefined()
    Estimate(value=None, low=None, high=None, n=0.0)
    """
    return Estimate(value=None, low=None, high=None, n=n)


def without_interval(value: float, n: float) -> Estimate:
    """Give an estimate whose interval can't be stated.

    >>> without_interval(0.5, 2.0)
    Estimate(value=0.5, low=None, high=None, n=2.0)
    """
    return Estimate(value=value, low=None, high=None, n=n)


@lru_cache(maxsize=64)
def critical_value(confidence: float = CONFIDENCE) -> float:
    """Give z, the two-sided normal critical value: P(-z < Z < z) = ``confidence``.

    Raises ValueError when ``confidence`` is not between 0 and 1.

    >>> round(critical_value(0.95), 6)
    1.959964
    """
    if not 0.0 < confidence < 1.0:
        message = f"confidence is {confidence}; it must lie between 0 and 1, for example 0.95"
        raise ValueError(message)
    return NormalDist().inv_cdf(0.5 + confidence / 2.0)
