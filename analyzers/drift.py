"""Do the inputs and the predictions still look like the reference's?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from mlmon.analyzers.ask import Ask, reference_for
from mlmon.analyzers.baseline import Names, Numbers, Past, earlier, later
from mlmon.analyzers.cells import ALL, Cell, Slice, cells, slices, weight_of, weighted
from mlmon.analyzers.distances import (
    CategoricalScale,
    Distance,
    NumericScale,
    categorical_distance,
    categorical_scale,
    numeric_distance,
    numeric_scale,
)
from mlmon.analyzers.drifted import Seen, verdicts
from mlmon.analyzers.reference import FIELDS, Reference, field_of
from mlmon.analyzers.report import metric
from mlmon.analyzers.statistics.estimate import undefined, without_interval
from mlmon.analyzers.statistics.proportions import Vector
from mlmon.analyzers.weights import Moments
from mlmon.core import schema
from mlmon.core.query import Count, Exists, Histogram, Measure, Row, TopTerms
from mlmon.core.result import Metric, Result
from mlmon.core.store import Reader
from mlmon.core.window import Window, following, preceding

ANALYZER: Final = "drift"
_UNNAMED: Final = 50
"""Categories asked for beyond those the reference knows."""

_MOST_TERMS: Final = 1_050
_FEATURES_A_QUERY: Final = 32
_WINDOWS_A_QUERY: Final = 64
_NOT_BY_SEGMENT: Final = frozenset({"1h", "1d", "7d"})
"""Short windows of a segment hold too little for a distance that is no noise."""

_STATED: Final = frozenset(
    {"psi", "jensen_shannon", "kolmogorov_smirnov", "wasserstein", "cramers_v", "missing_rate"}
)
"""Of the distances those that are kept for every window; the others are evidence of findings."""


_TRAFFIC: Final = weighted({"n": Count()})


class Scales(Struct, frozen=True, kw_only=True):
    """A reference made ready: its subjects, numbers first."""

    numeric: list[tuple[str, NumericScale]]
    categorical: list[tuple[str, CategoricalScale]]


def reach(ask: Ask) -> int:
    """How many later windows a window takes part in the distance or the verdict of."""
    return _of_verdict(ask) + later(ask.size, ask.model.drift_against)


def _of_verdict(ask: Ask) -> int:
    judged = ask.policy.judges(ask.size, ask.model.drift_against)
    return ask.policy.among_of(ask.size) - 1 if judged else 0


def analyze(reader: Reader, ask: Ask) -> Iterator[Result]:
    """The distances of every feature, the score and the predicted class, for all traffic and each version.

    In long windows there are those of segments too, against the same reference of the whole: a carrier's
    inputs are its own, so its distance says how special it is, and only a change of it is news. So segments
    have no verdicts. A cell with fewer effective events than the policy's `min_n` is left out: its distances
    would be noise. Verdicts look at earlier windows as well, so those are asked for too. Where the model is
    held against windows before and not against its reference (see `baseline`), that gives the edges alone.
    """
    for piece in slices(ask):
        if piece.segment and ask.size in _NOT_BY_SEGMENT:
            continue
        seen: list[Seen] = []
        for cell, traffic in _large_enough(reader, looking_back(ask), piece):
            reference = reference_for(ask.references, cell.version)
            if reference is None:
                continue
            seen.append(Seen(cell=cell, traffic=traffic, reference=reference))
        yield from _of_piece(reader, ask, piece, seen)


def looking_back(ask: Ask) -> Ask:
    """The same question, from the first window on that the verdicts of the span look back at."""
    if ask.size == ALL:
        return ask
    start = preceding(ask.span.start, ask.size, _of_verdict(ask))
    before = earlier(Window(start=start, end=following(start, ask.size)), ask.size, ask.model.drift_against)
    start = min([start, *(window.start for window in before)])
    return replace(ask, span=Window(start=start, end=ask.span.end))


def _large_enough(reader: Reader, ask: Ask, piece: Slice) -> Iterator[tuple[Cell, Moments]]:
    for cell, rows in cells(reader, ask, piece, _TRAFFIC):
        traffic = Moments()
        for row in rows:
            traffic.add(weight_of(row), row["n"])
        if traffic.n_effective >= ask.policy.min_n:
            yield cell, traffic


def _of_piece(reader: Reader, ask: Ask, piece: Slice, seen: list[Seen]) -> Iterator[Result]:
    wanted = {one.cell: one for one in seen}
    scales: dict[str, Scales] = {}
    for one in seen:
        if one.reference.version not in scales:
            scales[one.reference.version] = scales_of(one.reference)
    past = Past(size=ask.size, against=ask.model.drift_against)
    for version, known in scales.items():
        of_reference = {cell: one for cell, one in wanted.items() if one.reference.version == version}
        for span in _runs([cell.window for cell in of_reference], ask.size):
            narrowed = replace(ask, span=span)
            for cell, subject, distance in _distances(reader, narrowed, piece, known, of_reference, past):
                of_reference[cell].distances[subject] = distance
                if _within(cell.window, ask.span):
                    yield from _metrics(ask, cell, subject, distance)
    if not piece.segment:
        yield from verdicts(ask, seen)


def _within(window: Window, span: Window) -> bool:
    return window.start >= span.start and window.end <= span.end


def scales_of(reference: Reference) -> Scales:
    """Every subject of a reference, made ready; one that never had a value has no distance."""
    return Scales(
        numeric=[
            (name, numeric_scale(profile)) for name, profile in reference.numeric.items() if profile.edges
        ],
        categorical=[
            (name, categorical_scale(profile)) for name, profile in reference.categorical.items() if profile.n
        ],
    )


def _runs(windows: Sequence[Window], size: str) -> Iterator[Window]:
    """The windows in runs without long gaps, so that what is too small is not asked for."""
    run: Window | None = None
    for window in sorted(set(windows)):
        if run is not None and (size == ALL or window.start <= following(run.end, size)):
            run = Window(start=run.start, end=window.end)
            continue
        if run is not None:
            yield run
        run = window
    if run is not None:
        yield run


def _distances(
    reader: Reader, ask: Ask, piece: Slice, scales: Scales, wanted: Mapping[Cell, Seen], past: Past
) -> Iterator[tuple[Cell, str, Distance]]:
    for start in range(0, len(scales.numeric), _FEATURES_A_QUERY):
        some = scales.numeric[start : start + _FEATURES_A_QUERY]
        yield from _of_numbers(reader, ask, piece, some, wanted, past)
    for start in range(0, len(scales.categorical), _FEATURES_A_QUERY):
        names = scales.categorical[start : start + _FEATURES_A_QUERY]
        yield from _of_categories(reader, ask, piece, names, wanted, past)


def _of_numbers(
    reader: Reader,
    ask: Ask,
    piece: Slice,
    scales: Sequence[tuple[str, NumericScale]],
    wanted: Mapping[Cell, Seen],
    past: Past,
) -> Iterator[tuple[Cell, str, Distance]]:
    measures: dict[str, Measure] = {
        f"h{place}": Histogram(field_of(name, schema.FEATURES_NUMERIC), scale.profile.edges)
        for place, (name, scale) in enumerate(scales)
    }
    for cell, rows in cells(reader, ask, piece, weighted(measures, _WINDOWS_A_QUERY)):
        one = wanted.get(cell)
        if one is None:
            continue
        for place, (name, scale) in enumerate(scales):
            counts = _added(rows, f"h{place}")
            missing = max(one.traffic.weight - float(counts.sum()), 0.0)
            held = past.number(cell, name, scale, Numbers(counts=counts, missing=missing))
            if held is not None:
                yield cell, name, numeric_distance(held, counts, missing, one.shrink)


def _added(rows: Sequence[Row], column: str) -> Vector:
    first, *others = rows
    counts: Vector = np.asarray(first[column], dtype=np.float64) * weight_of(first)
    for row in others:
        counts = counts + np.asarray(row[column], dtype=np.float64) * weight_of(row)
    return counts


def _of_categories(
    reader: Reader,
    ask: Ask,
    piece: Slice,
    scales: Sequence[tuple[str, CategoricalScale]],
    wanted: Mapping[Cell, Seen],
    past: Past,
) -> Iterator[tuple[Cell, str, Distance]]:
    measures: dict[str, Measure] = {}
    for place, (name, scale) in enumerate(scales):
        field = field_of(name, schema.FEATURES_CATEGORICAL)
        measures[f"t{place}"] = TopTerms(field, min(len(scale.profile.counts) + _UNNAMED, _MOST_TERMS))
        measures[f"n{place}"] = Count(where=Exists(field))
    for cell, rows in cells(reader, ask, piece, weighted(measures, _WINDOWS_A_QUERY)):
        one = wanted.get(cell)
        if one is None:
            continue
        for place, (name, scale) in enumerate(scales):
            counts, present = terms(rows, f"t{place}"), total_of(rows, f"n{place}")
            rest = max(present - sum(counts.values()), 0.0)
            missing = max(one.traffic.weight - present, 0.0)
            held = past.category(cell, name, scale, Names(counts=counts, rest=rest, missing=missing))
            if held is not None:
                yield cell, name, categorical_distance(held, counts, rest, missing, one.shrink)


def terms(rows: Sequence[Row], column: str) -> dict[str, float]:
    """The weighted counts of a column of top terms, over rows that each have a weight."""
    counts: dict[str, float] = {}
    for row in rows:
        weight = weight_of(row)
        for name, count in row[column] or ():
            counts[name] = counts.get(name, 0.0) + weight * count
    return counts


def total_of(rows: Sequence[Row], column: str) -> float:
    """The weighted sum of a column."""
    return sum((weight_of(row) * row[column] for row in rows), 0.0)


def _metrics(ask: Ask, cell: Cell, subject: str, distance: Distance) -> Iterator[Metric]:
    for name, value in distance.metrics.items():
        if name not in _STATED or (name == "missing_rate" and subject in FIELDS):
            continue  # of the latter: what has no prediction has failed, and the service metrics count that
        n = distance.n_all if name == "missing_rate" else distance.n
        estimate = without_interval(value, n) if value is not None else undefined(n)
        yield metric(ANALYZER, ask, cell, name, estimate, subject=subject)
