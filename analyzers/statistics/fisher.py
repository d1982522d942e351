"""Fisher's exact test of two proportions, for counts too small for the normal approximation."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from mlmon.analyzers.statistics.distributions import log_gamma
from mlmon.analyzers.statistics.proportions import Vector

SMALL = 30.0
"""Below this many expected in a cell the normal approximation claims too much far out in the tail."""


def is_small(reference: float, reference_n: float, current: float, current_n: float) -> bool:
    """Tell whether a cell of the table is expected to hold so few that the exact test is called for.

    >>> is_small(20, 1000, 7, 100), is_small(500, 1000, 50, 100)
    (True, False)
    """
    total = reference_n + current_n
    if not total > 0.0:
        return False
    rarer = min(reference + current, total - reference - current)
    return rarer * min(reference_n, current_n) / total < SMALL


def fisher_p_value(reference: float, reference_n: float, current: float, current_n: float) -> float:
    """Give twice the smaller tail of the hypergeometric distribution of ``current``, at most 1.

    Given all counts of the margins, the current successes are hypergeometric when both sides are of one
    proportion. Counts are rounded, as those of weighted events are no whole numbers.

    Source: R. A. Fisher, JRSS 1935; twice the smaller tail as in J. Cornfield, 1956.

    >>> round(fisher_p_value(20, 1000, 7, 100), 4)
    0.0161
    >>> fisher_p_value(0, 10, 0, 10)
    1.0
    """
    drawn, successes = round(current_n), round(reference) + round(current)
    total = round(reference_n) + drawn
    lowest, highest = max(0, drawn - (total - successes)), min(drawn, successes)
    k = min(max(round(current), lowest), highest)
    support = np.arange(lowest, highest + 1, dtype=np.float64)
    logs = (
        _choose(float(successes), support)
        + _choose(float(total - successes), drawn - support)
        - _choose(float(total), float(drawn))
    )
    chances = np.exp(logs)
    place = k - lowest
    tail = min(float(chances[: place + 1].sum()), float(chances[place:].sum()))
    return min(2.0 * tail, 1.0) if math.isfinite(tail) else 1.0


def _choose(n: float, k: npt.ArrayLike) -> Vector:
    chosen = np.asarray(k, dtype=np.float64)
    return log_gamma(n + 1.0) - log_gamma(chosen + 1.0) - log_gamma(n - chosen + 1.0)
