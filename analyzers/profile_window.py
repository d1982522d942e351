"""A reference made from a past window of a store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

import numpy as np

from mlmon.analyzers import profile_joint
from mlmon.analyzers.ask import Ask
from mlmon.analyzers.cells import ALL, WEIGHT, Question, Slice, cells, slices, weight_of, weighted
from mlmon.analyzers.models import Model
from mlmon.analyzers.performance import gather
from mlmon.analyzers.reference import (
    LABEL,
    MOST_CATEGORIES,
    MOST_EDGES,
    SCORE,
    VALUE,
    Categorical,
    Numeric,
    Reference,
    categorical,
    field_of,
)
from mlmon.analyzers.statistics.histograms import edges_from_quantiles
from mlmon.analyzers.sums import SCORE_EDGES, BinarySums, Sums
from mlmon.core import schema
from mlmon.core.errors import UsageError
from mlmon.core.query import (
    Count,
    Equals,
    Exists,
    Histogram,
    Mean,
    Measure,
    Quantiles,
    Row,
    StdDev,
    Terms,
    TopTerms,
    both,
)
from mlmon.core.schema import Dataset
from mlmon.core.store import Reader
from mlmon.core.window import Window

_PROBABILITIES: Final = tuple(np.linspace(0.0, 1.0, MOST_EDGES - 1).tolist())
_FEATURES_A_QUERY: Final = 32


def from_window(
    reader: Reader, model: Model, window: Window, *, now: datetime, version: str = ""
) -> Reference:
    """The profile of what a model served in a past window, with its performance as far as it is known.

    Counts are weighted by the sample weight; edges are quantiles of the events that were kept.

    Raises:
        UsageError: the model served nothing in the window.

    """
    segments = tuple(model.segments)
    ask = Ask(model=model, span=window, size=ALL, now=now, version=version, by_segment=segments)
    n, failed = _served(reader, ask)
    if not n:
        raise UsageError(
            f"{model.name} served nothing in {window}, so no reference can be made of it. "
            f"It served from {model.first} to {model.last}."
        )
    numeric, named = _numeric(reader, ask, n), _categorical(reader, ask, n)
    where = both(
        Equals(schema.MODEL_NAME, model.name), Equals(schema.MODEL_VERSION, version) if version else None
    )
    return Reference(
        model=model.name,
        version=version,
        source="window",
        window=window,
        built_at=now,
        n=n,
        task=model.task,
        positive_label=model.positive_label,
        numeric=numeric,
        categorical=named,
        joint=profile_joint.of_window(reader, window, where, profile_joint.columns_of(numeric, named)),
        outcome=_outcome(reader, ask),
        performance={
            cell.segment: plain(found) for piece in slices(ask) for cell, found in gather(reader, ask, piece)
        },
        error_rate=failed / n,
    )


def plain(found: Sums) -> Sums:
    """The same sums with lists for arrays, as they are stored."""
    if isinstance(found, BinarySums):
        found.positives = np.asarray(found.positives).tolist()
        found.negatives = np.asarray(found.negatives).tolist()
    return found


def _served(reader: Reader, ask: Ask) -> tuple[float, float]:
    question = weighted({"n": Count(), "failed": Count(where=Equals(schema.EVENT_OUTCOME, "failure"))})
    n = failed = 0.0
    for _, rows in cells(reader, ask, Slice(), question):
        for row in rows:
            n += weight_of(row) * row["n"]
            failed += weight_of(row) * row["failed"]
    return n, failed


def _numeric(reader: Reader, ask: Ask, n: float) -> dict[str, Numeric]:
    names = [*reader.members(Dataset.INFERENCE, schema.FEATURES_NUMERIC), SCORE, VALUE]
    profiles: dict[str, Numeric] = {}
    for some in _chunks(names):
        edges = _edges(reader, ask, some)
        profiles |= _counted(reader, ask, edges, n)
    return profiles


def _edges(reader: Reader, ask: Ask, names: Sequence[str]) -> dict[str, tuple[float, ...]]:
    """The edges of every subject that has a value: even ones for scores, else quantiles."""
    measures: dict[str, Measure] = {}
    for place, name in enumerate(names):
        measures[f"q{place}"] = Quantiles(field_of(name, schema.FEATURES_NUMERIC), _PROBABILITIES)
    edges: dict[str, tuple[float, ...]] = {}
    question = Question(dataset=Dataset.INFERENCE, measures=measures)
    for _, [row] in cells(reader, ask, Slice(), question):
        for place, name in enumerate(names):
            quantiles = row[f"q{place}"]
            if quantiles is not None and quantiles[0] is not None:
                edges[name] = SCORE_EDGES if _is_probability(name, quantiles) else _cut(quantiles)
    return edges


def _is_probability(name: str, quantiles: Sequence[float]) -> bool:
    return name == SCORE and quantiles[0] >= 0.0 and quantiles[-1] <= 1.0


def _cut(quantiles: Sequence[float]) -> tuple[float, ...]:
    edges: tuple[float, ...] = tuple(edges_from_quantiles(quantiles).tolist())
    return edges


def _counted(
    reader: Reader, ask: Ask, edges: Mapping[str, tuple[float, ...]], n: float
) -> dict[str, Numeric]:
    measures: dict[str, Measure] = {}
    for place, (name, cuts) in enumerate(edges.items()):
        measures[f"h{place}"] = Histogram(field_of(name, schema.FEATURES_NUMERIC), cuts)
        measures[f"s{place}"] = StdDev(field_of(name, schema.FEATURES_NUMERIC))
        measures[f"m{place}"] = Mean(field_of(name, schema.FEATURES_NUMERIC))
    if not measures:
        return {}
    counts = {name: np.zeros(len(cuts) + 1) for name, cuts in edges.items()}
    spread: dict[str, tuple[float | None, float | None]] = {}
    question = weighted(measures)
    for _, rows in cells(reader, ask, Slice(), question):
        largest = max(rows, key=lambda row: weight_of(row) * sum(row["h0"]))
        for place, name in enumerate(edges):
            for row in rows:
                counts[name] += weight_of(row) * np.asarray(row[f"h{place}"], dtype=np.float64)
            spread[name] = largest[f"s{place}"], largest[f"m{place}"]
    return {
        name: Numeric(
            edges=edges[name],
            counts=tuple(found.tolist()),
            missing=max(n - float(found.sum()), 0.0),
            std=spread.get(name, (None, None))[0],
            mean=spread.get(name, (None, None))[1],
        )
        for name, found in counts.items()
    }


def _categorical(reader: Reader, ask: Ask, n: float) -> dict[str, Categorical]:
    names = [*reader.members(Dataset.INFERENCE, schema.FEATURES_CATEGORICAL), LABEL]
    profiles: dict[str, Categorical] = {}
    for some in _chunks(names):
        measures: dict[str, Measure] = {}
        for place, name in enumerate(some):
            field = field_of(name, schema.FEATURES_CATEGORICAL)
            measures[f"t{place}"] = TopTerms(field, MOST_CATEGORIES)
            measures[f"n{place}"] = Count(where=Exists(field))
        question = weighted(measures)
        for _, rows in cells(reader, ask, Slice(), question):
            for place, name in enumerate(some):
                profile = _of_terms(rows, f"t{place}", f"n{place}", n)
                if profile is not None:
                    profiles[name] = profile
    return profiles


def _of_terms(rows: Iterable[Row], terms: str, there: str, n: float) -> Categorical | None:
    counts: dict[str, float] = {}
    present = 0.0
    for row in rows:
        present += weight_of(row) * row[there]
        for name, count in row[terms] or ():
            counts[name] = counts.get(name, 0.0) + weight_of(row) * count
    if not present:
        return None
    return categorical(counts, other=max(present - sum(counts.values()), 0.0), missing=max(n - present, 0.0))


def _outcome(reader: Reader, ask: Ask) -> Categorical | None:
    question = Question(
        dataset=Dataset.EVALUATION,
        by={"label": Terms(schema.OUTCOME_LABEL), WEIGHT: Terms(schema.EVALUATION_WEIGHT)},
        measures={"n": Count()},
    )
    counts: dict[str, float] = {}
    for _, rows in cells(reader, ask, Slice(), question):
        for row in rows:
            if row["label"] is not None:
                counts[row["label"]] = counts.get(row["label"], 0.0) + row[WEIGHT] * row["n"]
    return categorical(counts) if counts else None


def _chunks(names: Sequence[str]) -> Iterable[Sequence[str]]:
    return (names[start : start + _FEATURES_A_QUERY] for start in range(0, len(names), _FEATURES_A_QUERY))
