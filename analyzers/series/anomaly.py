"""Which points of a series are anomalies, told while it comes in: a score uses only what came before.

A point is held against the forecasts of it. The error of the best forecaster, over its usual size, is looked
at in five ways: at the point, as means over a few and over many points, with its sign, and beside how far
the value is from all of the past. Each is held against its own past, and the rarest decides; so one default
fits calm and wild series alike. After an alarm the scores that follow are halved for a while, because one
incident is one alarm, unless they are much rarer still. What its rows taught of what is rare is forgotten
once it is over, but for the first: row by row it would make the next incident look usual.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from itertools import pairwise
from statistics import median
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from mlmon.analyzers.series.forecast import Forecasts
from mlmon.analyzers.series.surprise import View


class Kind(StrEnum):
    """What an anomaly looks like at the row where it is told."""

    SPIKE = "spike"
    SHIFT = "shift"
    NOISE = "noise"
    FLATLINE = "flatline"
    SILENCE = "silence"


class Tuning(Struct, frozen=True, kw_only=True):
    """The numbers of the method; the defaults are for every series.

    `warm` rows are only learnt from. `life` is after how many rows old errors fade. `short`, `long` and
    `signed` are over how many rows means are taken, `long_weight` what the long one counts. A score of
    `sure` is an alarm. In the `hold` rows after it scores from `bound` on are halved, unless they are `again`
    times as rare; in the first `long` of these it is told again only as another kind. So many calm rows end
    an incident. `least_log` is the least spread of a logarithm of errors, `least_error` the least usual
    error, as a share of how far values lie from their mean.
    """

    warm: int = 60
    life: float = 600.0
    short: int = 8
    long: int = 40
    signed: int = 12
    long_weight: float = 1.3
    bound: float = 0.59
    sure: float = 0.66
    hold: int = 400
    again: float = 1.5
    least_log: float = 0.15
    least_error: float = 0.01


DEFAULT: Final = Tuning()
_STEP_ROWS: Final = 25
_BLIND: Final = 20
"""Until then the usual error is not known, and errors over it say nothing."""

_SCALE: Final = 9.0
"""A score is 1 - exp(-rarity / 9): 0.66 is for one point in 16,000, if the tail is as assumed."""

_FAR: Final = 3.0
_MOST_OFF: Final = 8.0
_AGREE: Final = 0.6
_STILL_ROWS: Final = 20
_SILENT_STEPS: Final = 10
_LONGER: Final = 4
_TINY: Final = 1e-12
_NEAR_ONE: Final = 1e-6
_MOST: Final = 1e100
"""In units of the first values: what is beyond is no farther than this."""


class Scored(Struct, frozen=True, kw_only=True):
    """What is said of a row: a score in 0..1, whether it is an alarm, which kind.

    `expected` is what was forecast, `usual` how far forecasts were off as a rule; NaN where nothing was.
    """

    score: float
    anomaly: bool
    kind: Kind | None = None
    expected: float = math.nan
    usual: float = math.nan


QUIET: Final = Scored(score=0.0, anomaly=False)


class Online:
    """Scores a series row by row. Not for use by several threads."""

    def __init__(self, tuning: Tuning = DEFAULT) -> None:
        """Know nothing yet."""
        self._tuning = tuning
        self._unit = 1.0
        self._first: list[tuple[float, float]] = []
        self._series: _Series | None = None

    def update(self, time_s: float, value: float) -> Scored:
        """Score a row by itself and the rows before. `time_s` is in seconds, UTC; NaN is missing.

        A value that is missing or infinite scores 0 and teaches nothing. Time that is missing counts as one
        step, time that goes back as none. The first rows tell the step and the unit, and score 0.
        """
        if not math.isfinite(value):
            return QUIET
        if self._series is not None:
            return self._scaled(self._series.update(time_s, self._in_unit(value)))
        self._first.append((time_s, value))
        if len(self._first) == _STEP_ROWS:
            self._unit = unit_of([first for _, first in self._first])
            rows = [(at, self._in_unit(first)) for at, first in self._first]
            self._series = _Series(rows[0], step_of([at for at, _ in rows]), self._tuning)
            for row in rows[1:]:
                self._series.update(*row)
        return QUIET

    def _in_unit(self, value: float) -> float:
        return value if self._unit == 1.0 else max(-_MOST, min(_MOST, value / self._unit))

    def _scaled(self, said: Scored) -> Scored:
        if self._unit == 1.0:
            return said
        return replace(said, expected=said.expected * self._unit, usual=said.usual * self._unit)

    def excuse(self, time_s: float) -> None:
        """Pass over a row that is known to be unlike others: it is no silence, and its season stands in."""
        if self._series is not None:
            self._series.excuse(time_s)


class _Series:
    """A series whose step is known."""

    def __init__(self, first: tuple[float, float], step_s: float, tuning: Tuning) -> None:
        self._tuning = tuning
        self._step_s = step_s
        self._time_s = first[0] if math.isfinite(first[0]) else 0.0
        self._forecasts = Forecasts(first[1], step_s, half_life=tuning.life)
        self._views = [View(tuning.life / 2, tuning.least_log, apart=tuning.long) for _ in range(5)]
        self._logs: deque[float] = deque(maxlen=tuning.long)
        self._off: deque[float] = deque(maxlen=tuning.signed)
        self._seen = 0
        self._alarm, self._peak = -math.inf, 0.0
        self._told = Kind.SPIKE
        self._last = first[1]
        self._still = self._longest_still = self._longest_skip = 0

    def update(self, time_s: float, value: float) -> Scored:
        """Score a row, and learn from it."""
        skipped = self._advance(time_s)
        self._forecasts.pass_over(skipped, self._time_s)
        said = self._forecasts.predict(self._time_s)
        best = min(range(self._forecasts.COUNT), key=self._forecasts.errors.__getitem__)
        is_warm, usual = self._seen >= self._tuning.warm, self._forecasts.errors[best]
        rarity = self._rarity(value, value - said[best], usual, is_warm=is_warm)
        stopped = self._stopped(value, skipped)
        self._forecasts.learn(self._time_s, value, said)
        self._seen += 1
        if not is_warm:
            return QUIET
        score, is_alarm = self._damped(rarity, stopped)
        kind = (stopped or self._kind()) if is_alarm else None
        return Scored(score=score, anomaly=is_alarm, kind=kind, expected=said[best], usual=usual)

    def excuse(self, time_s: float) -> None:
        """Take the season's word for a row."""
        skipped = self._advance(time_s)
        self._forecasts.pass_over(skipped + 1, self._time_s + self._step_s)

    def _advance(self, time_s: float) -> int:
        """Go to the time of a row; gives the steps that were skipped. Time never goes back."""
        if not math.isfinite(time_s):
            self._time_s += self._step_s
            return 0
        if time_s <= self._time_s:
            return 0
        skipped = max(0, round((time_s - self._time_s) / self._step_s) - 1)
        self._time_s = time_s
        return skipped

    def _rarity(self, value: float, error: float, usual: float, *, is_warm: bool) -> float:
        """How rare the row is, in the way in which it is rarest."""
        forecasts, tuning = self._forecasts, self._tuning
        least = max(tuning.least_error * forecasts.scale, 1e-9 * abs(forecasts.centre), _TINY)
        if self._seen < _BLIND:
            return 0.0
        off = error / max(usual, least)
        self._logs.append(math.log1p(abs(off)))
        self._off.append(max(-_MOST_OFF, min(_MOST_OFF, off)))
        logs = list(self._logs)
        short = logs[-tuning.short :]
        looks = (
            logs[-1],
            sum(short) / len(short),
            sum(logs) / len(logs),
            math.log1p(abs(sum(self._off)) / math.sqrt(len(self._off))),
            math.log1p(abs(value - forecasts.centre) / (forecasts.scale + _TINY)),
        )
        weights = (1.0, 1.0, tuning.long_weight, 1.0, 1.0)
        return max(
            weight * view.rarity(look, is_warm=is_warm)
            for view, look, weight in zip(self._views, looks, weights, strict=True)
        )

    def _stopped(self, value: float, skipped: int) -> Kind | None:
        """Whether values stand still, or rows stay away, far longer than ever before; told once."""
        is_silent = skipped > max(_SILENT_STEPS, _LONGER * self._longest_skip)
        self._longest_skip = max(self._longest_skip, skipped)
        if value != self._last:
            self._longest_still = max(self._longest_still, self._still)
            self._still, self._last = 0, value
        else:
            self._still += 1
        if is_silent:
            return Kind.SILENCE
        is_still = self._still == max(_STILL_ROWS, _LONGER * self._longest_still + 1)
        return Kind.FLATLINE if is_still and self._longest_still < self._seen - self._still else None

    def _damped(self, rarity: float, stopped: Kind | None) -> tuple[float, bool]:
        """The score after the alarms before it, and whether it is one."""
        tuning = self._tuning
        score = 1 - math.exp(-rarity / _SCALE)
        if stopped is not None:
            return max(score, tuning.sure), True
        if score < tuning.bound:
            return score, False
        since = self._seen - self._alarm
        is_same = since <= tuning.long and self._kind() is self._told
        if since <= tuning.hold and (is_same or rarity < tuning.again * self._peak):
            return score / 2, False
        if score < tuning.sure:
            return score, False
        self._alarm, self._peak, self._told = self._seen, rarity, self._kind()
        for view in self._views:
            view.keep()
        return score, True

    def _kind(self) -> Kind:
        """Of an alarm: one or two points far off, many to the same side, or many to both."""
        off = list(self._off)
        if sum(abs(each) > _FAR for each in off) <= 2:  # noqa: PLR2004 - a spike may have two flanks
            return Kind.SPIKE if abs(off[-1]) > _FAR else self._side(off)
        return self._side(off[-self._tuning.short :])

    def _side(self, off: Sequence[float]) -> Kind:
        agrees = abs(sum(off)) > _AGREE * sum(map(abs, off))
        return Kind.SHIFT if agrees else Kind.NOISE


def step_of(times_s: Sequence[float]) -> float:
    """The usual time from one row to the next, in seconds; 1 where the times tell none."""
    known = [time_s for time_s in times_s if math.isfinite(time_s)]
    gaps = [after - before for before, after in pairwise(known) if after > before]
    return median(gaps) if gaps else 1.0


def unit_of(values: Sequence[float]) -> float:
    """In what values are counted, so that no square of them is lost: 1, or for far sizes a power of two."""
    largest = max(abs(value) for value in values)
    if largest == 0.0 or _NEAR_ONE <= largest <= 1 / _NEAR_ONE:
        return 1.0
    return math.ldexp(1.0, math.frexp(largest)[1])


def scores(times_s: Iterable[float], values: Iterable[float], tuning: Tuning = DEFAULT) -> Iterator[Scored]:
    """Score every row of a series, in its order; one result a row."""
    online = Online(tuning)
    return (online.update(time_s, value) for time_s, value in zip(times_s, values, strict=True))
