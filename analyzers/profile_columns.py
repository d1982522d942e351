"""A reference made from the columns of a training file; reading the file is the caller's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from mlmon.analyzers import profile_joint
from mlmon.analyzers.models import BINARY, MOST_VALUES, MULTICLASS, REGRESSION
from mlmon.analyzers.reference import (
    LABEL,
    MOST_EDGES,
    SCORE,
    VALUE,
    Categorical,
    Numeric,
    Reference,
    categorical,
)
from mlmon.analyzers.regression import SIZE_EDGES, fourth_power
from mlmon.analyzers.statistics.histograms import histogram, quantile_edges
from mlmon.analyzers.statistics.log_loss import SMALLEST
from mlmon.analyzers.sums import SCORE_EDGES, BinarySums, MulticlassSums, RegressionSums, Sums, merge_pairs
from mlmon.analyzers.weights import Moments
from mlmon.core.errors import UsageError

_MOST_WHOLE: Final = 2.0**63
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
    numeric, named = _kinds(columns)
    numbers = {name: _numeric_of(name, values, like) for name, values in numeric.items()}
    names = {name: _categorical_of(values) for name, values in named.items()}
    joint = profile_joint.of_columns(
        {name: values if name in numeric else text(values) for name, values in columns.features.items()},
        profile_joint.columns_of(numbers, names),
        like.joint if like is not None else None,
    )
    return Reference(
        model=model,
        version=version,
        source=source,
        built_at=now,
        n=float(n),
        task=task or _task_of(columns),
        positive_label=positive_label,
        numeric=numbers,
        categorical=names,
        joint=joint,
        outcome=None if columns.outcome is None else _categorical_of(columns.outcome),
        performance=dict(_performance_of(columns, task or _task_of(columns), positive_label)),
    )


_SINGLES = ("score", "label", "outcome", "value", "outcome_value")


def _length(columns: Columns) -> int:
    parts = {**columns.features, **columns.segments, **columns.probabilities}
    singles = {name: getattr(columns, name) for name in _SINGLES}
    parts |= {name: values for name, values in singles.items() if values is not None}
    lengths = {name: len(values) for name, values in parts.items()}
    if len(set(lengths.values())) != 1:
        raise UsageError(
            f"A reference needs columns of one length, got {lengths or 'none'}. Check the file's columns."
        )
    return next(iter(lengths.values()))


def _kinds(columns: Columns) -> tuple[dict[str, Column], dict[str, Column]]:
    numeric = {name: values for name, values in columns.features.items() if is_numeric(values)}
    named = {name: values for name, values in columns.features.items() if name not in numeric}
    said = {SCORE: columns.score, VALUE: columns.value}
    numeric |= {name: values for name, values in said.items() if values is not None}
    if columns.label is not None:
        named[LABEL] = columns.label
    return numeric, named


def is_numeric(values: Column) -> bool:
    """Numbers and missing values only; booleans and text are categories."""
    if isinstance(values, np.ndarray) and values.dtype != object:
        return bool(np.issubdtype(values.dtype, np.number))
    return all(
        value is None or (isinstance(value, (int, float)) and not isinstance(value, bool)) for value in values
    )


def floats(values: Column) -> npt.NDArray[np.float64]:
    """A column of numbers as an array; NaN is missing."""
    if isinstance(values, np.ndarray) and values.dtype != object:
        return values.astype(np.float64, copy=False)
    return np.asarray([np.nan if value is None else value for value in values], dtype=np.float64)


def _numeric_of(name: str, values: Column, like: Reference | None) -> Numeric:
    array = floats(values)
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
        mean=float(known.mean()) if known.size else None,
    )


def text(values: Column) -> list[str | None]:
    """A column as the text that is served of it: truth in small letters, whole numbers without a fraction.

    None is missing.
    """
    if isinstance(values, np.ndarray) and values.dtype != object:
        distinct, places = np.unique(values, return_inverse=True)
        words = np.empty(distinct.size, dtype=object)
        words[:] = text(distinct.tolist())
        found: list[str | None] = words[places].tolist()
        return found
    return [
        value if type(value) is str else None if value is None or value != value else _word(value)  # noqa: PLR0124 - NaN
        for value in values
    ]


def _word(value: Any) -> str:  # noqa: ANN401 - any value but a missing one
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, (float, np.floating)):
        number = float(value)
        return str(int(number)) if number.is_integer() and abs(number) < _MOST_WHOLE else str(number)
    return str(value)


def _categorical_of(values: Column) -> Categorical:
    counts = Counter(text(values))
    missing = counts.pop(None, 0)
    return categorical(
        {name: float(count) for name, count in counts.items() if name is not None}, missing=float(missing)
    )


def _task_of(columns: Columns) -> str:
    if columns.value is not None:
        return REGRESSION
    if columns.label is None:
        return ""
    labels = {label for label in text(columns.label) if label is not None}
    return BINARY if len(labels) <= 2 and not columns.probabilities else MULTICLASS  # noqa: PLR2004 - two classes


def sums_of(columns: Columns, task: str, positive: str | None) -> Sums:
    """The sufficient statistics of a whole table.

    Raises:
        UsageError: the columns are not those of the task.

    """
    judged = _judge(columns, task, positive)
    if judged is None:
        raise UsageError(
            f"The columns are not those of the task '{task}'. It needs predictions and outcomes."
        )
    found: Sums = judged(None)
    return found


def _performance_of(columns: Columns, task: str, positive: str | None) -> Iterable[tuple[str, Sums]]:
    judged = _judge(columns, task, positive)
    if judged is None:
        return
    yield "", judged(None)
    for field, values in columns.segments.items():
        names = np.asarray(text(values), dtype=object)
        frequent = Counter(name for name in names if name is not None).most_common(MOST_VALUES)
        for name, _ in frequent:
            yield f"{field}={name}", judged(names == name)


def _judge(columns: Columns, task: str, positive: str | None) -> Any:  # noqa: ANN401 - a function of rows, or None
    if task == REGRESSION and columns.value is not None and columns.outcome_value is not None:
        predicted, actual = floats(columns.value), floats(columns.outcome_value)
        return lambda rows: _regression(predicted, actual, rows)
    if columns.label is None or columns.outcome is None:
        return None
    labels = np.asarray(text(columns.label), dtype=object)
    outcomes = np.asarray(text(columns.outcome), dtype=object)
    if task == BINARY and positive is not None:
        scores = floats(columns.score) if columns.score is not None else np.full(labels.size, np.nan)
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
        positives=histogram(values[hits], SCORE_EDGES).tolist() if values.size else [],
        negatives=histogram(values[~hits], SCORE_EDGES).tolist() if values.size else [],
    )


def _chances(probabilities: Mapping[str, Column], outcomes: _Texts) -> _Floats:
    """The probability that was given to what happened; NaN where there are no probabilities."""
    chances = np.full(outcomes.size, np.nan if not probabilities else 0.0)
    for label, values in probabilities.items():
        here = outcomes == label
        chances[here] = floats(values)[here]
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
