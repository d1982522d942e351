"""Intervals built on a scale where the normal approximation holds better, then carried back.

An interval that is symmetric on the logit or Fisher scale never leaves the range of its statistic, and is
wide on the side where there is room to be wrong.
"""

from __future__ import annotations

import math
from collections.abc import Callable

Interval = Callable[[float, float, float], tuple[float, float]]
"""(value, standard error, critical value) -> (low, high)."""


def plain_interval(value: float, standard_error: float, critical: float) -> tuple[float, float]:
    """Give value -+ critical * standard error (Wald).

    >>> plain_interval(10.0, 1.0, 2.0)
    (8.0, 12.0)
    """
    return value - critical * standard_error, value + critical * standard_error


def logit_interval(value: float, standard_error: float, critical: float) -> tuple[float, float]:
    """Give the interval of a statistic in [0, 1], built on log(v / (1 - v)), whose slope is 1 / (v (1 - v)).

    A value of exactly 0 or 1 has no finite logit; the interval is then the value itself.

    >>> [round(end, 3) for end in logit_interval(0.9, 0.05, 1.96)]
    [0.752, 0.964]
    """
    if not 0.0 < value < 1.0:
        return value, value
    centre = math.log(value / (1.0 - value))
    half = critical * standard_error / (value * (1.0 - value))
    return _logistic(centre - half), _logistic(centre + half)


def fisher_interval(value: float, standard_error: float, critical: float) -> tuple[float, float]:
    """Give the interval of a statistic in [-1, 1], built on Fisher's atanh(v), whose slope is 1 / (1 - v^2).

    Source: R. A. Fisher, Metron 1921. A value of exactly -1 or 1 has no finite transform; the interval is
    then the value itself.

    >>> [round(end, 3) for end in fisher_interval(0.9, 0.05, 1.96)]
    [0.743, 0.963]
    """
    if not -1.0 < value < 1.0:
        return value, value
    centre = math.atanh(value)
    half = critical * standard_error / (1.0 - value * value)
    return math.tanh(centre - half), math.tanh(centre + half)


def _logistic(x: float) -> float:
    return 0.5 * (1.0 + math.tanh(0.5 * x))
