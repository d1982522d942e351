"""What the next value of a series will be: several simple forecasters that learn as they go.

The value before, the level, the usual value of this time of day (or week), and a linear regression on the
values before, a day and a week ago, by recursive least squares (Plackett 1950). Which of them is good is
told by their errors so far.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Final

import numpy as np
from numpy.typing import NDArray

DAY_S: Final = 86_400.0
WEEK_S: Final = 7 * DAY_S
_NEAR: Final = 3
_FORGET: Final = 0.9995
_CLIP: Final = 6.0
"""Errors count at most so many times the usual: one outlier must not teach much."""
_MOST_LAG: Final = 2_100
"""A week of 5-minute steps, and some; a finer series has no weekly lag."""


class Forecasts:
    """The forecasters of one series, on a grid of even steps. Not for use by several threads.

    `step_s` is the length of a step in seconds; the time of day is that of UTC.
    """

    COUNT: Final = 4

    def __init__(self, first: float, step_s: float, *, half_life: float) -> None:
        """Begin with the first value."""
        self._step_s = step_s
        day, week = round(DAY_S / step_s), round(WEEK_S / step_s)
        self._period_s = DAY_S if day >= 4 else WEEK_S if week >= 4 else 0.0  # noqa: PLR2004 - a season has some slots
        slots = (day - 1, day, day + 1, week) if day >= 4 else (week,) if week >= 4 else ()  # noqa: PLR2004 - as above
        self._lags = tuple(range(1, _NEAR + 1)) + tuple(lag for lag in slots if _NEAR < lag <= _MOST_LAG)
        self._past: deque[float] = deque([first], maxlen=max(self._lags))
        self._level = first
        self._slots: dict[int, float] = {}
        size = 1 + len(self._lags)
        self._weights = np.zeros(size)
        self._weights[1] = 1.0
        self._spread = np.eye(size)
        self._rate = 1 / half_life
        self._seen = 1
        self.centre, self.scale = first, 0.0
        self.errors = [0.0] * self.COUNT
        """The usual absolute error of each forecaster."""

    def predict(self, time_s: float) -> list[float]:
        """What each forecaster says of a value: the last one, the level, the season, the regression."""
        self._inputs = self._features()
        regression = self.centre + (self.scale or 1.0) * float(self._weights @ self._inputs)
        return [self._past[-1], self._level, self._slots.get(self._slot(time_s), self._level), regression]

    def learn(self, time_s: float, value: float, said: list[float]) -> None:
        """Take a value in, after `predict` gave what was `said` of it."""
        self._seen += 1
        rate = max(1 / (self._seen - 1), self._rate)
        slack = [math.inf if self._seen < 40 else _CLIP * error + 1e-12 for error in self.errors]  # noqa: PLR2004 - while errors are not known
        off = [max(-most, min(most, value - each)) for each, most in zip(said, slack, strict=True)]
        self.errors = [old + rate * (abs(new) - old) for old, new in zip(self.errors, off, strict=True)]
        self._level += max(0.1, 1 / self._seen) * off[1]
        slot = self._slot(time_s)
        self._slots[slot] = self._slots[slot] + 0.3 * off[2] if slot in self._slots else value
        self._regress(off[3] / (self.scale or 1.0))
        slow = max(1 / self._seen, 1e-3)
        self.centre += slow * (value - self.centre)
        self.scale += slow * (abs(value - self.centre) - self.scale)
        self._past.append(value)

    def pass_over(self, steps: int, time_s: float) -> None:
        """Fill steps without a value, the last of them before `time_s`, with what the season says."""
        for back in range(min(steps, self._past.maxlen or 0), 0, -1):
            slot = self._slot(time_s - back * self._step_s)
            self._past.append(self._slots.get(slot, self._level))

    def _slot(self, time_s: float) -> int:
        return int(time_s % self._period_s // self._step_s) if self._period_s else 0

    def _features(self) -> NDArray[np.float64]:
        past, scale = self._past, self.scale or 1.0
        have = len(past)
        return np.array(
            [1.0, *((past[-lag] - self.centre) / scale if lag <= have else 0.0 for lag in self._lags)]
        )

    def _regress(self, error: float) -> None:
        spread = self._spread @ self._inputs
        gain = spread / (_FORGET + self._inputs @ spread)
        self._weights += gain * error
        self._spread -= gain[:, None] * spread
        self._spread /= _FORGET
        trace = float(self._spread.trace())
        if trace > 1e8:  # noqa: PLR2004 - what a constant input would let grow without end
            self._spread *= 1e8 / trace
