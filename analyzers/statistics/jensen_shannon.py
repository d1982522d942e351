"""Jensen-Shannon distance."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from mlmon.analyzers.statistics.proportions import Vector, share_pair


def jensen_shannon(reference: npt.ArrayLike, current: npt.ArrayLike) -> float | None:
    """Give the Jensen-Shannon *distance* in base 2, in [0, 1], from counts over the same bins or categories.

    With m = (r + c) / 2 and KL(p, m) = sum p log2(p / m), it is sqrt((KL(r, m) + KL(c, m)) / 2): the square
    root of the divergence, a metric, 0 for equal shares and 1 for shares that never meet. Empty bins need no
    smoothing.

    Source: J. Lin, IEEE Transactions on Information Theory 1991; D. Endres & J. Schindelin, the same, 2003.

    Degenerate input: None when either side is empty.

    >>> jensen_shannon([1, 0], [0, 1])
    1.0
    >>> round(jensen_shannon([50, 50], [25, 75]), 4)
    0.2209
    """
    shares = share_pair(reference, current)
    if shares is None:
        return None
    r, c = shares
    middle = (r + c) / 2.0
    divergence = (_relative_entropy(r, middle) + _relative_entropy(c, middle)) / 2.0
    return math.sqrt(min(max(divergence, 0.0), 1.0))


def _relative_entropy(p: Vector, m: Vector) -> float:
    here = p > 0.0
    return float((p[here] * np.log2(p[here] / m[here])).sum())
