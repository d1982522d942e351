"""The two-sample chi-squared test of homogeneity."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy.typing as npt

from mlmon.analyzers.statistics.distributions import chi_squared_tail
from mlmon.analyzers.statistics.estimate import NEGLIGIBLE
from mlmon.analyzers.statistics.proportions import Vector, net_pair


@dataclass(frozen=True, slots=True, kw_only=True)
class ChiSquared:
    """The statistic, its p-value and degrees of freedom, and Cramer's V in [0, 1], the effect's size."""

    statistic: float
    p_value: float
    degrees_of_freedom: int
    cramers_v: float


def chi_squared(
    reference: npt.ArrayLike,
    current: npt.ArrayLike,
    *,
    n_reference: float | None = None,
    n_current: float | None = None,
) -> ChiSquared | None:
    """Test whether two category (or bin) counts come from one distribution.

    Over both rows and all categories that occur: sum (observed - expected)^2 / expected, with as many degrees
    of freedom as categories less one, without continuity correction. Cramer's V is sqrt(statistic / n), as
    the table has two rows. Expected counts under 5 make the p-value rough: merge rare categories first
    (`align_categories`). ``n_reference`` and ``n_current`` are the effective sizes of weighted events (see
    `kish`): the counts are scaled to them (Rao & Scott 1981, first order).

    Source: K. Pearson, Philosophical Magazine 1900; H. Cramer, "Mathematical Methods of Statistics", 1946.

    Degenerate input: None when either side is empty, or only one category occurs.

    >>> found = chi_squared([50, 50], [30, 70])
    >>> round(found.statistic, 3), found.degrees_of_freedom
    (8.333, 1)
    >>> round(found.p_value, 4), round(found.cramers_v, 3)
    (0.0039, 0.204)
    """
    old, new = net_pair(reference, current)
    old, new = _scaled(old, n_reference), _scaled(new, n_current)
    columns = old + new
    n_old, n_new, seen = float(old.sum()), float(new.sum()), columns > NEGLIGIBLE
    if not min(n_old, n_new) > NEGLIGIBLE or seen.sum() <= 1:
        return None
    expected_old = columns[seen] * n_old / (n_old + n_new)
    expected_new = columns[seen] * n_new / (n_old + n_new)
    squares = (old[seen] - expected_old) ** 2 * (1.0 / expected_old + 1.0 / expected_new)
    statistic, degrees = float(squares.sum()), int(seen.sum()) - 1
    return ChiSquared(
        statistic=statistic,
        p_value=chi_squared_tail(statistic, degrees),
        degrees_of_freedom=degrees,
        cramers_v=min(math.sqrt(statistic / (n_old + n_new)), 1.0),
    )


def _scaled(counts: Vector, n_effective: float | None) -> Vector:
    total = float(counts.sum())
    return counts if n_effective is None or not total > NEGLIGIBLE else counts * (n_effective / total)
