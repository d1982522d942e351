"""Did the errors of a stream rise for good, and since when? The second opinion on a detector's alarms.

A detector takes errors as independent. They are not: those of one hour share its weather. So an alarm is held
against how much whole blocks of time (days, else hours, else minutes) differed before it, the likeness of
neighbouring blocks included. A rise that stands out of that is told, and looked after until it is gone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import copy
from typing import Final

import numpy as np
from msgspec import Struct, field

from mlmon.analyzers.statistics.distributions import student_quantile

GRAINS_S: Final = (86_400, 3_600, 60)
"""The lengths of blocks, the coarsest first; one is chosen of which there are enough before an alarm."""

FEWEST: Final = (7, 24, 24)
"""Blocks, by grain, that must lie before a rise and after it, and over which it must be gone: a week of days,
or a day of hours, so that a rhythm is no rise and a storm none."""

KEPT: Final = 96
"""Blocks of each length that are remembered."""

WAITED: Final = 4
"""After so many times the fewest blocks an alarm that proved nothing is the new usual."""

_MOST_LIKENESS: Final = 0.95
_FEW_OF_USUAL: Final = 0.25


class Bounds(Struct, frozen=True, kw_only=True):
    """When a rise is told: by what share of the level, at which chance of error, on how many errors."""

    worse: float = 0.05
    rate: float = 0.001
    min_n: float = 100.0


class Block(Struct, array_like=True):
    """The errors of one stretch of time: its start (seconds since 1970), weights, their sum and squares."""

    start_s: float
    n: float = 0.0
    total: float = 0.0
    squares: float = 0.0

    @property
    def mean(self) -> float:
        """The mean error."""
        return self.total / self.n


class Level(Struct, frozen=True, kw_only=True):
    """A mean error with its 95 % interval, and the weight of the errors that it rests on."""

    value: float
    low: float
    high: float
    n: float


class Episode(Struct, kw_only=True):
    """A rise: since when, told when, before and after, the blocks around it, and when it was gone."""

    since_s: float
    alarm_s: float
    told_s: float
    grain_s: int
    before: Level
    after: Level
    blocks: list[Block]
    gone_s: float | None = None


class Stream(Struct, kw_only=True):
    """The blocks of one stream so far, one list a grain, and what is thought of it.

    Everything it does is decided by what it has read, one error after the other, never by when it was asked.
    `under_way` is the block that is being read, of the finest grain still of use. Not for several threads.
    """

    under_way: Block | None = None
    finest: int = len(GRAINS_S) - 1
    blocks: list[list[Block]] = field(default_factory=lambda: [[] for _ in GRAINS_S])
    alarm_s: float | None = None
    grain: int = 0
    risen: Episode | None = None

    def read(self, at_s: float, error: float, weight: float, bounds: Bounds) -> Episode | None:
        """Take an error in, in the order of time; gives a rise when it is told, and again when it is gone."""
        block, said = self.under_way, None
        begin = at_s // GRAINS_S[self.finest] * GRAINS_S[self.finest]
        if block is None or begin > block.start_s:
            said = None if block is None else self._keep(block, bounds)
            begin = at_s // GRAINS_S[self.finest] * GRAINS_S[self.finest]
            block = self.under_way = Block(begin)
        block.n += weight
        block.total += weight * error
        block.squares += weight * error * error
        return said

    def alarmed(self, at_s: float) -> None:
        """Take note of a detector's alarm; one is looked into at a time."""
        if self.alarm_s is not None:
            return
        for grain, known in enumerate(self.blocks):
            if len(known) > FEWEST[grain]:
                self.alarm_s, self.grain = at_s, grain
                return

    def _keep(self, block: Block, bounds: Bounds) -> Episode | None:
        """Add a whole block to those of its grain and of the coarser ones; judge those that it completes."""
        said = None
        for grain in range(self.finest + 1):
            known, begin = self.blocks[grain], block.start_s // GRAINS_S[grain] * GRAINS_S[grain]
            if not known or known[-1].start_s < begin:
                if self.alarm_s is not None and grain == self.grain and known:
                    said = self._judged(known, begin, bounds)
                known = self.blocks[grain]
                known.append(Block(begin))
                del known[:-KEPT]
            _add(known[-1], block)
        coarser = self.finest - 1
        if coarser >= 0 and len(self.blocks[coarser]) > FEWEST[coarser] and self.alarm_s is None:
            self.blocks[self.finest] = []
            self.finest = coarser
        return said

    def _judged(self, known: list[Block], now_s: float, bounds: Bounds) -> Episode | None:
        """Look at the whole blocks, all of them before `now_s`."""
        blocks = _full(known)
        if self.risen is not None:
            return self._followed(self.risen, blocks, now_s)
        alarm_s, grain_s = self.alarm_s or 0.0, GRAINS_S[self.grain]
        at = sum(block.start_s + grain_s <= alarm_s for block in blocks)
        split = _split(blocks, at, FEWEST[self.grain])
        if split is None:
            if len(blocks) <= FEWEST[self.grain]:
                self.alarm_s = None
            return None
        before, after = blocks[:split], blocks[split:]
        fewest = FEWEST[self.grain]
        if len(after) >= fewest and _stands_out(before, after, bounds):
            self.risen = Episode(
                since_s=after[0].start_s, alarm_s=alarm_s, told_s=now_s, grain_s=grain_s,
                before=level(before), after=_level_after(before, after), blocks=_copies(blocks),
            )  # fmt: skip
            return self.risen
        if len(blocks) - at > fewest:
            self._doubted(before, after, blocks[min(at, len(blocks) - 1)].start_s, bounds)
        return None

    def _doubted(
        self, before: Sequence[Block], after: Sequence[Block], alarm_s: float, bounds: Bounds
    ) -> None:
        """Forget an alarm of which nothing is left; what fell or lasted is the new usual."""
        old, new = _mean(before), _mean(after[-FEWEST[self.grain] :])
        if new < old * (1 - bounds.worse) or len(after) >= WAITED * FEWEST[self.grain]:
            self._forget(max(after[0].start_s, alarm_s))
        elif new <= old * (1 + bounds.worse):
            self.alarm_s = None

    def _followed(self, risen: Episode, blocks: Sequence[Block], now_s: float) -> Episode | None:
        """Keep a rise that was told up to date; it is gone once half of it is, for so many blocks."""
        since = [block for block in blocks if block.start_s >= risen.since_s]
        last = since[-FEWEST[self.grain] :]
        told = risen.blocks[-1].start_s
        risen.blocks = [*risen.blocks, *_copies([block for block in since if block.start_s > told])][
            -2 * KEPT :
        ]
        if len(last) == FEWEST[self.grain] and _mean(last) <= (risen.before.value + risen.after.value) / 2:
            risen.gone_s, self.risen = now_s, None
            self._forget(last[0].start_s, since_s=risen.since_s)
            return risen
        return None

    def _forget(self, until_s: float, since_s: float = -math.inf) -> None:
        """Go on without the blocks from a moment to another."""
        self.alarm_s = None
        self.blocks = [
            [block for block in known if block.start_s < since_s or block.start_s >= until_s]
            for known in self.blocks
        ]


