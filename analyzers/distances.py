"""How far a distribution is from the reference's: every drift statistic of one subject, from counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from msgspec import Struct

from mlmon.analyzers.reference import Categorical, Numeric
from mlmon.analyzers.statistics.chi_squared import chi_squared
from mlmon.analyzers.statistics.fisher import fisher_p_value, is_small
from mlmon.analyzers.statistics.hellinger import hellinger
from mlmon.analyzers.statistics.histograms import OTHER, merge_groups, quantile_groups
from mlmon.analyzers.statistics.jensen_shannon import jensen_shannon
from mlmon.analyzers.statistics.kolmogorov_smirnov import kolmogorov_smirnov
from mlmon.analyzers.statistics.l_infinity import l_infinity
from mlmon.analyzers.statistics.proportion_difference import proportion_difference
from mlmon.analyzers.statistics.proportions import Vector
from mlmon.analyzers.statistics.psi import BINS, psi
from mlmon.analyzers.statistics.total_variation import total_variation
from mlmon.analyzers.statistics.wasserstein import wasserstein

COARSE: Final = 20
"""Bins of a distribution as evidence, and for Jensen-Shannon: over many more, noise alone looks far."""

FEWEST: Final = 5.0
"""Categories expected fewer times than this on a side are judged as one (W. Cochran, Biometrics 1954)."""

CHANCE: Final = 0.001

NAMED: Final = 18
UNSEEN: Final = "__unseen__"
"""The category of all that the reference never saw; there is none where it knows not all that it saw."""


class Distance(Struct, frozen=True, kw_only=True):
    """How far a subject is from its reference.

    `metrics` are by name; `psi` is what decides, over `groups` bins; `p_value` is that of the
    Kolmogorov-Smirnov test (a number) or the chi-squared test (a category). `reference` and `current` are
    counts over the same `bins`: edges of a number, names of a category. `n` have a value and `without` have
    none; `missing` is their share, with the reference's and the chance of the difference.
    """

    metrics: dict[str, float | None]
    n: float
    without: float
    n_reference: float
    psi: float | None
    groups: int
    p_value: float | None
    missing: float
    missing_reference: float
    missing_p_value: float | None
    bins: list[Any]
    reference: list[float]
    current: list[float]

    @property
    def n_all(self) -> float:
        """How many there are, those without a value too."""
        return self.n + self.without


class NumericScale(Struct, frozen=True, kw_only=True):
    """A reference of a number made ready: its counts, and how its bins merge into coarser ones."""

    profile: Numeric
    counts: Vector
    edges: Vector
    tens: Any
    tens_counts: Vector
    coarse: Any
    coarse_counts: Vector
    coarse_edges: list[float]


def numeric_scale(profile: Numeric) -> NumericScale:
    """Make a reference ready to be compared with many windows."""
    counts = np.asarray(profile.counts, dtype=np.float64)
    tens, coarse = quantile_groups(counts, BINS), quantile_groups(counts, COARSE)
    borders = np.flatnonzero(np.diff(coarse))
    return NumericScale(
        profile=profile,
        counts=counts,
        edges=np.asarray(profile.edges, dtype=np.float64),
        tens=tens,
        tens_counts=merge_groups(counts, tens),
        coarse=coarse,
        coarse_counts=merge_groups(counts, coarse),
        coarse_edges=[profile.edges[border] for border in borders.tolist()],
    )


def numeric_distance(scale: NumericScale, counts: Vector, missing: float, shrink: float) -> Distance:
    """Compare weighted counts over the reference's edges; `shrink` is the effective share of their weight."""
    n, n_reference = float(counts.sum()), float(scale.counts.sum())
    coarse = merge_groups(counts, scale.coarse)
    stability = psi(scale.tens_counts, merge_groups(counts, scale.tens), bins=None)
    test = kolmogorov_smirnov(scale.counts, counts, n_current=n * shrink)
    moved, std = wasserstein(scale.counts, counts, scale.edges), scale.profile.std
    lost = _missing(scale.profile.missing, n_reference, missing, n, shrink)
    return Distance(
        metrics={
            "psi": stability,
            **shares_apart(scale.coarse_counts, coarse),
            "kolmogorov_smirnov": test.statistic if test is not None else None,
            "wasserstein": moved,
            "wasserstein_normed": moved / std if moved is not None and std else None,
            "missing_rate": lost[0],
        },
        n=n,
        without=missing,
        n_reference=n_reference,
        psi=stability,
        groups=int(scale.tens_counts.size),
        p_value=test.p_value if test is not None else None,
        missing=lost[0],
        missing_reference=lost[1],
        missing_p_value=lost[2],
        bins=scale.coarse_edges,
        reference=scale.coarse_counts.tolist(),
        current=coarse.tolist(),
    )


