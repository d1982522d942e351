"""Where a series changes for good: the rows at which a new regime begins, looking at the whole series.

Season, outliers and memory are taken out; then a level, a line, each with or without a variance of its own,
are tried as what a segment is, and the shortest description wins.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np

from mlmon.analyzers.series import prepare, segments
from mlmon.analyzers.series.prepare import Series
from mlmon.analyzers.series.segments import Model

FEWEST: Final = 10
"""In fewer rows no change is told from chance."""

MODELS: Final = (
    Model(price=1.6),
    Model(own_variance=True, price=1.6),
    Model(is_line=True, price=2.0),
    Model(is_line=True, own_variance=True, price=2.0),
)
_MOST: Final = 4_000
"""Longer series are first cut as the means of this many parts at most."""


def changepoints(values: Sequence[float]) -> list[int]:
    """The 0-based rows at which a new regime begins, in order; gaps are drawn between neighbours."""
    series = np.asarray(values, dtype=np.float64)
    if np.isfinite(series).sum() < FEWEST:
        return []
    series = prepare.filled(series)
    if np.ptp(series) == 0:
        return []
    factor = math.ceil(len(series) / _MOST)
    if factor == 1:
        return _changes(series)
    parts = series[: len(series) // factor * factor].reshape(-1, factor).mean(axis=1)
    return _refined(series, [change * factor for change in _changes(parts)], 2 * factor)


def _changes(series: Series) -> list[int]:
    calm = prepare.without_outliers(prepare.without_season(prepare.without_outliers(series)))
    found = [_cut(calm, memory) for memory in sorted({0.0, prepare.memory(calm), 1.0})]
    return min(found)[1]


def _cut(calm: Series, memory: float) -> tuple[float, list[int]]:
    """The shortest description of what is new in each row given the one before, and its changes."""
    rest = calm[1:] - memory * calm[:-1]
    spread = float(np.std(rest))
    if spread == 0:
        return -math.inf, []
    rest = rest / spread
    shortest = max(4, min(30, len(rest) // 20))
    variance = _noise(rest)
    found = []
    for model in MODELS:
        changes = segments.cut(rest, model, shortest=shortest, variance=variance)
        found.append((segments.length(rest, model, changes), changes))
    described, changes = min(found)
    return described + len(rest) * math.log(spread), [change + 1 for change in changes]


def _noise(rest: Series) -> float:
    """The variance of the noise, by the median step, which changes of the level hardly touch."""
    steps = np.diff(rest)
    spread = 1.4826 * float(np.median(np.abs(steps - np.median(steps)))) / math.sqrt(2)
    return max(spread * spread, 1e-3)


def _refined(series: Series, changes: Sequence[int], reach: int) -> list[int]:
    """Each change moved to where the rows around it split best into two levels."""
    edges = [0, *changes, len(series)]
    found = []
    for (before, at), (_, after) in pairwise(pairwise(edges)):
        tried = range(max(before + 1, at - reach), min(after, at + reach + 1))
        near = slice(max(before, at - 4 * reach), min(after, at + 4 * reach))
        found.append(min(tried, key=lambda place: _two_levels(series, near, place)))
    return found


def _two_levels(series: Series, near: slice, place: int) -> float:
    left, right = series[near.start : place], series[place : near.stop]
    return (
        float(len(left) * np.var(left) + len(right) * np.var(right)) if len(left) and len(right) else math.inf
    )
