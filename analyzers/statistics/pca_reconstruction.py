"""The error of reconstructing rows from the reference's principal components."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mlmon.analyzers.statistics.distributions import normal_tail
from mlmon.analyzers.statistics.estimate import NEGLIGIBLE, Estimate, critical_value, undefined
from mlmon.analyzers.statistics.proportions import Vector

KEPT = 0.65
"""The share of the reference's variance that the components keep."""

FOLDS = 5
FEWEST = 2

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconstruction:
    """The mean error of the current rows, and the mean and spread of the reference's own.

    ``shift`` is the difference of the means in standard deviations of the reference's error, ``p_value`` the
    chance of one as large without a change, two-sided.
    """

    estimate: Estimate
    reference: float
    std: float
    shift: float | None
    p_value: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plane:
    """A reference made ready: its centre, its components as columns, and the size of its own error."""

    rows: int
    centre: Vector
    components: Matrix
    mean: float
    std: float


def plane(reference: npt.ArrayLike) -> Plane | None:
    """Make a reference ready for many samples; None where `pca_reconstruction` has no answer."""
    old = np.asarray(reference, dtype=np.float64)
    if old.ndim != 2 or old.shape[1] < FEWEST or len(old) < FOLDS:  # noqa: PLR2004 - rows and columns
        return None
    own = _cross_validated(old)
    centre, components = _fitted(old)
    return Plane(
        rows=len(old),
        centre=centre,
        components=components,
        mean=float(own.mean()),
        std=float(own.std(ddof=1)),
    )


def pca_reconstruction(
    reference: Plane | npt.ArrayLike | None, current: npt.ArrayLike, weights: npt.ArrayLike | None = None
) -> Reconstruction | None:
    """Give the mean length of what the reference's principal components leave of the current rows.

    Both are rows of numbers, of the same columns, standardised by the reference. The components are those of
    most variance that together keep `KEPT` of it, one fewer than there are columns at most. The reference's
    own error is cross-validated over `FOLDS` folds, every fifth row, so that it is not small by fitting; the
    test is Welch's of two means. ``weights`` are of the current rows.

    An error that falls is a change too: rows lie nearer to the reference's plane than the reference did.

    Source: K. Pearson, Philosophical Magazine 1901; J. Jackson & G. Mudholkar, Technometrics 1979.

    Degenerate input: None with fewer than two columns, or fewer than `FOLDS` rows on either side. Where the
    reference has no error at all, as of columns that repeat each other, ``shift`` and ``p_value`` are None.

    >>> rng = np.random.default_rng(1)
    >>> x = rng.normal(size=(1000, 1))
    >>> old, new = np.hstack([x, x + rng.normal(size=(1000, 1)) / 5]), rng.normal(size=(500, 2))
    >>> found = pca_reconstruction(old, new)
    >>> round(found.reference, 1), round(found.estimate.value, 1)
    (0.1, 0.8)
    """
    known = reference if isinstance(reference, Plane) or reference is None else plane(reference)
    new = np.asarray(current, dtype=np.float64)
    if known is None or len(new) < FOLDS:
        return None
    errors = _errors(new, known.centre, known.components)
    weight = np.ones(len(new)) if weights is None else np.asarray(weights, dtype=np.float64)
    total = float(weight.sum())
    if not total > NEGLIGIBLE:
        return Reconstruction(
            estimate=undefined(), reference=known.mean, std=known.std, shift=None, p_value=None
        )
    n = total * total / float(weight @ weight)
    value = float(weight @ errors) / total
    variance = float(weight @ (errors - value) ** 2) / total * n / max(n - 1.0, 1.0)
    half = critical_value() * math.sqrt(variance / n)
    noise = math.sqrt(variance / n + known.std * known.std / known.rows)
    told = known.std > NEGLIGIBLE
    return Reconstruction(
        estimate=Estimate(value=value, low=max(value - half, 0.0), high=value + half, n=total),
        reference=known.mean,
        std=known.std,
        shift=(value - known.mean) / known.std if told else None,
        p_value=normal_tail((value - known.mean) / noise) if told else None,
    )


def _fitted(rows: Matrix) -> tuple[Vector, Matrix]:
    """The centre of the rows, and the components to keep as columns."""
    centre = rows.mean(axis=0)
    spread, axes = np.linalg.eigh(np.cov(rows, rowvar=False))
    order = np.argsort(-spread, kind="stable")
    shares = np.cumsum(np.maximum(spread[order], 0.0))
    enough = int(np.searchsorted(shares, KEPT * shares[-1])) + 1
    kept: Matrix = axes[:, order[: min(enough, rows.shape[1] - 1)]]
    return centre, kept


def _errors(rows: Matrix, centre: Vector, kept: Matrix) -> Vector:
    there = rows - centre
    lengths: Vector = np.linalg.norm(there - (there @ kept) @ kept.T, axis=1)
    return lengths


def _cross_validated(rows: Matrix) -> Vector:
    errors = np.empty(len(rows))
    fold = np.arange(len(rows)) % FOLDS
    for one in range(FOLDS):
        errors[fold == one] = _errors(rows[fold == one], *_fitted(rows[fold != one]))
    return errors
