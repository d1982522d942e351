"""How good the predictions of a table are: every measure with its interval, exact on the raw scores."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from mlmon.analyzers import binary, multiclass, regression
from mlmon.analyzers.models import BINARY, MULTICLASS, REGRESSION
from mlmon.analyzers.pairs import confusion_of
from mlmon.analyzers.profile_columns import Column, Columns, floats, is_numeric, sums_of, text
from mlmon.analyzers.statistics.auc import auc
from mlmon.analyzers.statistics.average_precision import average_precision
from mlmon.analyzers.statistics.brier import brier
from mlmon.analyzers.statistics.calibration import expected_calibration_error, reliability
from mlmon.analyzers.statistics.estimate import Estimate
from mlmon.analyzers.sums import BinarySums, MulticlassSums, RegressionSums
from mlmon.core.errors import UsageError

TASKS: Final = (BINARY, MULTICLASS, REGRESSION)
BINS: Final = 10
_FEW: Final = 20
"""Numbers with more different values than these are no classes."""

_YES: Final = {"0": "1", "false": "true", "no": "yes", "negative": "positive"}
"""What the positive class is called beside the negative one."""

_Floats = npt.NDArray[np.float64]
Row = dict[str, Any]

KEYS: Final = (
    "part", "name", "subject", "value", "low", "high", "n", "actual", "predicted", "mean_score",
)  # fmt: skip
"""The keys of the rows: `part` is `metric`, `confusion` (a count) or `calibration` (an observed rate)."""


class Judged(Struct, frozen=True, kw_only=True):
    """What was made of the table, and the rows."""

    task: str
    positive: str | None
    rows: list[Row]
    without_outcome: int


def judge(
    *,
    outcome: Column,
    prediction: Column | None = None,
    score: Column | None = None,
    task: str | None = None,
    positive: str | None = None,
    threshold: float = 0.5,
) -> Judged:
    """Hold predictions against outcomes; rows without an outcome are left out.

    With scores and no predictions, a score of `threshold` or more predicts the positive class. The positive
    class is the one named, else `1`, `true`, `yes` or `positive`, also where only the opposite is there;
    else that with the higher mean score.

    Raises:
        UsageError: nothing was predicted, or the columns do not fit the task.

    """
    if prediction is None and score is None:
        raise UsageError("There is nothing to hold against the outcome. Name --prediction, --score or both.")
    task = task or _task(outcome, prediction, score)
    if task == REGRESSION:
        return _numbers(outcome, prediction if prediction is not None else score)
    truth = text(outcome)
    known = np.array([label is not None for label in truth], dtype=bool)
    scores = floats(score) if score is not None and is_numeric(score) else None
    if task == MULTICLASS and prediction is None:
        raise UsageError("More than two classes need their predictions. Name the column with --prediction.")
    given = text(prediction) if prediction is not None else []
    classes = sorted({label for label in (*truth, *given) if label is not None})
    positive = (positive or _positive(classes, truth, scores)) if task == BINARY else None
    if positive is not None:
        _check(positive, classes)
    said = given if prediction is not None else _said(truth, scores, positive, threshold)
    columns = Columns(features={}, score=scores, label=said, outcome=truth)
    sums = sums_of(columns, task, positive)
    rows = list(_rows(sums, truth, scores))
    return Judged(task=task, positive=positive, rows=rows, without_outcome=int((~known).sum()))


def _check(positive: str, classes: list[str]) -> None:
    """A file may lack the positive class, but where there are two others it is a mistake."""
    if positive not in classes and len(classes) > 1:
        raise UsageError(f"'{positive}' is no class of the file. There are: {', '.join(classes)}.")


def _task(outcome: Column, prediction: Column | None, score: Column | None) -> str:
    if is_numeric(outcome) and (prediction is None or is_numeric(prediction)):
        values = floats(outcome)
        values = values[np.isfinite(values)]
        if np.unique(values).size > _FEW or (values % 1.0 != 0.0).any():
            return REGRESSION
    classes = {label for label in text(outcome) if label is not None}
    if prediction is not None:
        classes |= {label for label in text(prediction) if label is not None}
    return BINARY if len(classes) <= 2 or (score is not None and prediction is None) else MULTICLASS  # noqa: PLR2004 - two


def _positive(classes: list[str], truth: list[str | None], scores: _Floats | None) -> str:
    if not any(label is not None for label in truth):
        raise UsageError("No row has an outcome, so nothing can be said of the predictions.")
    by_name = [label for label in classes if label.lower() in _YES.values()]
    if not by_name and len(classes) == 1 and classes[0].lower() in _YES:
        return _YES[classes[0].lower()]
    if by_name or scores is None:
        return (by_name or classes)[-1]
    return max(classes, key=lambda label: _mean(scores, truth, label))


def _mean(scores: _Floats, truth: list[str | None], label: str) -> float:
    here = np.array([one == label for one in truth], dtype=bool) & np.isfinite(scores)
    return float(scores[here].mean()) if here.any() else -np.inf


def _said(
    truth: list[str | None], scores: _Floats | None, positive: str | None, threshold: float
) -> list[str | None]:
    others = sorted({label for label in truth if label is not None and label != positive})
    other = others[0] if others else f"not {positive}"
    if scores is None:
        raise UsageError("The scores are no numbers. Name another column with --score.")
    return [
        None if not np.isfinite(one) else positive if one >= threshold else other for one in scores.tolist()
    ]


def _numbers(outcome: Column, predicted: Column | None) -> Judged:
    if predicted is None or not is_numeric(outcome) or not is_numeric(predicted):
        raise UsageError("A regression needs numbers in both --prediction and --outcome.")
    sums = sums_of(Columns(features={}, value=predicted, outcome_value=outcome), REGRESSION, None)
    lost = int((~np.isfinite(floats(outcome))).sum())
    return Judged(task=REGRESSION, positive=None, rows=list(_rows(sums, [], None)), without_outcome=lost)


def _rows(sums: Any, truth: list[str | None], scores: _Floats | None) -> Iterator[Row]:  # noqa: ANN401 - sums of a task
    match sums:
        case RegressionSums():
            found = regression.estimates(sums)
        case MulticlassSums():
            found = multiclass.estimates(sums)
        case _:
            found = _of_two(sums, truth, scores)
    for name, subject, estimate in found:
        yield {"part": "metric", "name": name, "subject": subject} | _said_of(estimate)
    if isinstance(sums, RegressionSums):
        return
    yield from _confusion(sums)
    if isinstance(sums, BinarySums) and scores is not None:
        yield from _calibration(*_scored(sums.positive, truth, scores))


def _said_of(estimate: Estimate) -> Row:
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high, "n": estimate.n}


def _scored(positive: str, truth: list[str | None], scores: _Floats) -> tuple[_Floats, npt.NDArray[np.bool_]]:
    known = np.array([label is not None for label in truth], dtype=bool) & np.isfinite(scores)
    hits = np.array([label == positive for label in truth], dtype=bool)
    return scores[known], hits[known]


def _of_two(
    sums: BinarySums, truth: list[str | None], scores: _Floats | None
) -> Iterator[tuple[str, str, Estimate]]:
    """The measures of two classes; those of scores by the raw ones, in place of a histogram's."""
    exact: dict[str, Estimate | None] = {}
    if scores is not None:
        exact = dict(_of_scores(*_scored(sums.positive, truth, scores)))
    for name, subject, estimate in binary.estimates(sums):
        better = exact.get(name, estimate)
        if better is not None:
            yield name, subject, better


