"""Do the outcomes still fall as they did in the reference? What happens may change where no input does.

Late outcomes are often of one kind, so only windows whose outcomes have had their time are looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from msgspec.structs import replace

from mlmon.analyzers.ask import Ask, reference_for
from mlmon.analyzers.baseline import Names, Past
from mlmon.analyzers.cells import ALL, WEIGHT, Cell, Question, Slice, cells, slices, weight_of
from mlmon.analyzers.distances import categorical_distance, categorical_scale
from mlmon.analyzers.drift import ANALYZER, looking_back, terms, total_of
from mlmon.analyzers.drifted import Seen, verdicts
from mlmon.analyzers.report import metric
from mlmon.analyzers.statistics.estimate import undefined, without_interval
from mlmon.analyzers.weights import Moments
from mlmon.core import schema
from mlmon.core.query import Count, Exists, Row, Terms, TopTerms
from mlmon.core.result import Result
from mlmon.core.schema import Dataset
from mlmon.core.store import Reader

OUTCOME: Final = "outcome.label"
"""The subject of what is said here."""

_MOST: Final = 1_000
_STATED: Final = ("psi", "jensen_shannon", "cramers_v")
_LABELS: Final = Question(
    dataset=Dataset.EVALUATION,
    by={WEIGHT: Terms(schema.EVALUATION_WEIGHT)},
    measures={"labels": TopTerms(schema.OUTCOME_LABEL, _MOST), "n": Count()},
    where=Exists(schema.OUTCOME_LABEL),
)


def analyze(reader: Reader, ask: Ask) -> Iterator[Result]:
    """The distances of the outcomes' labels, of all traffic and of each version, with verdicts.

    The policy, and what a window is held against, are those of the inputs. Numeric outcomes have no such
    distance; their mean and spread are within the performance metrics.
    """
    if not any(reference.outcome is not None for reference in ask.references.values()):
        return
    for piece in slices(ask):
        if not piece.segment:
            yield from _of_piece(reader, ask, piece)


def _of_piece(reader: Reader, ask: Ask, piece: Slice) -> Iterator[Result]:
    past, seen = Past(size=ask.size, against=ask.model.drift_against), []
    for cell, rows in cells(reader, looking_back(ask), piece, _LABELS):
        one = _seen(ask, cell, rows, past)
        if one is None:
            continue
        seen.append(one)
        if ask.size == ALL or cell.window.start >= ask.span.start:
            distance = one.distances[OUTCOME]
            for name in _STATED:
                value = distance.metrics[name]
                estimate = undefined(distance.n) if value is None else without_interval(value, distance.n)
                yield metric(ANALYZER, ask, cell, name, estimate, subject=OUTCOME)
    yield from verdicts(replace(ask, now=ask.now - ask.maturity), seen)


def _seen(ask: Ask, cell: Cell, rows: list[Row], past: Past) -> Seen | None:
    reference = reference_for(ask.references, cell.version)
    if reference is None or reference.outcome is None or not reference.outcome.n:
        return None
    if ask.size != ALL and cell.window.end + ask.maturity > ask.now:
        return None
    traffic = Moments()
    for row in rows:
        traffic.add(weight_of(row), row["n"])
    if traffic.n_effective < ask.policy.min_n:
        return None
    counts = {name: count for name, count in terms(rows, "labels").items() if count > 0.0}
    rest = max(total_of(rows, "n") - sum(counts.values()), 0.0)
    scale = categorical_scale(reference.outcome)
    held = past.category(cell, OUTCOME, scale, Names(counts=counts, rest=rest, missing=0.0))
    if held is None:
        return None
    one = Seen(cell=cell, traffic=traffic, reference=reference)
    one.distances[OUTCOME] = categorical_distance(held, counts, rest, 0.0, one.shrink)
    return one
