"""An estimate of a cell, as the metric that is stored."""

from __future__ import annotations

from mlmon.analyzers.ask import Ask
from mlmon.analyzers.cells import Cell
from mlmon.analyzers.statistics.estimate import Estimate
from mlmon.core.result import Metric


def metric(
    analyzer: str,
    ask: Ask,
    cell: Cell,
    name: str,
    estimate: Estimate,
    *,
    subject: str = "",
    coverage: float | None = None,
    final: bool = True,
) -> Metric:
    """The metric of a name in a cell."""
    return Metric(
        analyzer=analyzer,
        model=ask.model.name,
        version=cell.version,
        segment=cell.segment,
        subject=subject,
        window=cell.window,
        size=ask.size,
        name=name,
        value=estimate.value,
        n=estimate.n,
        low=estimate.low,
        high=estimate.high,
        coverage=coverage,
        final=final,
    )
