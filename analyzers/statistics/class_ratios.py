"""Precision, recall and F1 are one family of ratios; this is their arithmetic, per class and averaged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from mlmon.analyzers.statistics.accuracy import accuracy
from mlmon.analyzers.statistics.confusion import Confusion, Table
from mlmon.analyzers.statistics.delta import Evaluate, delta_estimate
from mlmon.analyzers.statistics.estimate import CONFIDENCE, NEGLIGIBLE, Estimate, undefined
from mlmon.analyzers.statistics.scales import logit_interval
from mlmon.analyzers.statistics.weighted_proportion import proportion_of_sums

Average = Literal["binary", "macro", "micro", "weighted"]

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassRatio:
    """What makes one member of the family.

    For a class with hits tp, actual total a and predicted total p, the ratio is
    (``actual`` + ``predicted``) * tp / (``actual`` * a + ``predicted`` * p).
    """

    actual: float
    predicted: float


PRECISION = ClassRatio(actual=0.0, predicted=1.0)
RECALL = ClassRatio(actual=1.0, predicted=0.0)
F1 = ClassRatio(actual=1.0, predicted=1.0)


def by_class(
    ratio: ClassRatio, confusion: Confusion, *, confidence: float = CONFIDENCE
) -> dict[str, Estimate]:
    """Give the ratio of every label, with an interval from Wilson's.

    The hits are a binomial part of the events that are actual or predicted in the class, as far as the ratio
    looks at either: J = tp / (those events), with Wilson's interval. Precision and recall are J; F1 is 2 J /
    (1 + J), which rises with J, so its interval is that of J carried over.

    >>> table = Confusion.from_counts([("a", "a", 8), ("a", "b", 2)])
    >>> {label: e.value for label, e in by_class(RECALL, table).items()}
    {'a': 0.8, 'b': None}
    """
    cells, squares = confusion.cells, confusion.cell_squares
    return {
        label: _of_class(ratio, cells, squares, k, confidence) for k, label in enumerate(confusion.labels)
    }


def averaged(
    ratio: ClassRatio,
    confusion: Confusion,
    *,
    average: Average,
    positive: str | None,
    confidence: float = CONFIDENCE,
) -> Estimate:
    """Give the ratio of the positive label, or an average over the labels.

    "macro" is the plain mean over the classes where the ratio is defined, "weighted" their mean weighted by
    actual totals; both have delta-method intervals. "micro" pools all classes, which with one label an event
    is accuracy.

    Raises ValueError for an unknown ``average``, and for "binary" without a ``positive`` label.
    """
    if average == "binary":
        return _of_label(ratio, confusion, positive, confidence)
    if average == "micro":
        return accuracy(confusion, confidence=confidence)
    if average in ("macro", "weighted"):
        return _mean_of_classes(ratio, confusion, weighted=average == "weighted", confidence=confidence)
    message = f"average is {average!r}; it must be 'binary', 'macro', 'micro' or 'weighted'"
    raise ValueError(message)


def _of_label(ratio: ClassRatio, confusion: Confusion, positive: str | None, confidence: float) -> Estimate:
    if positive is None:
        message = "average 'binary' needs the positive label: pass positive='...', or average='macro'"
        raise ValueError(message)
    if positive not in confusion.labels:
        return undefined()
    k = confusion.labels.index(positive)
    return _of_class(ratio, confusion.cells, confusion.cell_squares, k, confidence)


def _of_class(ratio: ClassRatio, cells: Table, squares: Table, k: int, confidence: float) -> Estimate:
    hit, other = _split(ratio, cells, k)
    h, o = _split(ratio, squares, k)
    share = proportion_of_sums(hit, other, h, o, confidence=confidence)
    return _doubled(share) if ratio is F1 else share


def _split(ratio: ClassRatio, table: Table, k: int) -> tuple[float, float]:
    """Take the hits of a class, and the sum of what the ratio counts as missed."""
    row: list[float] = table[k].tolist()
    column: list[float] = table[:, k].tolist()
    hit = row.pop(k)
    column.pop(k)
    return hit, ratio.actual * sum(row) + ratio.predicted * sum(column)


def _doubled(jaccard: Estimate) -> Estimate:
    def f1(j: float | None) -> float | None:
        return None if j is None else 2.0 * j / (1.0 + j)

    return Estimate(value=f1(jaccard.value), low=f1(jaccard.low), high=f1(jaccard.high), n=jaccard.n)


def _mean_of_classes(
    ratio: ClassRatio, confusion: Confusion, *, weighted: bool, confidence: float
) -> Estimate:
    table = confusion.present()
    cells = table.cells
    defined = _denominators(ratio, cells) > NEGLIGIBLE
    if weighted:
        defined &= cells.sum(axis=1) > NEGLIGIBLE
    if defined.sum() == 1:
        return _of_class(ratio, cells, table.cell_squares, int(np.argmax(defined)), confidence)
    if not defined.any():
        return undefined(table.total)
    evaluate = _mean_and_gradient(ratio, defined, weighted=weighted)
    return delta_estimate(evaluate, cells, table.cell_squares, interval=logit_interval, confidence=confidence)


def _denominators(ratio: ClassRatio, cells: Table) -> Table:
    denominators: Table = ratio.actual * cells.sum(axis=1) + ratio.predicted * cells.sum(axis=0)
    return denominators


def _mean_and_gradient(ratio: ClassRatio, defined: Mask, *, weighted: bool) -> Evaluate:
    """Give the mean of the classes marked ``defined`` and its gradient by each cell.

    With v = c tp / d the ratio of a class: dv/dtp = c / d, dv/da = -actual v / d, dv/dp = -predicted v / d.
    Cell (i, j) adds to the actual total of i, to the predicted total of j and, where i = j, to the hits.
    """
    scale = ratio.actual + ratio.predicted

    def evaluate(cells: Table) -> tuple[float, Table]:
        actual = cells.sum(axis=1)
        denominators = np.where(defined, _denominators(ratio, cells), 1.0)
        values = scale * np.diagonal(cells) / denominators
        shares = np.where(defined, actual if weighted else 1.0, 0.0)
        total = float(shares.sum())
        weights = shares / total
        value = float(weights @ values)
        slopes = weights * values / denominators
        gradient = np.diag(weights * scale / denominators)
        gradient -= (ratio.actual * slopes)[:, None] + (ratio.predicted * slopes)[None, :]
        if weighted:
            gradient += np.where(defined, (values - value) / total, 0.0)[:, None]
        return value, gradient

    return evaluate
