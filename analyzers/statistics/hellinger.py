"""Hellinger distance."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from mlmon.analyzers.statistics.proportions import share_pair


def hellinger(reference: npt.ArrayLike, current: npt.ArrayLike) -> float | None:
    """Give sqrt(sum (sqrt r - sqrt c)^2 / 2), in [0, 1], from counts over the same bins or categories.

    Source: E. Hellinger, Journal fuer die reine und angewandte Mathematik 1909.

    Degenerate input: None when either side is empty.

    >>> hellinger([1, 0], [0, 1])
    1.0
    >>> round(hellinger([50, 50], [25, 75]), 4)
    0.1846
    """
    shares = share_pair(reference, current)
    if shares is None:
        return None
    r, c = shares
    return min(math.sqrt(float(((np.sqrt(r) - np.sqrt(c)) ** 2).sum()) / 2.0), 1.0)
