"""How well a classifier tells current rows from the reference's."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from mlmon.analyzers.statistics.auc import auc
from mlmon.analyzers.statistics.distributions import normal_tail
from mlmon.analyzers.statistics.estimate import NEGLIGIBLE, Estimate, undefined
from mlmon.analyzers.statistics.proportions import Vector

FOLDS = 5
MOST_PAIRED = 24
"""Columns whose products the classifier sees; of more, the first ones."""

MOST_TERMS = 32
TOLD = 2.5
"""The terms the classifier goes by: those that differ by so many standard errors, at most so many."""

RIDGE = 0.01
EXCESS = 1.5
"""How much wider than Mann and Whitney's the spread of the area is without a change, as the rows held out
of one fold teach the others; by simulation 1.1 to 1.5."""

BINS = 1_000

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """The area under the curve of rows held out, and what the classifier went by.

    ``shares`` are by column, from 0 to 1, and add up to 1: how much of the distance that the classifier puts
    between both sides each column brings. ``noise`` is the standard deviation of the area without a change,
    and ``p_value`` the one-sided chance of such an area then.
    """

    estimate: Estimate
    shares: Vector
    noise: float
    p_value: float | None


def domain_auc(
    reference: Side | npt.ArrayLike, current: npt.ArrayLike, weights: npt.ArrayLike | None = None
) -> Domain | None:
    """Give the cross-validated area under the ROC curve of a classifier of current against reference rows.

    Both are rows of numbers, of the same columns, standardised by the reference; 0.5 says that nothing tells
    them apart, 1 that any row gives itself away. The classifier is Fisher's discriminant of the columns,
    their squares and their products two by two, so it sees means, variances and correlations. Of these terms
    it takes those that differ by `TOLD` standard errors among the rows it learns from. Each of `FOLDS` folds,
    every fifth row of both sides, is scored by what the others taught. ``weights`` are of the current rows.

    Source: R. Fisher, Annals of Eugenics 1936; J. Friedman, "On multivariate goodness-of-fit and two-sample
    testing", 2003; for the noise, widened by `EXCESS`, H. Mann & D. Whitney, Annals of
    Mathematical Statistics 1947. The interval
    is that of `auc`, and takes the held-out scores as independent.

    Degenerate input: None without a column, or with fewer than two rows a fold on either side.

    >>> rng = np.random.default_rng(1)
    >>> old, new = rng.normal(size=(500, 2)), rng.normal(size=(500, 2))
    >>> new[:, 1] = 0.8 * new[:, 0] + 0.6 * new[:, 1]
    >>> found = domain_auc(old, new)
    >>> 0.7 < found.estimate.value < 0.9, found.p_value < 0.001
    (True, True)
    """
    new = np.asarray(current, dtype=np.float64)
    old = reference if isinstance(reference, Side) else side(reference)
    if old.columns == 0 or min(len(old.rows), len(new)) < 2 * FOLDS:
        return None
    weight = np.ones(len(new)) if weights is None else np.asarray(weights, dtype=np.float64)
    total = float(weight.sum())
    if not total > NEGLIGIBLE:
        return Domain(estimate=undefined(), shares=np.zeros(old.columns), noise=0.0, p_value=None)
    n, m = total * total / float(weight @ weight), float(len(old.rows))
    sides = old, side(new, weight)
    scores = [np.empty(len(one.rows)) for one in sides]
    for fold in range(FOLDS):
        terms, direction, _ = _direction(*sides, fold)
        for one, found in zip(sides, scores, strict=True):
            held = one.folds == fold
            found[held] = one.rows[np.ix_(held, terms)] @ direction
    estimate = _area(scores[0], scores[1], weight, m + n)
    noise = EXCESS * math.sqrt((m + n + 1.0) / (12.0 * m * n))
    value = 0.5 if estimate.value is None else estimate.value
    tail = normal_tail((value - 0.5) / noise) / 2.0
    return Domain(
        estimate=replace(estimate, n=total),
        shares=_shares(*sides),
        noise=noise,
        p_value=tail if value > 0.5 else 1.0 - tail,  # noqa: PLR2004 - chance
    )


def _seen(rows: Matrix) -> Matrix:
    """The columns, their squares, and the products of the first ones."""
    first = rows[:, :MOST_PAIRED]
    left, right = np.triu_indices(first.shape[1], 1)
    return np.hstack([rows, rows * rows, first[:, left] * first[:, right]])


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """The terms of one side's rows, and the weight, the sum and the sum of products of each fold."""

    columns: int
    rows: Matrix
    folds: npt.NDArray[np.intp]
    weights: Vector
    totals: Matrix
    products: npt.NDArray[np.float64]
    """Of each fold, of each two terms: a row is read once, however often it is learnt from."""

    def moments(self, fold: int) -> tuple[Vector, Matrix]:
        """The mean and the covariance of the terms over all folds but one; -1 leaves none out."""
        kept = np.arange(FOLDS) != fold
        total = self.weights[kept].sum()
        mean: Vector = self.totals[kept].sum(axis=0) / total
        covariance: Matrix = self.products[kept].sum(axis=0) / total - np.outer(mean, mean)
        return mean, covariance


