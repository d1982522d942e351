"""The two-sample Kolmogorov-Smirnov test."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mlmon.analyzers.statistics.distributions import kolmogorov_tail, smirnov_p_value
from mlmon.analyzers.statistics.proportions import Vector, net_pair, share_pair


@dataclass(frozen=True, slots=True, kw_only=True)
class KolmogorovSmirnov:
    """The largest gap of two distribution functions, and the chance of one this large without a change."""

    statistic: float
    p_value: float | None


def kolmogorov_smirnov(
    reference: npt.ArrayLike,
    current: npt.ArrayLike,
    *,
    n_reference: float | None = None,
    n_current: float | None = None,
) -> KolmogorovSmirnov | None:
    """Give max over edges of |R(x) - C(x)| and its two-sided asymptotic p-value.

    ``reference`` and ``current`` are counts over the same bins, in rising order. With m = n_r n_c / (n_r +
    n_c) the p-value is P(K >= D (sqrt m + 0.12 + 0.11 / sqrt m)), K being Kolmogorov's limit with Stephens'
    correction for small samples. ``n_reference`` and ``n_current`` are effective sizes of weighted events
    (see `kish`).

    Ties and bins: the gap is looked for at the edges only, so the statistic is at most that of the raw values
    and falls short by `ks_binning_error` at most: under 1e-3 with 1,024 reference quantiles as edges. With
    ties or few bins the p-value is too large, never too small.

    Source: N. Smirnov, 1948; M. Stephens, JRSS B 1970.

    Degenerate input: None when either side is empty; one bin for everything gives statistic 0 and p-value 1.
    With no effective sample the p-value is None.

    >>> found = kolmogorov_smirnov([50, 50], [30, 70])
    >>> round(found.statistic, 3), round(found.p_value, 3)
    (0.2, 0.031)
    """
    old, new = net_pair(reference, current)
    shares = share_pair(old, new)
    if shares is None:
        return None
    gap = np.abs((shares[0] - shares[1]).cumsum()[:-1])
    statistic = min(float(gap.max(initial=0.0)), 1.0)
    left = float(old.sum()) if n_reference is None else n_reference
    right = float(new.sum()) if n_current is None else n_current
    return KolmogorovSmirnov(statistic=statistic, p_value=_p_value(statistic, left, right))


def ks_of_samples(reference: npt.ArrayLike, current: npt.ArrayLike) -> KolmogorovSmirnov | None:
    """Give the two-sided test of two samples, without bins: the statistic is exact.

    The p-value is exact for up to 10,000 values a side and asymptotic beyond, as in ``scipy.stats.ks_2samp``,
    which computes it. Values that are not finite are left out.

    Source: J. Hodges, Arkiv foer Matematik 1958.

    Degenerate input: None when either side is empty.

    >>> found = ks_of_samples([1.0, 2.0, 3.0, 4.0], [3.0, 4.0, 5.0, 6.0])
    >>> found.statistic, round(found.p_value, 4)
    (0.5, 0.7714)
    """
    old, new = _finite(reference), _finite(current)
    if not old.size or not new.size:
        return None
    statistic, p_value = smirnov_p_value(old, new)
    return KolmogorovSmirnov(statistic=statistic, p_value=p_value)


def _finite(values: npt.ArrayLike) -> Vector:
    array = np.asarray(values, dtype=np.float64).ravel()
    return array[np.isfinite(array)]


def ks_binning_error(reference: npt.ArrayLike, current: npt.ArrayLike) -> float | None:
    """Give the most by which binning can have lowered the statistic: the largest share both have in one bin.

    Between two edges each distribution function rises by at most its bin's share, so the gap can't grow by
    more than the smaller of the two. A bin of a single value has no inside, so for ties this is too careful.

    >>> ks_binning_error([1, 3], [2, 2])
    0.5
    """
    shares = share_pair(reference, current)
    return None if shares is None else float(np.minimum(*shares).max())


def _p_value(statistic: float, left: float, right: float) -> float | None:
    if not min(left, right) > 0.0:
        return None
    root = math.sqrt(left * right / (left + right))
    return min(kolmogorov_tail(statistic * (root + 0.12 + 0.11 / root)), 1.0)
