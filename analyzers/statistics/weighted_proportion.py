"""A proportion read off a confusion matrix whose events may have different weights."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mlmon.analyzers.statistics.confusion import Confusion
from mlmon.analyzers.statistics.estimate import CONFIDENCE, NEGLIGIBLE, Estimate
from mlmon.analyzers.statistics.wilson import wilson

Mask = npt.NDArray[np.bool_]


def weighted_proportion(
    confusion: Confusion, hits: Mask, among: Mask, *, confidence: float = CONFIDENCE
) -> Estimate:
    """Give the share of the cells ``hits`` among the cells ``among`` (both K x K), with Wilson's interval.

    Sampling often keeps the interesting events, so a weight tells something of the outcome. The effective
    size is then not Kish's but the size at which a plain sample would be as exact: m = p (1 - p) / v with
    v = (h (1 - p)^2 + o p^2) / n^2, h and o being the squares (see `Confusion`) of the hits and of the
    others. With equal weights m is the number of events; at p of 0 or 1 it is Kish's size of what was seen.

    Source: E. Korn & B. Graubard, "Confidence intervals for proportions with small expected number of
    positive counts estimated from survey data", Survey Methodology 1998.

    Degenerate input: no events among the cells give an undefined estimate.

    >>> table = Confusion.from_groups([("a", "a", 10.0, 8), ("a", "b", 1.0, 20)])
    >>> weighted_proportion(table, np.eye(2, dtype=bool), np.ones((2, 2), dtype=bool)).value
    0.8
    """
    hits = hits & among
    n, hit = float(confusion.cells[among].sum()), float(confusion.cells[hits].sum())
    p = hit / n if n > NEGLIGIBLE else 0.0
    squares = confusion.cell_squares
    of_hits, of_others = float(squares[hits].sum()), float(squares[among & ~hits].sum())
    spread = of_hits * (1.0 - p) ** 2 + of_others * p**2
    if NEGLIGIBLE < p < 1.0 - NEGLIGIBLE and spread > 0.0:
        m = p * (1.0 - p) * n * n / spread
    else:
        m = confusion.n_effective(among)
    return wilson(hit, n, n_effective=m, confidence=confidence)
