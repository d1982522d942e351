"""Counts of (actual, predicted) labels by weight: what every measure of classes is made from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from mlmon.analyzers.cells import WEIGHT
from mlmon.analyzers.statistics.confusion import Confusion
from mlmon.analyzers.sums import Pair
from mlmon.core import schema
from mlmon.core.query import Key, Row, Terms

ACTUAL: Final = "actual"
PREDICTED: Final = "predicted"

BY: Final[dict[str, Key]] = {
    ACTUAL: Terms(schema.OUTCOME_LABEL),
    PREDICTED: Terms(schema.PREDICTION_LABEL),
    WEIGHT: Terms(schema.EVALUATION_WEIGHT),
}
"""The group keys of a question about pairs."""


def pair_of(row: Row) -> Pair | None:
    """The pair of a group of evaluations; None where a label is missing."""
    actual, predicted = row[ACTUAL], row[PREDICTED]
    if actual is None or predicted is None or not row[WEIGHT]:
        return None
    return actual, predicted, row[WEIGHT], float(row["n"])


def confusion_of(pairs: Iterable[Pair]) -> Confusion:
    """The confusion matrix of pairs."""
    return Confusion.from_groups(pairs)
