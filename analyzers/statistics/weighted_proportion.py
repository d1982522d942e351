"""A proportion of events that may have different weights."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mlmon.analyzers.statistics.estimate import CONFIDENCE, NEGLIGIBLE, Estimate
from mlmon.analyzers.statistics.wilson import wilson

Vector = npt.NDArray[np.float64]


def weighted_proportion(
    hits: Vector,
    others: Vector,
    hit_squares: Vector,
    other_squares: Vector,
    *,
    confidence: float = CONFIDENCE,
) -> Estimate:
    """Give the share of the hits among hits and others, with Wilson's interval.

    ``hits`` and ``others`` are net counts, sums of weights, of any shape; the squares are their sums of
    squared weights, the counts themselves when every weight is 1.

    Sampling often keeps the interesting events, so a weight tells something of the outcome. The effective
    size is then not Kish's but the size at which a plain sample would be as exact: m = p (1 - p) / v with
    v = (h (1 - p)^2 + o p^2) / n^2, h and o being the sums of the squares. With equal weights m is the number
    of events; at p of 0 or 1 it is Kish's size of what was seen.

    Source: E. Korn & B. Graubard, "Confidence intervals for proportions with small expected number of
    positive counts estimated from survey data", Survey Methodology 1998.

    Degenerate input: no events give an undefined estimate.

    >>> hits, others = np.array([80.0]), np.array([20.0])
    >>> e = weighted_proportion(hits, others, 10.0 * hits, others)
    >>> round(e.value, 3), round(e.low, 3), round(e.high, 3)
    (0.8, 0.643, 0.899)
    """
    return proportion_of_sums(
        float(hits.sum()),
        float(others.sum()),
        float(hit_squares.sum()),
        float(other_squares.sum()),
        confidence=confidence,
    )


def proportion_of_sums(hit: float, other: float, h: float, o: float, *, confidence: float) -> Estimate:
    """Give `weighted_proportion` from the sums of the hits, the others, and the squares of both.

    >>> proportion_of_sums(3.0, 1.0, 3.0, 1.0, confidence=0.95).value
    0.75
    """
    n = hit + other
    p = hit / n if n > NEGLIGIBLE else 0.0
    spread = h * (1.0 - p) ** 2 + o * p**2
    if NEGLIGIBLE < p < 1.0 - NEGLIGIBLE and spread > 0.0:
        m = p * (1.0 - p) * n * n / spread
    else:
        m = n * n / (h + o) if h + o > NEGLIGIBLE else 0.0
    return wilson(hit, n, n_effective=m, confidence=confidence)
