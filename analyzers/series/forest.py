"""Is a row of numbers, taken together, unlike all rows before? By an isolation forest (Liu et al. 2008)."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

Rows = NDArray[np.float64]

FEWEST: Final = 60
"""Rows before, below which nothing is said."""

MOST: Final = 180
MARGIN: Final = 0.02
"""How much more isolated than every row before a row must be."""

_TREES: Final = 100
_SEED: Final = 42
_FAR: Final = 2.0
_FEWEST_FAR: Final = 2
_MAD: Final = 1.4826


class Judged(Struct, frozen=True, kw_only=True):
    """What is said of a row: its score in 0..1, the bound, and the columns that made it, the largest first.

    `shares` are of each of these columns: by how much the score falls when it has its usual value.
    """

    score: float
    bound: float
    unusual: bool
    columns: tuple[int, ...] = ()
    shares: tuple[float, ...] = ()
    usual: tuple[float, ...] = ()


class Forest:
    """What is known of the rows before; of fewer than `FEWEST` it says nothing. Safe for several threads."""

    def __init__(self, before: Rows) -> None:
        """Learn from the last `MOST` rows; NaN is missing. Columns that never change are not looked at."""
        before = before[-MOST:]
        known = np.isfinite(before)
        self._kept = np.nonzero(known.mean(axis=0) >= 0.8)[0] if len(before) else np.array([], dtype=np.int64)  # noqa: PLR2004 - most of them
        self._middle = np.array([np.median(before[known[:, at], at]) for at in self._kept])
        rows = self._filled(before)
        self._spread = (
            _MAD * np.median(np.abs(rows - self._middle), axis=0) if len(self._kept) else self._middle
        )
        moving = np.ptp(rows, axis=0) > 0 if len(self._kept) and len(rows) else np.array([], dtype=bool)
        self._kept, self._middle, self._spread = (
            each[moving] for each in (self._kept, self._middle, self._spread)
        )
        self._forest: Any = None
        if len(rows) >= FEWEST and len(self._kept) >= _FEWEST_FAR:
            kind = import_module("sklearn.ensemble").IsolationForest
            self._forest = kind(n_estimators=_TREES, random_state=_SEED).fit(rows[:, moving])
            self._most = float(self._scores(rows[:, moving]).max())

    def judge(self, rows: Rows) -> list[Judged | None]:
        """Judge rows one by one; None where too little is known.

        A row is unusual when it is more isolated than every row before by `MARGIN`, and two columns at least
        that are two robust standard deviations off took part.
        """
        if self._forest is None:
            return [None] * len(rows)
        values = self._filled(rows)
        tried = np.repeat(values[:, None, :], values.shape[1] + 1, axis=1)
        for at, middle in enumerate(self._middle):
            tried[:, at + 1, at] = middle
        scores = self._scores(tried.reshape(-1, values.shape[1])).reshape(len(rows), -1)
        return [
            self._judged(row, float(of[0]), of[0] - of[1:]) for row, of in zip(values, scores, strict=True)
        ]

    def _judged(self, row: Rows, score: float, shares: Rows) -> Judged:
        off = np.abs(row - self._middle)
        is_far = (off > 0) & (off >= _FAR * self._spread)
        ranked = [int(at) for at in np.argsort(-shares) if shares[at] > 0 and is_far[at]]
        bound = self._most + MARGIN
        return Judged(
            score=score,
            bound=bound,
            unusual=score > bound and len(ranked) >= _FEWEST_FAR,
            columns=tuple(int(self._kept[at]) for at in ranked),
            shares=tuple(float(shares[at]) for at in ranked),
            usual=tuple(float(self._middle[at]) for at in ranked),
        )

    def _filled(self, rows: Rows) -> Rows:
        picked = rows[:, self._kept]
        filled: Rows = np.where(np.isfinite(picked), picked, self._middle)
        return filled

    def _scores(self, rows: Rows) -> Rows:
        found: Rows = -self._forest.score_samples(rows)
        return found