def _add(sum_: Block, block: Block) -> None:
    sum_.n += block.n
    sum_.total += block.total
    sum_.squares += block.squares


def level(blocks: Sequence[Block]) -> Level:
    """The mean of the blocks' means, and how far that of other such blocks may lie from it."""
    return _level_after(blocks, blocks)


def _level_after(before: Sequence[Block], after: Sequence[Block]) -> Level:
    """The level of blocks that vary as others did before them."""
    value = _mean(after)
    half = student_quantile(0.975, len(before) - 1) * math.sqrt(_variance(before, after))
    return Level(value=value, low=max(value - half, 0.0), high=value + half, n=_weight(after))


def _full(blocks: Sequence[Block]) -> list[Block]:
    """The blocks without those of hardly any errors."""
    usual = float(np.median([block.n for block in blocks]))
    return [block for block in blocks if block.n >= _FEW_OF_USUAL * usual]


def _split(blocks: Sequence[Block], at: int, fewest: int) -> int | None:
    """The place that splits the blocks best into two levels, up to the one after the alarm's."""
    means = np.array([block.mean for block in blocks])
    places = np.arange(fewest, min(len(blocks) - 1, at + 1) + 1)
    if not len(places):
        return None
    sums = np.cumsum(means)
    left, right = sums[places - 1] / places, (sums[-1] - sums[places - 1]) / (len(means) - places)
    between = places * (len(means) - places) * (right - left) ** 2
    return int(places[np.argmax(between)])


def _stands_out(before: Sequence[Block], after: Sequence[Block], bounds: Bounds) -> bool:
    if min(_weight(before), _weight(after)) < bounds.min_n:
        return False
    old, new = _mean(before), _mean(after)
    error = math.sqrt(_variance(before, before) + _variance(before, after))
    # The place was searched for, so the chance is shared out among all that it could have been (Bonferroni).
    rate = bounds.rate / (len(before) + len(after))
    least = student_quantile(1 - rate, len(before) - 1) * error
    # A storm of few blocks moves their mean, and not their median.
    lasts = float(np.median([block.mean for block in after])) - old >= (new - old) / 2
    return lasts and new > old * (1 + bounds.worse) and new - old > least


def _variance(usual: Sequence[Block], blocks: Sequence[Block]) -> float:
    """The variance of the mean of blocks that depend on each other as the usual ones do (first order)."""
    means = np.array([block.mean for block in usual])
    centred, count = means - means.mean(), len(means)
    whole = float(centred @ centred)
    likeness = float(centred[1:] @ centred[:-1]) / whole if whole > 0 else 0.0
    # Of few blocks it reads too low (Marriott & Pope 1954).
    likeness = min(max(likeness + (1 + 4 * likeness) / count, 0.0), _MOST_LIKENESS)
    between = max(whole / (count - 1), _within(usual) * len(blocks) / _weight(blocks))
    lags = np.arange(1, len(blocks))
    factor = (1 + 2 * float(((1 - lags / len(blocks)) * likeness**lags).sum())) / len(blocks)
    return between * factor


def _within(blocks: Sequence[Block]) -> float:
    """The variance of single errors within their blocks."""
    rest = sum(block.squares - block.n * block.mean**2 for block in blocks)
    return max(rest, 0.0) / _weight(blocks)


def _mean(blocks: Sequence[Block]) -> float:
    return math.fsum(block.mean for block in blocks) / len(blocks)


def _weight(blocks: Sequence[Block]) -> float:
    return math.fsum(block.n for block in blocks)


def _copies(blocks: Sequence[Block]) -> list[Block]:
    return [copy(block) for block in blocks]
