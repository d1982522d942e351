"""A whole series at once: its rows in the order of time, and what is said of each as columns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from mlmon.analyzers.series import anomaly
from mlmon.analyzers.series.prepare import Series

Rows = NDArray[np.int64]
_TOLD_ROWS: Final = 1_000


class Scores(Struct, frozen=True, kw_only=True):
    """What is said of each row; NaN is expected where nothing was, and only alarms have a kind."""

    score: Series
    anomaly: NDArray[np.bool_]
    kind: NDArray[Any]
    expected: Series


def order(times_s: Series) -> Rows | None:
    """The rows in order of time, or None where they are already.

    Rows of one time keep their order; a row without a time (NaN) stays behind the one before it.
    """
    known = np.where(np.isnan(times_s), -np.inf, times_s)
    latest = np.maximum.accumulate(known)
    if bool((np.isnan(times_s) | (known == latest)).all()):
        return None
    before = np.maximum.accumulate(np.where(np.isnan(times_s), 0, np.arange(len(times_s))))
    return np.argsort(known[before], kind="stable")


def scores(times_s: Series, values: Series, advance: Callable[[int], None] = lambda _: None) -> Scores:
    """Score each row by those that are not after it in time, whatever the order they are given in.

    `advance` hears how many more rows are done.
    """
    ordered = order(times_s)
    places = np.arange(len(values)) if ordered is None else ordered
    found = _nothing(len(values))
    said = anomaly.scores(times_s[places].tolist(), values[places].tolist())
    for done, (row, one) in enumerate(zip(places.tolist(), said, strict=True), start=1):
        found.score[row], found.anomaly[row], found.expected[row] = one.score, one.anomaly, one.expected
        found.kind[row] = one.kind
        if not done % _TOLD_ROWS:
            advance(_TOLD_ROWS)
    return found


def _nothing(count: int) -> Scores:
    return Scores(
        score=np.zeros(count),
        anomaly=np.zeros(count, dtype=np.bool_),
        kind=np.full(count, None, dtype=object),
        expected=np.full(count, np.nan),
    )
