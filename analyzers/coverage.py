"""How many of a window's inferences have an outcome by now, and how long do outcomes take?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from mlmon.analyzers.ask import Ask
from mlmon.analyzers.cells import WEIGHT, Cell, Question, Slice, cells, slices, weight_of
from mlmon.analyzers.report import metric
from mlmon.analyzers.statistics.estimate import NEGLIGIBLE, Estimate
from mlmon.analyzers.statistics.quantiles import grid, quantile_interval
from mlmon.analyzers.statistics.wilson import wilson
from mlmon.analyzers.weights import Moments
from mlmon.core import schema
from mlmon.core.query import Between, Count, Equals, Exists, Not, Quantiles, Terms
from mlmon.core.result import Metric
from mlmon.core.schema import Dataset
from mlmon.core.store import Reader

ANALYZER: Final = "outcomes"
_MEDIAN: Final = 0.5
_GRID: Final = grid(_MEDIAN)

_SERVED: Final = Question(
    dataset=Dataset.INFERENCE,
    by={WEIGHT: Terms(schema.SAMPLE_WEIGHT)},
    # One that failed has no prediction, so no outcome can ever be held against it.
    where=Not(Equals(schema.EVENT_OUTCOME, "failure")),
    measures={"n": Count()},
)
_EVALUATED: Final = Question(
    dataset=Dataset.EVALUATION, by={WEIGHT: Terms(schema.EVALUATION_WEIGHT)}, measures={"n": Count()}
)
_DELAYS: Final = Question(
    dataset=Dataset.EVALUATION,
    # Withdrawn and retracted outcomes have weights of zero and less.
    where=Between(field=schema.EVALUATION_WEIGHT, start=NEGLIGIBLE),
    measures={
        "n": Count(where=Exists(schema.EVALUATION_DELAY)),
        "delay": Quantiles(schema.EVALUATION_DELAY, _GRID),
    },
)


class Coverage(Struct, frozen=True, kw_only=True):
    """The weight of the inferences that await an outcome, and of those that have one."""

    served: Moments
    evaluated: float

    @property
    def share(self) -> float | None:
        """The share with an outcome, None where nothing was served."""
        if not self.served.weight > NEGLIGIBLE:
            return None
        return min(max(self.evaluated / self.served.weight, 0.0), 1.0)


def coverage(reader: Reader, ask: Ask, piece: Slice) -> dict[Cell, Coverage]:
    """The coverage of every cell with inferences that can have an outcome."""
    evaluated = {
        cell: sum(row[WEIGHT] * row["n"] for row in rows)
        for cell, rows in cells(reader, ask, piece, _EVALUATED)
    }
    covered = {}
    for cell, rows in cells(reader, ask, piece, _SERVED):
        served = Moments()
        for row in rows:
            served.add(weight_of(row), row["n"])
        covered[cell] = Coverage(served=served, evaluated=evaluated.get(cell, 0.0))
    return covered


def is_final(ask: Ask, cell: Cell, share: float | None) -> bool:
    """Whether late outcomes can no longer change the cell: all are there, or the time for them is over."""
    return cell.window.end + ask.maturity <= ask.now or (share is not None and share >= 1.0 - NEGLIGIBLE)


def analyze(reader: Reader, ask: Ask) -> Iterator[Metric]:
    """`coverage` (a share) and `outcome_delay_p50` (ns) of every cell.

    The delay is that of every outcome that was joined, corrected ones too, since a median cannot be taken
    back. It is no promise for the outcomes that are still missing: those are the slow ones.
    """
    for piece in slices(ask):
        covered = coverage(reader, ask, piece)
        for cell, found in covered.items():
            yield _metric(ask, cell, "coverage", _share(found), found.share)
        for cell, [row] in cells(reader, ask, piece, _DELAYS):
            values = dict(zip(_GRID, row["delay"] or (), strict=False))
            share = covered[cell].share if cell in covered else None
            estimate = quantile_interval(_MEDIAN, row["n"], values)
            yield _metric(ask, cell, "outcome_delay_p50", estimate, share)


def _share(found: Coverage) -> Estimate:
    return wilson(
        min(found.evaluated, found.served.weight), found.served.weight, n_effective=found.served.n_effective
    )


def _metric(ask: Ask, cell: Cell, name: str, estimate: Estimate, share: float | None) -> Metric:
    final = is_final(ask, cell, share)
    return metric(ANALYZER, ask, cell, name, estimate, coverage=share, final=final)
