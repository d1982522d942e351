"""Edges, and the merging of counts.

K rising edges cut the line into K + 1 bins: below the first edge, from each edge up to but not including the
next, and at or above the last edge.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from mlmon.analyzers.statistics.estimate import NEGLIGIBLE
from mlmon.analyzers.statistics.proportions import Vector, net_counts

OTHER = "__other__"
"""The category that stands for all that are not named."""

FEWEST_EDGES = 3
_BITS = 60
"""Of whole numbers for edges: those of 64 bits hold them, and what is some times as large."""

_FARTHEST = 900


def uniform_edges(low: float, high: float, bins: int) -> Vector:
    """Give the ``bins`` + 1 even edges from ``low`` to ``high``, for scores of a known range.

    >>> uniform_edges(0.0, 1.0, 4).tolist()
    [0.0, 0.25, 0.5, 0.75, 1.0]
    """
    return np.linspace(low, high, bins + 1)


def quantile_edges(values: npt.ArrayLike, k: int) -> Vector:
    """Give at most ``k`` rising, finite edges with about equally many of ``values`` between them.

    The edges are values that occurred (see `even`), so a value that fills several quantiles shares its bin
    with less than one quantile's worth of others. The last edge lies just above the largest value, so that
    values beyond it fall into a bin that the reference leaves empty. With fewer than k different values every
    one gets its own bin, and a constant c gives the bins < c, = c and > c.

    Raises ValueError when ``k`` is below 3. No finite values give no edges, which is one bin for everything.

    >>> quantile_edges(range(100), 5).round(6).tolist()
    [0.0, 33.0, 66.0, 99.0, 99.0]
    >>> quantile_edges([7.0, 7.0], 10).size
    2
    """
    if k < FEWEST_EDGES:
        message = (
            f"k is {k}; at least {FEWEST_EDGES} are needed: the smallest value, the largest, and above it"
        )
        raise ValueError(message)
    array = np.asarray(values, dtype=np.float64).ravel()
    array = array[np.isfinite(array)]
    distinct = np.unique(array)
    if distinct.size >= k:
        distinct = np.quantile(array, np.linspace(0.0, 1.0, k - 1), method="inverted_cdf")
    return edges_from_quantiles(distinct)


def edges_from_quantiles(quantiles: npt.ArrayLike) -> Vector:
    """Give edges from quantiles that a store returned: finite, unique, rising, and one above the largest.

    Ask for probability 1 (the maximum) among them, or the last bin holds the reference's own tail.

    >>> edges_from_quantiles([1.0, 1.0, float("nan"), 2.0]).round(6).tolist()
    [1.0, 2.0, 2.0]
    """
    array = np.asarray(quantiles, dtype=np.float64).ravel()
    edges = np.unique(array[np.isfinite(array)])
    if not edges.size:
        return edges
    above = math.nextafter(float(edges[-1]), math.inf)
    return even(np.append(edges, above) if math.isfinite(above) else edges)


def even(edges: Vector) -> Vector:
    """Give the edges as whole numbers of one power of two: a store may count those faster.

    Edges beyond 1/128 of the largest stay as they are; smaller ones go down by less than 2^-59 of it. Where
    two would become one, all stay as they are.

    >>> even(np.array([0.1, 3.0])).tolist()
    [0.1, 3.0]
    """
    exponent = math.frexp(float(np.abs(edges).max()))[1]
    step = exponent - _BITS
    if abs(step) > _FARTHEST:
        return edges
    whole: Vector = np.ldexp(np.floor(np.ldexp(edges, -step)), step)
    return whole if bool((np.diff(whole) > 0.0).all()) else edges


def histogram(values: npt.ArrayLike, edges: npt.ArrayLike) -> Vector:
    """Count values over K edges into K + 1 bins, as a store does; values that are not finite are left out.

    >>> histogram([-1.0, 0.0, 0.5, 1.0, 9.0], [0.0, 1.0]).tolist()
    [1.0, 2.0, 2.0]
    """
    array = np.asarray(values, dtype=np.float64).ravel()
    cuts = np.asarray(edges, dtype=np.float64)
    places = np.searchsorted(cuts, array[np.isfinite(array)], side="right")
    return np.bincount(places, minlength=cuts.size + 1).astype(np.float64)


def rebin(counts: npt.ArrayLike, edges: npt.ArrayLike, coarse: npt.ArrayLike) -> Vector:
    """Merge K + 1 counts over ``edges`` into counts over ``coarse``, some of the same edges.

    Raises ValueError when a coarse edge is not one of the fine ones, or the counts are not K + 1.

    >>> rebin([1, 2, 3, 4], [0.0, 1.0, 2.0], [1.0]).tolist()
    [3.0, 7.0]
    """
    fine, wanted = np.asarray(edges, dtype=np.float64), np.asarray(coarse, dtype=np.float64)
    array = np.asarray(counts, dtype=np.float64)
    if array.size != fine.size + 1:
        message = f"there are {array.size} counts for {fine.size} edges; {fine.size + 1} are needed"
        raise ValueError(message)
    missing = wanted[~np.isin(wanted, fine)]
    if missing.size:
        message = f"the coarse edge {missing[0]} is not one of the fine edges; choose coarse edges among them"
        raise ValueError(message)
    starts = np.append(0, np.searchsorted(fine, wanted) + 1)
    return np.add.reduceat(array, starts)


def quantile_groups(reference: npt.ArrayLike, groups: int) -> npt.NDArray[np.intp]:
    """Give each bin the number of its group; at most ``groups`` groups of neighbours, of about equal shares.

    A bin goes where the middle of its share of ``reference`` lies. A bin heavier than its group's share stays
    nearly alone, and empty bins at the ends join the outer groups. Numbers rise from 0 without gaps. With an
    empty reference all bins share group 0.

    >>> quantile_groups([1, 1, 1, 1, 4], 4).tolist()
    [0, 0, 1, 1, 2]
    """
    counts = net_counts(reference)
    if not counts.any():
        return np.zeros(counts.size, dtype=np.intp)
    middles = (counts.cumsum() - counts / 2.0) / counts.sum()
    raw = np.minimum((middles * groups).astype(np.intp), groups - 1)
    return np.unique(raw, return_inverse=True)[1].reshape(-1).astype(np.intp)


def merge_groups(counts: npt.ArrayLike, groups: npt.NDArray[np.intp]) -> Vector:
    """Add up the counts of each group.

    >>> merge_groups([1, 2, 3], np.array([0, 0, 1])).tolist()
    [3.0, 3.0]
    """
    return np.bincount(groups, weights=np.asarray(counts, dtype=np.float64)).astype(np.float64)


def merge_categories(*parts: Mapping[str, float]) -> dict[str, float]:
    """Add up the counts of each category over several parts, most frequent first, then by name.

    >>> merge_categories({"UA": 2.0}, {"AA": 3.0, "UA": 2.0})
    {'UA': 4.0, 'AA': 3.0}
    """
    merged: dict[str, float] = {}
    for part in parts:
        for name, count in part.items():
            merged[name] = merged.get(name, 0.0) + count
    return dict(sorted(merged.items(), key=lambda item: (-item[1], item[0])))


def align_categories(
    reference: Mapping[str, float], current: Mapping[str, float], *, top: int | None = None
) -> tuple[tuple[str, ...], Vector, Vector]:
    """Put two category counts over the same categories: (names, reference counts, current counts).

    With ``top`` only that many categories keep their name, the most frequent of both sides by share; the
    rest, and any that are named `OTHER` already, are added up as `OTHER`, at the end, when there is anything
    to add.

    >>> names, old, new = align_categories({"a": 5, "b": 1}, {"a": 2, "c": 1}, top=1)
    >>> names, old.tolist(), new.tolist()
    (('a', '__other__'), [5.0, 1.0], [2.0, 1.0])
    """
    shares = merge_categories(_shares(reference), _shares(current))
    ranked = [name for name in shares if name != OTHER]
    named = ranked[:top]
    rest = [name for name in shares if name not in set(named)]
    names = (*named, OTHER) if rest else tuple(named)
    return names, _counts_of(reference, named, rest), _counts_of(current, named, rest)


def _shares(counts: Mapping[str, float]) -> dict[str, float]:
    total = sum(count for count in counts.values() if count > NEGLIGIBLE)
    return {name: max(count, 0.0) / total if total else 0.0 for name, count in counts.items()}


def _counts_of(counts: Mapping[str, float], named: Sequence[str], rest: Iterable[str]) -> Vector:
    others = [name for name in rest if name in counts]
    listed = [float(counts.get(name, 0.0)) for name in named]
    tail = [float(sum(counts[name] for name in others))] if rest else []
    return np.array(listed + tail, dtype=np.float64)
