"""How far off are predicted numbers?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from mlmon.analyzers.ask import Ask
from mlmon.analyzers.cells import WEIGHT, Cell, Question, Slice, cells
from mlmon.analyzers.statistics.bias import bias
from mlmon.analyzers.statistics.estimate import Estimate
from mlmon.analyzers.statistics.mae import mae
from mlmon.analyzers.statistics.r2 import r2
from mlmon.analyzers.statistics.rmse import rmse
from mlmon.analyzers.sums import RegressionSums
from mlmon.core import schema
from mlmon.core.query import Count, Exists, Histogram, Sum, SumSquares, Terms
from mlmon.core.schema import Dataset
from mlmon.core.store import Reader

_PER_DECADE: Final = 20
SIZE_EDGES: Final[tuple[float, ...]] = tuple(np.logspace(-9, 15, 24 * _PER_DECADE + 1).tolist())
"""Edges for sizes of errors, 12 % apart, in whatever unit the number has."""

_SIZES: Final = np.concatenate(([0.0], np.sqrt(np.array(SIZE_EDGES[1:]) * SIZE_EDGES[:-1]), [SIZE_EDGES[-1]]))

_ERRORS: Final = Question(
    dataset=Dataset.EVALUATION,
    by={WEIGHT: Terms(schema.EVALUATION_WEIGHT)},
    where=Exists(schema.EVALUATION_ERROR),
    measures={
        "n": Count(),
        "error": Sum(schema.EVALUATION_ERROR),
        "squares": SumSquares(schema.EVALUATION_ERROR),
        "size": Sum(schema.EVALUATION_LOSS),
        "sizes": Histogram(schema.EVALUATION_LOSS, SIZE_EDGES),
        "outcome": Sum(schema.OUTCOME_VALUE),
        "outcome_squares": SumSquares(schema.OUTCOME_VALUE),
    },
)


def gather(reader: Reader, ask: Ask, piece: Slice) -> Iterator[tuple[Cell, RegressionSums]]:
    """The sums of every cell with evaluations."""
    for cell, rows in cells(reader, ask, piece, _ERRORS):
        sums = RegressionSums()
        for row in rows:
            weight, n, squares = row[WEIGHT], row["n"], row["squares"] or 0.0
            sums.error.add(weight, n, row["error"], squares)
            sums.size.add(weight, n, row["size"], squares)
            sums.outcome.add(weight, n, row["outcome"], row["outcome_squares"] or 0.0)
            sums.fourth += weight * fourth_power(row["sizes"], squares)
        yield cell, sums


def fourth_power(counts: list[int], squares: float) -> float:
    """The sum of fourth powers of sizes over `SIZE_EDGES`, scaled by the known sum of squares."""
    array = np.asarray(counts, dtype=np.float64)
    rough = float(array @ _SIZES**2)
    return float(array @ _SIZES**4) * (squares / rough) ** 2 if rough > 0.0 else 0.0


def estimates(sums: RegressionSums) -> Iterator[tuple[str, str, Estimate]]:
    """Every measure as (name, subject, estimate), in the unit of the number; the subject is empty."""
    error, size, outcome = sums.error, sums.size, sums.outcome
    n, effective = error.weight, error.n_effective
    yield "mae", "", mae(n, size.total, size.squares, n_effective=effective)
    yield "rmse", "", rmse(n, error.squares, max(sums.fourth, 0.0), n_effective=effective)
    yield "bias", "", bias(n, error.total, error.squares, n_effective=effective)
    yield "r2", "", r2(n, error.squares, outcome.total, outcome.squares)
