"""How good are the predictions of two classes?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from mlmon.analyzers.ask import Ask
from mlmon.analyzers.cells import WEIGHT, Cell, Question, Slice, cells
from mlmon.analyzers.pairs import ACTUAL, BY, confusion_of, pair_of
from mlmon.analyzers.statistics.accuracy import accuracy
from mlmon.analyzers.statistics.auc import auc
from mlmon.analyzers.statistics.average_precision import average_precision
from mlmon.analyzers.statistics.balanced_accuracy import balanced_accuracy
from mlmon.analyzers.statistics.brier import brier
from mlmon.analyzers.statistics.calibration import expected_calibration_error
from mlmon.analyzers.statistics.confusion import Confusion
from mlmon.analyzers.statistics.estimate import Estimate
from mlmon.analyzers.statistics.f1 import f1
from mlmon.analyzers.statistics.log_loss import log_loss
from mlmon.analyzers.statistics.mcc import mcc
from mlmon.analyzers.statistics.precision import precision
from mlmon.analyzers.statistics.proportions import Vector
from mlmon.analyzers.statistics.recall import recall
from mlmon.analyzers.statistics.specificity import specificity
from mlmon.analyzers.statistics.wilson import wilson
from mlmon.analyzers.sums import SCORE_EDGES, BinarySums
from mlmon.core import schema
from mlmon.core.query import Count, Exists, Histogram, Row, Sum, SumSquares, Terms
from mlmon.core.schema import Dataset
from mlmon.core.store import Reader

CALIBRATION_BINS: Final = 10
_MIDDLES: Final = np.concatenate(
    ([0.0], (np.array(SCORE_EDGES[1:]) + np.array(SCORE_EDGES[:-1])) / 2.0, [1.0])
)
_FOURTH: Final = _MIDDLES**4
_FOURTH_BELOW_ONE: Final = (1.0 - _MIDDLES) ** 4
_DECILES: Final = np.minimum((_MIDDLES * CALIBRATION_BINS).astype(np.intp), CALIBRATION_BINS - 1)

Places = npt.NDArray[np.intp]

_PAIRS: Final = Question(
    dataset=Dataset.EVALUATION,
    by=BY,
    measures={
        "n": Count(),
        "scored": Count(where=Exists(schema.EVALUATION_LOSS)),
        "loss": Sum(schema.EVALUATION_LOSS),
        "loss_squares": SumSquares(schema.EVALUATION_LOSS),
        "error_squares": SumSquares(schema.EVALUATION_ERROR),
    },
)
_SCORES: Final = Question(
    dataset=Dataset.EVALUATION,
    by={ACTUAL: Terms(schema.OUTCOME_LABEL), WEIGHT: Terms(schema.EVALUATION_WEIGHT)},
    where=Exists(schema.PREDICTION_SCORE),
    measures={"scores": Histogram(schema.PREDICTION_SCORE, SCORE_EDGES)},
)


def gather(reader: Reader, ask: Ask, piece: Slice) -> Iterator[tuple[Cell, BinarySums]]:
    """The sums of every cell with evaluations; nothing while the positive label is not known."""
    positive = ask.model.positive_label
    if positive is None:
        return
    scores = cells(reader, ask, piece, _SCORES)
    waiting = next(scores, None)
    # Both questions give their cells in one order, and every scored cell has pairs.
    for cell, rows in cells(reader, ask, piece, _PAIRS):
        sums = BinarySums(positive=positive)
        for row in rows:
            _add(sums, row)
        if waiting is not None and waiting[0] == cell:
            for row in waiting[1]:
                _add_scores(sums, row)
            waiting = next(scores, None)
        yield cell, sums


def _add(sums: BinarySums, row: Row) -> None:
    pair = pair_of(row)
    if pair is not None:
        sums.pairs.append(pair)
    if row["scored"]:
        weight = row[WEIGHT]
        sums.loss.add(weight, row["scored"], row["loss"], row["loss_squares"] or 0.0)
        sums.brier.add(weight, row["scored"], row["error_squares"] or 0.0)


def _add_scores(sums: BinarySums, row: Row) -> None:
    if row[ACTUAL] is None or not row[WEIGHT]:
        return
    counts = np.asarray(row["scores"], dtype=np.float64) * row[WEIGHT]
    name = "positives" if row[ACTUAL] == sums.positive else "negatives"
    known = getattr(sums, name)
    setattr(sums, name, counts if not len(known) else np.asarray(known) + counts)


def estimates(sums: BinarySums) -> Iterator[tuple[str, str, Estimate]]:
    """Every measure as (name, subject, estimate); the subject is empty, as all speak of the model."""
    confusion, positive = confusion_of(sums.pairs), sums.positive
    yield "accuracy", "", accuracy(confusion)
    yield "precision", "", precision(confusion, positive=positive)
    yield "recall", "", recall(confusion, positive=positive)
    yield "specificity", "", specificity(confusion, positive=positive)
    yield "f1", "", f1(confusion, positive=positive)
    yield "balanced_accuracy", "", balanced_accuracy(confusion)
    yield "mcc", "", mcc(confusion)
    yield "prevalence", "", _prevalence(confusion, positive)
    yield from _of_scores(sums)


def _of_scores(sums: BinarySums) -> Iterator[tuple[str, str, Estimate]]:
    if not sums.loss.weight_squares and not len(sums.positives) and not len(sums.negatives):
        return
    above, below, bins = _filled(sums)
    effective = sums.loss.n_effective
    yield "roc_auc", "", auc(above, below, n_effective=effective)
    yield "average_precision", "", average_precision(above, below, n_effective=effective)
    loss, squared = sums.loss, sums.brier
    yield "log_loss", "", log_loss(loss.weight, loss.total, loss.squares, n_effective=effective)
    # The fourth power of the error, for the interval alone, is read off the middle of each bin.
    fourth = float(above @ _FOURTH_BELOW_ONE[bins] + below @ _FOURTH[bins])
    yield "brier", "", brier(squared.weight, squared.total, fourth, n_effective=squared.n_effective)
    yield "calibration_error", "", _calibration(above, below, bins)


def _filled(sums: BinarySums) -> tuple[Vector, Vector, Places]:
    """Both histograms where either has a count, and the numbers of those bins; empty ones change nothing."""
    above, below = _histograms(sums)
    bins = np.flatnonzero((above != 0.0) | (below != 0.0))
    return above[bins], below[bins], bins


def _histograms(sums: BinarySums) -> tuple[Vector, Vector]:
    nothing = np.zeros(_MIDDLES.size)
    above = np.asarray(sums.positives, dtype=np.float64) if len(sums.positives) else nothing
    below = np.asarray(sums.negatives, dtype=np.float64) if len(sums.negatives) else nothing
    return above, below


def _calibration(above: Vector, below: Vector, bins: Places) -> Estimate:
    both, deciles = above + below, _DECILES[bins]
    return expected_calibration_error(
        np.bincount(deciles, weights=both, minlength=CALIBRATION_BINS),
        np.bincount(deciles, weights=both * _MIDDLES[bins], minlength=CALIBRATION_BINS),
        np.bincount(deciles, weights=above, minlength=CALIBRATION_BINS),
    )


def _prevalence(confusion: Confusion, positive: str) -> Estimate:
    actual = 0.0
    if positive in confusion.labels:
        actual = float(confusion.cells[confusion.labels.index(positive)].sum())
    return wilson(actual, confusion.total, n_effective=confusion.n_effective())