def side(columns: npt.ArrayLike, weights: Vector | None = None) -> Side:
    """Make rows ready to be compared with many others."""
    plain = np.asarray(columns, dtype=np.float64)
    rows, weight = _seen(plain), np.ones(len(plain)) if weights is None else weights
    folds = np.arange(len(rows)) % FOLDS
    apart = [(rows[folds == fold], weight[folds == fold]) for fold in range(FOLDS)]
    return Side(
        columns=plain.shape[1],
        rows=rows,
        folds=folds,
        weights=np.array([some.sum() for _, some in apart]),
        totals=np.stack([some @ part for part, some in apart]),
        products=np.stack([(part * some[:, None]).T @ part for part, some in apart]),
    )


def _direction(old: Side, new: Side, fold: int) -> tuple[npt.NDArray[np.intp], Vector, Vector]:
    """Fisher's direction from the reference to the current rows: terms, their weights, their differences."""
    (mean_old, spread_old), (mean_new, spread_new) = old.moments(fold), new.moments(fold)
    variances = (np.maximum(np.diag(spread), 0.0) for spread in (spread_old, spread_new))
    error: Vector = np.sqrt(next(variances) / len(old.rows) + next(variances) / len(new.rows))
    apart = np.abs(mean_new - mean_old) / np.maximum(error, NEGLIGIBLE)
    ranked = np.argsort(-apart, kind="stable")[:MOST_TERMS]
    told = max(int((apart[ranked] >= TOLD).sum()), 1)
    terms: npt.NDArray[np.intp] = np.sort(ranked[:told])
    difference: Vector = (mean_new - mean_old)[terms]
    within = (spread_old + spread_new)[np.ix_(terms, terms)] / 2.0
    # A term that never varies would leave the system without a solution.
    np.fill_diagonal(within, np.diag(within) * (1.0 + RIDGE) + NEGLIGIBLE)
    direction = np.linalg.solve(within, difference).astype(np.float64)
    return terms, direction, difference


def _area(old: Vector, new: Vector, weight: Vector, n: float) -> Estimate:
    """The area of raw scores, in bins of equally many of both sides."""
    both = np.sort(np.concatenate([old, new]))
    edges = np.unique(both[:: max(both.size // BINS, 1)])
    places = [np.searchsorted(edges, side, side="right") for side in (new, old)]
    positives = np.bincount(places[0], weights=weight, minlength=edges.size + 1)
    negatives = np.bincount(places[1], minlength=edges.size + 1).astype(np.float64)
    # Both sides weigh alike there; the effective size is of the current one.
    return auc(positives * len(new) / weight.sum(), negatives, n_effective=min(n, len(old) + len(new)))


def _shares(old: Side, new: Side) -> Vector:
    """Of the discriminant's distance, what each column brings; a product is halved between its two."""
    columns = old.columns
    terms, direction, difference = _direction(old, new, -1)
    parts = np.zeros(old.rows.shape[1])
    parts[terms] = np.maximum(direction * difference, 0.0)
    shares = parts[:columns] + parts[columns : 2 * columns]
    left, right = np.triu_indices(min(columns, MOST_PAIRED), 1)
    for places in (left, right):
        shares += np.bincount(places, weights=parts[2 * columns :] / 2.0, minlength=columns)
    total = float(shares.sum())
    return shares / total if total > 0.0 else shares
