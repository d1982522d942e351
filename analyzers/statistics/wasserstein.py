"""Wasserstein distance (earth mover's distance) of order one."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mlmon.analyzers.statistics.proportions import Vector, share_pair


def wasserstein(
    reference: npt.ArrayLike,
    current: npt.ArrayLike,
    edges: npt.ArrayLike,
    *,
    low: float | None = None,
    high: float | None = None,
) -> float | None:
    """Give the integral of |R(x) - C(x)|, the mean distance that mass has to move, in the values' unit.

    ``reference`` and ``current`` are K + 1 counts over K ``edges``. Both distribution functions are known at
    the edges and taken as straight between them; the error is at most sum over bins of width * mean share.
    ``low`` and ``high`` are the smallest and largest value of either side; without them the open outer bins
    are taken to sit on the outer edges, so that the answer is a lower bound for mass that left the edges'
    range.

    Source: S. Vallender, Theory of Probability and Its Applications 1974.

    Degenerate input: None when either side is empty, and when there is no edge and no known range. Raises
    ValueError when the counts are not one more than the edges.

    >>> wasserstein([0, 1, 0, 0], [0, 0, 1, 0], [0.0, 1.0, 2.0])
    1.0
    """
    shares = share_pair(reference, current)
    cuts = np.asarray(edges, dtype=np.float64)
    size = np.asarray(reference).size
    if size != cuts.size + 1:
        message = f"there are {size} counts for {cuts.size} edges; {cuts.size + 1} are needed"
        raise ValueError(message)
    if shares is None or not cuts.size:
        return None
    gaps = (shares[0] - shares[1]).cumsum()[:-1]
    first = cuts[0] if low is None else min(low, cuts[0])
    last = cuts[-1] if high is None else max(high, cuts[-1])
    points = np.concatenate(([first], cuts, [last]))
    return float((np.diff(points) * _mean_gaps(np.concatenate(([0.0], gaps, [0.0])))).sum())


def normed_wasserstein(
    reference: npt.ArrayLike,
    current: npt.ArrayLike,
    edges: npt.ArrayLike,
    reference_std: float,
    *,
    low: float | None = None,
    high: float | None = None,
) -> float | None:
    """Give `wasserstein` in units of the reference's standard deviation, so that features can be compared.

    None also when ``reference_std`` is not above zero: against a constant there is no scale.

    >>> normed_wasserstein([0, 1, 0, 0], [0, 0, 1, 0], [0.0, 1.0, 2.0], 0.5)
    2.0
    """
    distance = wasserstein(reference, current, edges, low=low, high=high)
    return distance / reference_std if distance is not None and reference_std > 0.0 else None


def wasserstein_of_samples(reference: npt.ArrayLike, current: npt.ArrayLike) -> float | None:
    """Give the same distance of two samples, without bins: exact.

    Values that are not finite are left out. Degenerate input: None when either side is empty.

    >>> wasserstein_of_samples([0.0, 1.0], [1.0, 2.0])
    1.0
    """
    old, new = _sorted(reference), _sorted(current)
    if not old.size or not new.size:
        return None
    points = np.concatenate((old, new))
    points.sort(kind="stable")
    places = points[:-1]
    gaps = (
        old.searchsorted(places, side="right") / old.size - new.searchsorted(places, side="right") / new.size
    )
    return float((np.diff(points) * np.abs(gaps)).sum())


def _sorted(values: npt.ArrayLike) -> Vector:
    array = np.asarray(values, dtype=np.float64).ravel()
    return np.sort(array[np.isfinite(array)])


def _mean_gaps(gaps: Vector) -> Vector:
    """Give the mean of |gap| between neighbouring edges, the gap being straight; it may cross zero there."""
    left, right = gaps[:-1], gaps[1:]
    span = np.abs(left) + np.abs(right)
    crossing = np.divide(left**2 + right**2, 2.0 * span, out=np.zeros_like(span), where=span > 0.0)
    return np.where(left * right < 0.0, crossing, span / 2.0)
