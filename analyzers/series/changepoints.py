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
_LEAST_VARIANCE: Final = 1e-4
"""Of a series of variance 1: segments that fit without any error must not cost nothing."""
_FEW: Final = 5
"""Rows that count as if seen elsewhere, where a share is taken of few."""
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
    step = _smallest_step(series)
    found = [_cut(calm, memory, step) for memory in sorted({0.0, prepare.memory(calm), 1.0})]
    return min(found)[1]


def _cut(calm: Series, memory: float, step: float) -> tuple[float, list[int]]:
    """The shortest description of what is new in each row given the one before, and its changes.

    A normal density rewards equal rows without bound, and in counts, rates and rounded values chance makes
    some equal. So no segment is described more closely than values are rounded, to `step` (a variance of
    step^2 / 12 each), nor than a commonest value that keeps coming back: where its share is q, one more of it
    says log 1/q, as a normal of variance q^2 does.
    """
    rest = calm[1:] - memory * calm[:-1]
    spread = float(np.std(rest))
    if spread == 0:
        return -math.inf, []
    rest = rest / spread
    shortest = max(4, min(30, len(rest) // 20))
    relative = step / spread
    rounding = relative * relative / 12 * (1 + memory * memory)
    returning = max(_returning(calm), _returning(rest)) ** 2
    least = max(rounding, returning, _LEAST_VARIANCE)
    variance = _noise(rest)
    found = []
    for model in MODELS:
        changes = segments.cut(rest, model, shortest=shortest, variance=variance, least=least)
        found.append((segments.length(rest, model, changes, least=least), changes))
    described, changes = min(found)
    return described + len(rest) * math.log(spread), [change + 1 for change in changes]


def _smallest_step(values: Series) -> float:
    """The least difference of two values that is no rounding error of the machine; 0 of only two values."""
    steps = np.diff(np.unique(values))
    steps = steps[steps > 1e-9 * np.ptp(values)]
    return float(steps.min()) if len(steps) > 1 else 0.0


def _returning(values: Series) -> float:
    """The share of the commonest value in the rows after another one; of few rows, drawn to its share in all.

    It is low where the value was that of a regime, which does not come back.
    """
    places = np.round((values - values.min()) / np.ptp(values), 9)
    _, kinds, counts = np.unique(places, return_inverse=True, return_counts=True)
    if counts.max() == 1:
        return 0.0
    is_common = kinds == np.argmax(counts)
    after_another = is_common[1:][~is_common[:-1]]
    return float((after_another.sum() + _FEW * is_common.mean()) / (len(after_another) + _FEW))


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
