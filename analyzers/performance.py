"""How good are the predictions, and are they worse than the reference's?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from mlmon.analyzers import binary, multiclass, regression
from mlmon.analyzers.ask import Ask, reference_for
from mlmon.analyzers.cells import Cell, Slice, slices
from mlmon.analyzers.coverage import Coverage, coverage, is_final
from mlmon.analyzers.models import BINARY, MULTICLASS, REGRESSION
from mlmon.analyzers.report import metric
from mlmon.analyzers.statistics.estimate import Estimate
from mlmon.analyzers.sums import BinarySums, MulticlassSums, RegressionSums, Sums
from mlmon.analyzers.worse import Comparison, compare, findings
from mlmon.core.result import Metric, Result
from mlmon.core.store import Reader

ANALYZER: Final = "performance"

Gather = Callable[[Reader, Ask, Slice], Iterator[tuple[Cell, Any]]]
Estimates = Callable[[Any], Iterator[tuple[str, str, Estimate]]]

_GATHER: Final[Mapping[str, Gather]] = {
    BINARY: binary.gather,
    MULTICLASS: multiclass.gather,
    REGRESSION: regression.gather,
}
_ESTIMATES: Final[Mapping[type, Estimates]] = {
    BinarySums: binary.estimates,
    MulticlassSums: multiclass.estimates,
    RegressionSums: regression.estimates,
}


def analyze(reader: Reader, ask: Ask) -> Iterator[Result]:
    """Every measure of the model's task in every cell that has evaluations, and what got worse."""
    if ask.model.task not in _GATHER:
        return
    compared: list[Comparison] = []
    usual: dict[tuple[str, str], dict[str, Estimate]] = {}
    for piece in slices(ask):
        covered = coverage(reader, ask, piece)
        for cell, sums in gather(reader, ask, piece):
            stated = dict(_stated(ask, cell, sums, covered.get(cell)))
            yield from stated.values()
            if ask.size in ask.policy.performance_sizes:
                known = usual_of(ask, cell, usual)
                compared += compare(ask, stated, known)
    yield from findings(ask, compared)


def gather(reader: Reader, ask: Ask, piece: Slice) -> Iterator[tuple[Cell, Sums]]:
    """The sums of the model's task in every cell that has evaluations."""
    ask_for = _GATHER.get(ask.model.task)
    return iter(()) if ask_for is None else ask_for(reader, ask, piece)


def estimates(sums: Sums) -> Iterator[tuple[str, str, Estimate]]:
    """Every measure as (name, subject, estimate)."""
    return _ESTIMATES[type(sums)](sums)


def usual_of(
    ask: Ask, cell: Cell, known: dict[tuple[str, str], dict[str, Estimate]]
) -> Mapping[str, Estimate]:
    """What the reference's measures of a version and segment are; computed once and kept in `known`."""
    key = (cell.version, cell.segment)
    if key not in known:
        reference = reference_for(ask.references, cell.version)
        sums = reference.performance.get(cell.segment) if reference is not None else None
        known[key] = (
            {} if sums is None else {name: value for name, subject, value in estimates(sums) if not subject}
        )
    return known[key]


def _stated(
    ask: Ask, cell: Cell, sums: Sums, covered: Coverage | None
) -> Iterator[tuple[tuple[str, str], Metric]]:
    share = covered.share if covered is not None else None
    final = is_final(ask, cell, share)
    for name, subject, estimate in estimates(sums):
        stated = metric(ANALYZER, ask, cell, name, estimate, subject=subject, coverage=share, final=final)
        yield (name, subject), stated