def _of_scores(values: _Floats, hits: npt.NDArray[np.bool_]) -> Iterator[tuple[str, Estimate | None]]:
    if not values.size:
        return
    distinct, places = np.unique(values, return_inverse=True)
    above = np.bincount(places, weights=hits, minlength=distinct.size)
    below = np.bincount(places, weights=~hits, minlength=distinct.size)
    yield "roc_auc", auc(above, below)
    yield "average_precision", average_precision(above, below)
    if distinct[0] < 0.0 or distinct[-1] > 1.0:
        yield from ((name, None) for name in ("log_loss", "brier", "calibration_error"))
        return
    squares = (values - hits) ** 2
    yield "brier", brier(float(values.size), float(squares.sum()), float((squares**2).sum()))
    yield "calibration_error", expected_calibration_error(*_bins(values, hits))


def _bins(values: _Floats, hits: npt.NDArray[np.bool_]) -> tuple[_Floats, _Floats, _Floats]:
    places = np.minimum((values * BINS).astype(np.intp), BINS - 1)
    counts = np.bincount(places, minlength=BINS).astype(np.float64)
    return (
        counts,
        np.bincount(places, weights=values, minlength=BINS).astype(np.float64),
        np.bincount(places, weights=hits, minlength=BINS).astype(np.float64),
    )


def _confusion(sums: BinarySums | MulticlassSums) -> Iterator[Row]:
    confusion = confusion_of(sums.pairs)
    for actual, counts in zip(confusion.labels, confusion.cells.tolist(), strict=True):
        for predicted, count in zip(confusion.labels, counts, strict=True):
            yield {
                "part": "confusion", "name": f"{actual} said {predicted}", "actual": actual,
                "predicted": predicted, "value": count, "n": confusion.total,
            }  # fmt: skip


def _calibration(values: _Floats, hits: npt.NDArray[np.bool_]) -> Iterator[Row]:
    if not values.size or values.min() < 0.0 or values.max() > 1.0:
        return
    for place, one in enumerate(reliability(*_bins(values, hits))):
        name = f"{place / BINS:.1f} to {(place + 1) / BINS:.1f}"
        if one.observed.n:
            about = {"part": "calibration", "name": name, "mean_score": one.mean_score}
            yield about | _said_of(one.observed)
