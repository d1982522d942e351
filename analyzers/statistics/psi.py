"""Population stability index."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mlmon.analyzers.statistics.distributions import chi_squared_quantile
from mlmon.analyzers.statistics.estimate import CONFIDENCE, NEGLIGIBLE
from mlmon.analyzers.statistics.histograms import merge_groups, quantile_groups
from mlmon.analyzers.statistics.proportions import Vector, net_pair

BINS = 10
PSEUDO_COUNT = 0.5
"""Added to each bin of both sides (Jeffreys' prior): an empty bin gives a large value, not infinity."""


def psi(reference: npt.ArrayLike, current: npt.ArrayLike, *, bins: int | None = BINS) -> float | None:
    """Give the population stability index: sum over bins of (c - r) ln(c / r), at least 0, in nats.

    The counts, over the same bins, are first merged into about ``bins`` groups of equal reference share (see
    `quantile_groups`); ``bins=None`` takes them as they are, as for categories. The shares r and c are
    smoothed: (count + 1/2) / (n + groups / 2), both sides alike.

    Source: S. Kullback & R. Leibler's symmetric divergence J (1951); N. Siddiqi, "Credit Risk Scorecards",
    2006. The usual bounds, 0.1 for some and 0.25 for much change, know nothing of sample sizes: `psi_noise`
    says what chance alone gives.

    Degenerate input: None when either side is empty; one bin for everything gives 0.0.

    >>> round(psi([50, 50], [50, 50]), 6)
    0.0
    >>> round(psi([500, 500], [250, 750]), 3)
    0.274
    """
    old, new = net_pair(reference, current)
    if not old.any() or not new.any():
        return None
    if bins is not None:
        groups = quantile_groups(old, bins)
        old, new = merge_groups(old, groups), merge_groups(new, groups)
    r, c = _smoothed(old), _smoothed(new)
    return max(float(((c - r) * np.log(c / r)).sum()), 0.0)


def psi_noise(
    groups: int, n_reference: float, n_current: float, *, confidence: float = CONFIDENCE
) -> float | None:
    """Give the PSI that two samples of one distribution stay under with the given chance.

    Without a change PSI is about (1/n_reference + 1/n_current) times a chi-squared with groups - 1 degrees of
    freedom. Source: B. Yurdakul & J. Naranjo, "Statistical properties of the population stability index",
    Journal of Risk Model Validation 2020.

    Degenerate input: None when a side is empty; 0.0 for a single group.

    >>> round(psi_noise(10, 1e9, 1000), 4)
    0.0169
    """
    if not min(n_reference, n_current) > NEGLIGIBLE:
        return None
    if groups <= 1:
        return 0.0
    return (1.0 / n_reference + 1.0 / n_current) * chi_squared_quantile(confidence, groups - 1.0)


def _smoothed(counts: Vector) -> Vector:
    return (counts + PSEUDO_COUNT) / float(counts.sum() + PSEUDO_COUNT * counts.size)
