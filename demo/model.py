"""The model that the demo watches: will this flight arrive more than 15 minutes late?

Gradient boosted trees of scikit-learn on what is known when the departure is planned. Out-of-fold scores
are kept beside the model: they say what it knows about flights that it has not seen, which is what a
reference must hold. The folds are whole weeks, because flights of one day share their weather and their
delays; folds of single flights would promise more than the model can do.

Categories are numbered here and not in a scikit-learn transformer: the trees split on the numbers about as
well, and an hour of flights is scored several times quicker.

Fitting and scoring use one thread. A second one gains little on so small a model, and makes it several times
slower where another process, such as a collector, wants the same cores.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import GroupKFold
from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]  # it ships no types

from mlmon.demo.flights import CATEGORICAL, FEATURES, LATE, NUMERIC, ON_TIME, WEEKDAYS, features, outcomes

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import NDArray

    Columns: TypeAlias = Mapping[str, NDArray[Any]]
    Codes: TypeAlias = Mapping[str, Mapping[str, float]]

FOLDS: Final = 5
_SEED: Final = 2013
# Made once, after scikit-learn has loaded its thread pools: looking for them is slow, limiting them is not.
_THREADS: Final = ThreadpoolController()


@dataclass(frozen=True, slots=True, kw_only=True)
class LatenessModel:
    """A fitted model with what is needed to use it; safe to share between threads.

    `codes` numbers the categories met in training; one that was not met counts as missing.
    `threshold` is the score from which a flight is called late. As many out-of-fold flights reach it as were
    really late, so on unseen flights of the training months precision equals recall.
    """

    estimator: HistGradientBoostingClassifier
    codes: Codes
    threshold: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """A model and how it does on flights of the training months that it had not seen.

    `reference` has one row for each training flight, those without an outcome too, since a model in service
    meets them as well. Columns: `flight_id`, `departure`, the features, `score` (out-of-fold probability of
    `late`), `label` (predicted) and `outcome` (`late`, `on_time` or None).
    """

    model: LatenessModel
    reference: pd.DataFrame


def train(flights: pd.DataFrame) -> Training:
    """Fit on every given flight that has an outcome; the same flights give the same model."""
    columns = features(flights)
    codes = _number(columns)
    rows = _matrix(codes, columns)
    late = flights["late"].to_numpy(dtype=float)
    known = ~np.isnan(late)
    with _THREADS.limit(limits=1):
        scores = _out_of_fold(rows, late, _weeks(flights))
        estimator = _estimator().fit(rows[known], late[known] == 1.0)
    model = LatenessModel(
        estimator=estimator,
        codes=codes,
        threshold=float(np.quantile(scores[known], 1.0 - late[known].mean())),
    )
    reference = flights[["flight_id", "departure", *FEATURES]].assign(
        score=scores, label=labels(model, scores), outcome=np.array(outcomes(late), dtype=object)
    )
    return Training(model=model, reference=reference)


def score(model: LatenessModel, columns: Columns) -> NDArray[np.float64]:
    """The probability of `late` for each flight: feature columns of shape (n,) -> (n,)."""
    rows = _matrix(model.codes, columns)
    with _THREADS.limit(limits=1):
        probabilities: NDArray[np.float64] = model.estimator.predict_proba(rows)
    return probabilities[:, 1]


def labels(model: LatenessModel, scores: NDArray[np.float64]) -> list[str]:
    """The label that each score stands for: `late` from the threshold on, else `on_time`."""
    return [LATE if late else ON_TIME for late in (scores >= model.threshold).tolist()]


def _estimator() -> HistGradientBoostingClassifier:
    return HistGradientBoostingClassifier(
        learning_rate=0.1, max_iter=60, min_samples_leaf=100, early_stopping=False, random_state=_SEED
    )


def _out_of_fold(
    rows: NDArray[np.float64], late: NDArray[np.float64], weeks: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Each flight scored by a model that saw no flight of its week."""
    scores = np.empty(len(rows))
    for seen, unseen in GroupKFold(FOLDS).split(rows, groups=weeks):
        known = seen[~np.isnan(late[seen])]
        fitted = _estimator().fit(rows[known], late[known] == 1.0)
        scores[unseen] = fitted.predict_proba(rows[unseen])[:, 1]
    return scores


def _weeks(flights: pd.DataFrame) -> NDArray[np.int64]:
    day = flights["departure"].dt.tz_localize(None).to_numpy().astype("datetime64[D]").astype(np.int64)
    weeks: NDArray[np.int64] = day // 7
    return weeks


def _number(columns: Columns) -> Codes:
    """Weekdays keep their order, the other categories are numbered by the alphabet."""
    codes: dict[str, Mapping[str, float]] = {}
    for name in CATEGORICAL:
        ordered = WEEKDAYS if name == "weekday" else sorted(set(columns[name].tolist()))
        codes[name] = MappingProxyType({value: float(code) for code, value in enumerate(ordered)})
    return MappingProxyType(codes)


def _matrix(codes: Codes, columns: Columns) -> NDArray[np.float64]:
    """Columns -> (n, features), a category not met in training as NaN."""
    rows = np.empty((len(columns[FEATURES[0]]), len(FEATURES)))
    for place, name in enumerate(CATEGORICAL):
        code = codes[name]
        rows[:, place] = [code.get(value, np.nan) for value in columns[name].tolist()]
    for place, name in enumerate(NUMERIC, start=len(CATEGORICAL)):
        rows[:, place] = columns[name]
    return rows
