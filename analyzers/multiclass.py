"""How good are the predictions of several classes?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, get_args

from mlmon.analyzers.ask import Ask
from mlmon.analyzers.cells import WEIGHT, Cell, Question, Slice, cells
from mlmon.analyzers.pairs import BY, confusion_of, pair_of
from mlmon.analyzers.statistics.accuracy import accuracy
from mlmon.analyzers.statistics.class_ratios import Average
from mlmon.analyzers.statistics.estimate import Estimate
from mlmon.analyzers.statistics.f1 import f1, f1_by_class
from mlmon.analyzers.statistics.log_loss import log_loss
from mlmon.analyzers.statistics.mcc import mcc
from mlmon.analyzers.statistics.precision import precision, precision_by_class
from mlmon.analyzers.statistics.recall import recall, recall_by_class
from mlmon.analyzers.sums import MulticlassSums
from mlmon.core import schema
from mlmon.core.query import Count, Exists, Sum, SumSquares
from mlmon.core.schema import Dataset
from mlmon.core.store import Reader

MOST_CLASSES: Final = 100
"""Beyond that many classes there are averages only."""

_AVERAGES: Final[tuple[Average, ...]] = tuple(name for name in get_args(Average) if name != "binary")
_RATIOS: Final = {"precision": precision, "recall": recall, "f1": f1}
_BY_CLASS: Final = {"precision": precision_by_class, "recall": recall_by_class, "f1": f1_by_class}

_PAIRS: Final = Question(
    dataset=Dataset.EVALUATION,
    by=BY,
    measures={
        "n": Count(),
        "scored": Count(where=Exists(schema.EVALUATION_LOSS)),
        "loss": Sum(schema.EVALUATION_LOSS),
        "loss_squares": SumSquares(schema.EVALUATION_LOSS),
    },
)


def gather(reader: Reader, ask: Ask, piece: Slice) -> Iterator[tuple[Cell, MulticlassSums]]:
    """The sums of every cell with evaluations."""
    for cell, rows in cells(reader, ask, piece, _PAIRS):
        sums = MulticlassSums()
        for row in rows:
            if (pair := pair_of(row)) is not None:
                sums.pairs.append(pair)
            if row["scored"]:
                sums.loss.add(row[WEIGHT], row["scored"], row["loss"], row["loss_squares"] or 0.0)
        yield cell, sums


def estimates(sums: MulticlassSums) -> Iterator[tuple[str, str, Estimate]]:
    """Every measure as (name, subject, estimate); the subject is a class, or empty for the model."""
    confusion = confusion_of(sums.pairs)
    yield "accuracy", "", accuracy(confusion)
    yield "mcc", "", mcc(confusion)
    for name, ratio in _RATIOS.items():
        for average in _AVERAGES:
            yield f"{name}_{average}", "", ratio(confusion, average=average)
        if len(confusion.labels) <= MOST_CLASSES:
            for label, estimate in _BY_CLASS[name](confusion).items():
                yield name, label, estimate
    loss = sums.loss
    if loss.weight_squares:
        yield "log_loss", "", log_loss(loss.weight, loss.total, loss.squares, n_effective=loss.n_effective)
