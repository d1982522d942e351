"""How a reference is made: from a past window of a store, or from the columns of a training file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from mlmon.analyzers.ask import Ask
from mlmon.analyzers.cells import ALL, WEIGHT, Question, Slice, cells, slices
from mlmon.analyzers.models import BINARY, MULTICLASS, REGRESSION, Model
from mlmon.analyzers.performance import gather
from mlmon.analyzers.reference import (
    FIELDS,
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
from mlmon.analyzers.regression import SIZE_EDGES, fourth_power
from mlmon.analyzers.statistics.histograms import edges_from_quantiles, histogram, quantile_edges
from mlmon.analyzers.statistics.log_loss import SMALLEST
from mlmon.analyzers.sums import (
    SCORE_EDGES,
    BinarySums,
    MulticlassSums,
    RegressionSums,
    Sums,
    add_counts,
    merge_pairs,
)
from mlmon.analyzers.weights import Moments
from mlmon.core import schema
from mlmon.core.errors import UsageError
from mlmon.core.query import Count, Equals, Exists, Histogram, Measure, Quantiles, StdDev, Terms, TopTerms
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
    return Reference(
        model=model.name,
        version=version,
        source="window",
        window=window,
        built_at=now,
        n=n,
        task=model.task,
        positive_label=model.positive_label,
        numeric=_numeric(reader, ask, n),
        categorical=_categorical(reader, ask, n),
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
    question = Question(
        dataset=Dataset.INFERENCE,
        by={WEIGHT: Terms(schema.SAMPLE_WEIGHT)},
        measures={"n": Count(), "failed": Count(where=Equals(schema.EVENT_OUTCOME, "failure"))},
    )
    n = failed = 0.0
    for _, rows in cells(reader, ask, Slice(), question):
        for row in rows:
            n += weight(row) * row["n"]
            failed += weight(row) * row["failed"]
    return n, failed


def weight(row: Mapping[str, Any]) -> float:
    """The sample weight of a group; events without one count once."""
    return 1.0 if row[WEIGHT] is None else float(row[WEIGHT])


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
    if not measures:
        return {}
    counts = {name: np.zeros(len(cuts) + 1) for name, cuts in edges.items()}
    spread: dict[str, float | None] = {}
    question = Question(
        dataset=Dataset.INFERENCE, by={WEIGHT: Terms(schema.SAMPLE_WEIGHT)}, measures=measures
    )
    for _, rows in cells(reader, ask, Slice(), question):
        largest = max(rows, key=lambda row: weight(row) * sum(row["h0"]))
        for place, name in enumerate(edges):
            for row in rows:
                counts[name] += weight(row) * np.asarray(row[f"h{place}"], dtype=np.float64)
            spread[name] = largest[f"s{place}"]
    return {
        name: Numeric(
            edges=edges[name],
            counts=tuple(found.tolist()),
            missing=max(n - float(found.sum()), 0.0),
            std=spread.get(name),
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
        question = Question(
            dataset=Dataset.INFERENCE, by={WEIGHT: Terms(schema.SAMPLE_WEIGHT)}, measures=measures
        )
        for _, rows in cells(reader, ask, Slice(), question):
            for place, name in enumerate(some):
                profile = _of_terms(rows, f"t{place}", f"n{place}", n)
                if profile is not None:
                    profiles[name] = profile
    return profiles


def _of_terms(rows: Iterable[Mapping[str, Any]], terms: str, there: str, n: float) -> Categorical | None:
    counts: dict[str, float] = {}
    present = 0.0
    for row in rows:
        present += weight(row) * row[there]
        for name, count in row[terms] or ():
            counts[name] = counts.get(name, 0.0) + weight(row) * count
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


Column = Sequence[Any] | npt.NDArray[Any]


class Columns(Struct, frozen=True, kw_only=True):
    """A table and what its columns are. Each column has one entry a row; None and NaN are missing.

    `score` is the probability of the positive class (binary); `probabilities` are by class (multiclass);
    `value` is a predicted number and `outcome_value` the true one. `segments` are by field. What is not there
    is None or empty. Scores should come from rows that the model was not fitted on.
    """

    features: Mapping[str, Column]
    score: Column | None = None
    label: Column | None = None
    outcome: Column | None = None
    value: Column | None = None
    outcome_value: Column | None = None
    probabilities: Mapping[str, Column] = {}
    segments: Mapping[str, Column] = {}


def from_columns(
    columns: Columns,
    *,
    model: str,
    source: str,
    now: datetime,
    version: str = "",
    task: str = "",
    positive_label: str | None = None,
    like: Reference | None = None,
) -> Reference:
    """The profile of a training table. `like` gives the edges, so that parts of one table merge exactly.

    Raises:
        UsageError: no column, or columns of different lengths.

    """
    n = _length(columns)
    numeric, text = _kinds(columns)
    return Reference(
        model=model,
        version=version,
        source=source,
        built_at=now,
        n=float(n),
        task=task or _task_of(columns),
        positive_label=positive_label,
        numeric={name: _numeric_of(name, values, like) for name, values in numeric.items()},
        categorical={name: _categorical_of(values) for name, values in text.items()},
        outcome=None if columns.outcome is None else _categorical_of(columns.outcome),
        performance=dict(_performance_of(columns, task or _task_of(columns), positive_label)),
    )


def _length(columns: Columns) -> int:
    parts = [*columns.features.items(), *columns.segments.items(), *columns.probabilities.items()]
    parts += [
        (name, values)
        for name in ("score", "label", "outcome", "value", "outcome_value")
        if (values := getattr(columns, name)) is not None
    ]
    lengths = {name: len(values) for name, values in parts}
    if len(set(lengths.values())) != 1:
        raise UsageError(
            f"A reference needs columns of one length, got {lengths or 'no column'}. Check the file's columns."
        )
    return next(iter(lengths.values()))


def _kinds(columns: Columns) -> tuple[dict[str, Column], dict[str, Column]]:
    numeric: dict[str, Column] = {}
    text: dict[str, Column] = {}
    for name, values in columns.features.items():
        (numeric if _is_numeric(values) else text)[name] = values
    for name, found in ((SCORE, columns.score), (VALUE, columns.value)):
        if found is not None:
            numeric[name] = found
    if columns.label is not None:
        text[LABEL] = columns.label
    return numeric, text


def _is_numeric(values: Column) -> bool:
    """Numbers and missing values only; booleans and text are categories."""
    if isinstance(values, np.ndarray) and values.dtype != object:
        return bool(np.issubdtype(values.dtype, np.number))
    return all(
        value is None or (isinstance(value, (int, float)) and not isinstance(value, bool)) for value in values
    )


def _floats(values: Column) -> npt.NDArray[np.float64]:
    return np.asarray([np.nan if value is None else value for value in values], dtype=np.float64)


def _numeric_of(name: str, values: Column, like: Reference | None) -> Numeric:
    array = _floats(values)
    known = array[np.isfinite(array)]
    if like is not None and name in like.numeric:
        edges = np.asarray(like.numeric[name].edges)
    elif name == SCORE and known.size and known.min() >= 0.0 and known.max() <= 1.0:
        edges = np.asarray(SCORE_EDGES)
    else:
        edges = quantile_edges(known, MOST_EDGES)
    counts = histogram(known, edges)
    return Numeric(
        edges=tuple(edges.tolist()),
        counts=tuple(counts.tolist()),
        missing=float(array.size - known.size),
        std=float(known.std()) if known.size else None,
    )


def _text(values: Column) -> list[str | None]:
    return [None if value is None or value != value else str(value) for value in values]  # noqa: PLR0124 - NaN


def _categorical_of(values: Column) -> Categorical:
    counts = Counter(_text(values))
    missing = counts.pop(None, 0)
    return categorical(
        {name: float(count) for name, count in counts.items() if name is not None}, missing=float(missing)
    )


def _task_of(columns: Columns) -> str:
    if columns.value is not None:
        return REGRESSION
    if columns.label is None:
        return ""
    labels = {label for label in _text(columns.label) if label is not None}
    return BINARY if len(labels) <= 2 and not columns.probabilities else MULTICLASS  # noqa: PLR2004 - two classes


def _performance_of(columns: Columns, task: str, positive: str | None) -> Iterable[tuple[str, Sums]]:
    judged = _judge(columns, task, positive)
    if judged is None:
        return
    yield "", judged(None)
    for field, values in columns.segments.items():
        names = np.asarray(_text(values), dtype=object)
        frequent = Counter(name for name in names if name is not None).most_common(50)
        for name, _ in frequent:
            yield f"{field}={name}", judged(names == name)


def _judge(columns: Columns, task: str, positive: str | None) -> Any:  # noqa: ANN401 - a function of rows, or None
    if task == REGRESSION and columns.value is not None and columns.outcome_value is not None:
        predicted, actual = _floats(columns.value), _floats(columns.outcome_value)
        return lambda rows: _regression(predicted, actual, rows)
    if columns.label is None or columns.outcome is None:
        return None
    labels = np.asarray(_text(columns.label), dtype=object)
    outcomes = np.asarray(_text(columns.outcome), dtype=object)
    if task == BINARY and positive is not None:
        scores = _floats(columns.score) if columns.score is not None else np.full(labels.size, np.nan)
        return lambda rows: _binary(labels, outcomes, scores, positive, rows)
    if task == MULTICLASS:
        chances = _chances(columns.probabilities, outcomes)
        return lambda rows: _multiclass(labels, outcomes, chances, rows)
    return None


_Texts = npt.NDArray[Any]
_Floats = npt.NDArray[np.float64]
_Rows = npt.NDArray[np.bool_] | None


def _regression(predicted: _Floats, actual: _Floats, rows: _Rows) -> RegressionSums:
    error = predicted - actual
    known = np.isfinite(error) if rows is None else np.isfinite(error) & rows
    error, actual = error[known], actual[known]
    squares = float(error @ error)
    return RegressionSums(
        error=_moments(error),
        size=_moments(np.abs(error)),
        outcome=_moments(actual),
        fourth=fourth_power(histogram(np.abs(error), SIZE_EDGES).tolist(), squares),
    )


def _binary(labels: _Texts, outcomes: _Texts, scores: _Floats, positive: str, rows: _Rows) -> BinarySums:
    there = _known(outcomes, rows)
    scored = there & np.isfinite(scores)
    hits = outcomes[scored] == positive
    values = scores[scored]
    chance = np.clip(np.where(hits, values, 1.0 - values), SMALLEST, 1.0 - SMALLEST)
    square = _moments((values - hits) ** 2)
    return BinarySums(
        positive=positive,
        pairs=_pairs(labels, outcomes, there),
        loss=_moments(-np.log(chance)),
        brier=Moments(weight=square.weight, weight_squares=square.weight_squares, total=square.total),
        positives=add_counts([], histogram(values[hits], SCORE_EDGES).tolist() if values.size else []),
        negatives=add_counts([], histogram(values[~hits], SCORE_EDGES).tolist() if values.size else []),
    )


def _chances(probabilities: Mapping[str, Column], outcomes: _Texts) -> _Floats:
    """The probability that was given to what happened; NaN where there are no probabilities."""
    chances = np.full(outcomes.size, np.nan if not probabilities else 0.0)
    for label, values in probabilities.items():
        here = outcomes == label
        chances[here] = _floats(values)[here]
    return chances


def _multiclass(labels: _Texts, outcomes: _Texts, chances: _Floats, rows: _Rows) -> MulticlassSums:
    there = _known(outcomes, rows)
    given = chances[there & np.isfinite(chances)]
    return MulticlassSums(
        pairs=_pairs(labels, outcomes, there),
        loss=_moments(-np.log(np.clip(given, SMALLEST, 1.0 - SMALLEST))),
    )


def _known(outcomes: _Texts, rows: _Rows) -> npt.NDArray[np.bool_]:
    known = np.fromiter((outcome is not None for outcome in outcomes), dtype=np.bool_, count=outcomes.size)
    return known if rows is None else known & rows


def _pairs(
    labels: _Texts, outcomes: _Texts, there: npt.NDArray[np.bool_]
) -> list[tuple[str, str, float, float]]:
    counts = Counter(zip(outcomes[there].tolist(), labels[there].tolist(), strict=True))
    return merge_pairs(
        (actual, predicted, 1.0, float(count))
        for (actual, predicted), count in counts.items()
        if predicted is not None
    )


def _moments(values: _Floats) -> Moments:
    n = float(values.size)
    return Moments(weight=n, weight_squares=n, total=float(values.sum()), squares=float(values @ values))


__all__ = ["FIELDS", "Columns", "from_columns", "from_window", "plain"]
