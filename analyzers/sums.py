"""Sufficient statistics of performance: what the measures of a task need, small, and mergeable."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
from msgspec import Struct, field

from mlmon.analyzers.statistics.histograms import uniform_edges
from mlmon.analyzers.weights import Moments

SCORE_BINS: Final = 1_000
SCORE_EDGES: Final[tuple[float, ...]] = tuple(uniform_edges(0.0, 1.0, SCORE_BINS).tolist())
"""The even edges of every score histogram; the bin before the first and after the last are open."""

Pair = tuple[str, str, float, float]
"""Actual label, predicted label, weight, count."""


class BinarySums(Struct, kw_only=True, tag="binary"):
    """Of two classes.

    `positives` and `negatives` are weighted counts of scores over `SCORE_EDGES` by the true class, empty
    where nothing was scored. `loss` is of log losses; `brier` has the sum of squared errors as its total.
    """

    positive: str
    pairs: list[Pair] = field(default_factory=list)
    loss: Moments = field(default_factory=Moments)
    brier: Moments = field(default_factory=Moments)
    positives: list[float] = field(default_factory=list)
    negatives: list[float] = field(default_factory=list)


class MulticlassSums(Struct, kw_only=True, tag="multiclass"):
    """Of several classes."""

    pairs: list[Pair] = field(default_factory=list)
    loss: Moments = field(default_factory=Moments)


class RegressionSums(Struct, kw_only=True, tag="regression"):
    """Of a number: moments of the error, of its size, and of the outcome.

    `fourth` is the sum of the fourth power of the error, read off a histogram; only an interval needs it.
    """

    error: Moments = field(default_factory=Moments)
    size: Moments = field(default_factory=Moments)
    outcome: Moments = field(default_factory=Moments)
    fourth: float = 0.0


Sums = BinarySums | MulticlassSums | RegressionSums


def merge(left: Sums, right: Sums) -> Sums:
    """The sums of both together.

    Raises:
        ValueError: they are of different tasks or positive labels.

    """
    match left, right:
        case BinarySums(), BinarySums() if left.positive == right.positive:
            return BinarySums(
                positive=left.positive,
                pairs=merge_pairs(left.pairs, right.pairs),
                loss=left.loss.merge(right.loss),
                brier=left.brier.merge(right.brier),
                positives=add_counts(left.positives, right.positives),
                negatives=add_counts(left.negatives, right.negatives),
            )
        case MulticlassSums(), MulticlassSums():
            pairs = merge_pairs(left.pairs, right.pairs)
            return MulticlassSums(pairs=pairs, loss=left.loss.merge(right.loss))
        case RegressionSums(), RegressionSums():
            return RegressionSums(
                error=left.error.merge(right.error),
                size=left.size.merge(right.size),
                outcome=left.outcome.merge(right.outcome),
                fourth=left.fourth + right.fourth,
            )
    message = "these sums are of different tasks or positive labels; build both references alike"
    raise ValueError(message)


def merge_pairs(*parts: Iterable[Pair]) -> list[Pair]:
    """Add up the counts of equal labels and weight.

    >>> merge_pairs([("a", "b", 1.0, 2.0)], [("a", "b", 1.0, 3.0)])
    [('a', 'b', 1.0, 5.0)]
    """
    counts: dict[tuple[str, str, float], float] = {}
    for part in parts:
        for actual, predicted, weight, count in part:
            key = (actual, predicted, weight)
            counts[key] = counts.get(key, 0.0) + count
    return [(*key, count) for key, count in sorted(counts.items())]


def add_counts(left: list[float], right: list[float]) -> list[float]:
    """Add counts over the same bins; an empty list is all zeros."""
    if not left or not right:
        return left or right
    added: list[float] = (np.asarray(left) + np.asarray(right)).tolist()
    return added