class CategoricalScale(Struct, frozen=True, kw_only=True):
    """A reference of a category made ready: its most frequent names, all others, and what it never saw."""

    profile: Categorical
    names: list[str]
    counts: Vector


def categorical_scale(profile: Categorical) -> CategoricalScale:
    """Make a reference ready to be compared with many windows."""
    ranked = sorted(profile.counts, key=lambda name: (-profile.counts[name], name))
    named = ranked[:NAMED]
    other = profile.other + sum(profile.counts[name] for name in ranked[NAMED:])
    return CategoricalScale(
        profile=profile,
        names=[*named, OTHER, UNSEEN],
        counts=np.array([*(profile.counts[name] for name in named), other, 0.0]),
    )


def categorical_distance(
    scale: CategoricalScale, counts: Mapping[str, float], rest: float, missing: float, shrink: float
) -> Distance:
    """Compare weighted counts by name; `rest` are those whose names were not told."""
    current = np.zeros(len(scale.names))
    place = {name: index for index, name in enumerate(scale.names[:-2])}
    known = scale.profile.counts
    # A reference that has forgotten its rarest names cannot tell one of those from one it never saw.
    stranger = -2 if scale.profile.other > 0.0 else -1
    for name, count in counts.items():
        current[place.get(name, -2 if name in known else stranger)] += count
    current[-2] += rest
    here = (scale.counts + current) > 0.0
    old, new = scale.counts[here], current[here]
    n, n_reference = float(new.sum()), float(old.sum())
    kept_old, kept_new = _without_rare(scale, current)
    test = chi_squared(kept_old, kept_new, n_current=n * shrink)
    stability = psi(kept_old, kept_new, bins=None)
    lost = _missing(scale.profile.missing, n_reference, missing, n, shrink)
    alike = test is None and n > 0.0 and n_reference > 0.0
    return Distance(
        metrics={
            "psi": stability,
            **shares_apart(old, new),
            "chi_squared": test.statistic if test is not None else (0.0 if alike else None),
            "cramers_v": test.cramers_v if test is not None else (0.0 if alike else None),
            "missing_rate": lost[0],
        },
        n=n,
        without=missing,
        n_reference=n_reference,
        psi=stability,
        groups=int(kept_old.size),
        p_value=test.p_value if test is not None else (1.0 if alike else None),
        missing=lost[0],
        missing_reference=lost[1],
        missing_p_value=lost[2],
        bins=[name for name, kept in zip(scale.names, here.tolist(), strict=True) if kept],
        reference=old.tolist(),
        current=new.tolist(),
    )


def _without_rare(scale: CategoricalScale, current: Vector) -> tuple[Vector, Vector]:
    """The counts with the rare categories as one, so that a long tail is no drift by itself.

    What the reference met once tells how much of the current side it has not met (I. Good, Biometrika 1953);
    where no more than that is unseen, it and all other names are rare too.
    """
    old, n_old, n_new = scale.counts, float(scale.counts.sum()), float(current.sum())
    rare = (old + current) * min(n_old, n_new) < FEWEST * (n_old + n_new)
    once = sum(count == 1.0 for count in scale.profile.counts.values())
    if current[-1] and fisher_p_value(float(once), n_old, float(current[-1]), n_new) > CHANCE:
        rare[-2:] = True
    kept_old, kept_new = (
        np.append(old[~rare], old[rare].sum()),
        np.append(current[~rare], current[rare].sum()),
    )
    here = (kept_old + kept_new) > 0.0
    return kept_old[here], kept_new[here]


def shares_apart(old: Vector, new: Vector) -> dict[str, float | None]:
    """The distances that ask only how much of each side lies in each bin or category."""
    return {
        "jensen_shannon": jensen_shannon(old, new),
        "hellinger": hellinger(old, new),
        "total_variation": total_variation(old, new),
        "l_infinity": l_infinity(old, new),
    }


def _missing(
    old: float, n_old: float, new: float, n_new: float, shrink: float
) -> tuple[float, float, float | None]:
    """The current and the reference share without a value, and the chance of such a difference."""
    total_old, total_new = old + n_old, new + n_new
    sides = (old, total_old, new * shrink, total_new * shrink)
    p_value = proportion_difference(*sides).p_value
    if p_value is not None and is_small(*sides):
        p_value = fisher_p_value(*sides)
    return _share(new, total_new), _share(old, total_old), p_value


def _share(part: float, whole: float) -> float:
    return part / whole if whole > 0.0 else 0.0
