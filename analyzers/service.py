"""How much is asked of a model, how often does it fail, and how long does it take?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlmon.analyzers.ask import Ask, reference_for
from mlmon.analyzers.cells import Cell, Question, Slice, cells, slices, weight_of, weighted
from mlmon.analyzers.report import metric
from mlmon.analyzers.statistics.estimate import Estimate, without_interval
from mlmon.analyzers.statistics.quantiles import grid, quantile_interval
from mlmon.analyzers.statistics.wilson import wilson
from mlmon.analyzers.weights import Moments
from mlmon.core import schema
from mlmon.core.query import Count, Equals, Exists, Quantiles, Row
from mlmon.core.result import Finding, Metric, Result, Severity
from mlmon.core.schema import Dataset
from mlmon.core.store import Reader

ANALYZER: Final = "service"
LATENCIES: Final = {"latency_p50": 0.5, "latency_p95": 0.95, "latency_p99": 0.99}
_GRIDS: Final = {name: grid(p) for name, p in LATENCIES.items()}
_PROBABILITIES: Final = tuple(sorted({p for points in _GRIDS.values() for p in points}))

_TRAFFIC: Final = weighted({"n": Count(), "failed": Count(where=Equals(schema.EVENT_OUTCOME, "failure"))})
_LATENCY: Final = Question(
    dataset=Dataset.INFERENCE,
    measures={
        "n": Count(where=Exists(schema.EVENT_DURATION)),
        "latency": Quantiles(schema.EVENT_DURATION, _PROBABILITIES),
    },
)


def analyze(reader: Reader, ask: Ask) -> Iterator[Result]:
    """`inferences`, `error_rate` and the latencies (ns) of every cell; a finding where too many fail.

    Traffic and errors count each inference by its sample weight. Latencies are those of the events that were
    kept: where errors or slow ones are kept more often, they read too slow.
    """
    for piece in slices(ask):
        yield from _traffic(reader, ask, piece)
        yield from _latency(reader, ask, piece)


def _traffic(reader: Reader, ask: Ask, piece: Slice) -> Iterator[Result]:
    for cell, rows in cells(reader, ask, piece, _TRAFFIC):
        traffic, failed = _counted(rows)
        errors = wilson(failed, traffic.weight, n_effective=traffic.n_effective)
        kept = sum(row["n"] for row in rows)
        yield metric(ANALYZER, ask, cell, "inferences", without_interval(traffic.weight, kept))
        yield metric(ANALYZER, ask, cell, "error_rate", errors)
        yield from _too_many(ask, cell, errors, traffic.n_effective)


def _counted(rows: list[Row]) -> tuple[Moments, float]:
    traffic, failed = Moments(), 0.0
    for row in rows:
        weight = weight_of(row)
        traffic.add(weight, row["n"])
        failed += weight * row["failed"]
    return traffic, failed


def _latency(reader: Reader, ask: Ask, piece: Slice) -> Iterator[Metric]:
    for cell, [row] in cells(reader, ask, piece, _LATENCY):
        if not row["n"]:
            continue
        known = dict(zip(_PROBABILITIES, row["latency"], strict=True))
        for name, p in LATENCIES.items():
            values = {point: known[point] for point in _GRIDS[name]}
            yield metric(ANALYZER, ask, cell, name, quantile_interval(p, row["n"], values))


def _too_many(ask: Ask, cell: Cell, errors: Estimate, n: float) -> Iterator[Finding]:
    """A finding where even the lower end of the interval is above the bound."""
    reference = reference_for(ask.references, cell.version)
    usual = reference.error_rate if reference is not None and reference.error_rate is not None else 0.0
    bound = max(ask.policy.error_rate, usual)
    if errors.value is None or errors.low is None or errors.low <= bound or n < ask.policy.min_n:
        return
    critical = errors.low > ask.policy.error_rate_critical
    yield Finding(
        analyzer=ANALYZER,
        model=ask.model.name,
        version=cell.version,
        segment=cell.segment,
        window=cell.window,
        size=ask.size,
        metric="error_rate",
        value=errors.value,
        low=errors.low,
        high=errors.high,
        bound=bound,
        n=errors.n,
        severity=Severity.CRITICAL if critical else Severity.WARNING,
        message=f"{errors.value:.1%} of {errors.n:,.0f} inferences failed; up to {bound:.1%} is allowed.",
        evidence={"failed": errors.value * errors.n, "inferences": errors.n, "usual": usual},
    )
