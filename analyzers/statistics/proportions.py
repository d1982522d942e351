"""Counts turned into shares, the common ground of the drift statistics."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mlmon.analyzers.statistics.estimate import NEGLIGIBLE

Vector = npt.NDArray[np.float64]


def net_counts(counts: npt.ArrayLike) -> Vector:
    """Give counts as a flat float array; what is negative, negligible or not finite counts as zero.

    >>> net_counts([1, -2, float("nan"), 1e-12]).tolist()
    [1.0, 0.0, 0.0, 0.0]
    """
    array = np.asarray(counts, dtype=np.float64).ravel()
    return np.where(np.isfinite(array) & (array > NEGLIGIBLE), array, 0.0)


def net_pair(reference: npt.ArrayLike, current: npt.ArrayLike) -> tuple[Vector, Vector]:
    """Give both as net counts; raises ValueError when they are not over the same bins.

    >>> [side.tolist() for side in net_pair([1, 2], [3, 4])]
    [[1.0, 2.0], [3.0, 4.0]]
    """
    left, right = net_counts(reference), net_counts(current)
    if left.shape != right.shape:
        message = (
            f"reference has {left.size} counts and current {right.size}; both must be over the same bins"
        )
        raise ValueError(message)
    return left, right


def share_pair(reference: npt.ArrayLike, current: npt.ArrayLike) -> tuple[Vector, Vector] | None:
    """Give both as shares that sum to 1, or None when either side is empty.

    >>> [side.tolist() for side in share_pair([1, 1], [1, 3])]
    [[0.5, 0.5], [0.25, 0.75]]
    >>> share_pair([0, 0], [1, 3]) is None
    True
    """
    left, right = net_pair(reference, current)
    if not left.any() or not right.any():
        return None
    return left / left.sum(), right / right.sum()
