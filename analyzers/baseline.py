"""What a window is held against where that is no fixed reference: windows before it.

The edges and the categories stay the reference's, so the counts of earlier windows add up to a profile of
their own. Nothing else is asked of the store, and nothing but counts is kept.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import numpy as np
from msgspec import Struct, field
from msgspec.structs import replace

from mlmon.analyzers.cells import ALL, Cell
from mlmon.analyzers.distances import (
    CategoricalScale,
    NumericScale,
    categorical_scale,
    numeric_scale,
)
from mlmon.analyzers.reference import Categorical
from mlmon.analyzers.statistics.histograms import merge_categories
from mlmon.analyzers.statistics.proportions import Vector
from mlmon.core.window import Window, floor, following, parse_duration, preceding

FIXED: Final = "fixed"
PREVIOUS: Final = "previous"
ROLLING: Final = "rolling"
SEASONAL: Final = "seasonal"
KINDS: Final = (FIXED, PREVIOUS, ROLLING, SEASONAL)

WINDOWS: Final = 4
"""How many earlier windows a rolling and a seasonal profile are made of."""

_WEEK: Final = timedelta(days=7)
_YEAR: Final = 52 * _WEEK
"""A year of whole weeks, so that a week is held against the same one of the year before."""

_MONTHS: Final = 12


def earlier(window: Window, size: str, against: str) -> tuple[Window, ...]:
    """The windows that a window is held against, the latest first; none where that is a fixed reference.

    `previous` is the one before, `rolling` the last four. `seasonal` is the same hour or day of the week in
    the last four weeks; for a week the same one of the year before, for a month the same month.

    >>> from datetime import UTC, datetime
    >>> march = Window(start=datetime(2013, 3, 4, tzinfo=UTC), end=datetime(2013, 3, 5, tzinfo=UTC))
    >>> [str(one.start.date()) for one in earlier(march, "1d", "seasonal")]
    ['2013-02-25', '2013-02-18', '2013-02-11', '2013-02-04']
    """
    if against == FIXED or size == ALL:
        return ()
    if against == SEASONAL:
        return _same_season(window, size)
    found: list[Window] = []
    start = window.start
    for _ in range(1 if against == PREVIOUS else WINDOWS):
        end, start = start, preceding(start, size, 1)
        found.append(Window(start=start, end=end))
    return tuple(found)


def _same_season(window: Window, size: str) -> tuple[Window, ...]:
    if size == "month":
        start = window.start.replace(year=window.start.year - 1)
        return (Window(start=start, end=following(start, size)),)
    is_short = parse_duration(size) < _WEEK
    back = [_WEEK * step for step in range(1, WINDOWS + 1)] if is_short else [_YEAR]
    starts = [floor(window.start - step, size) for step in back]
    return tuple(Window(start=start, end=following(start, size)) for start in starts)


def later(size: str, against: str) -> int:
    """How many later windows of a size a window may be held against by; the farthest of `earlier`, counted.

    >>> later("1d", "seasonal"), later("7d", "rolling"), later("7d", "fixed")
    (28, 4, 0)
    """
    if against == FIXED or size == ALL:
        return 0
    if against == SEASONAL:
        return _MONTHS if size == "month" else -(-_farthest(size) // parse_duration(size))
    return 1 if against == PREVIOUS else WINDOWS


def _farthest(size: str) -> timedelta:
    return WINDOWS * _WEEK if parse_duration(size) < _WEEK else _YEAR


class Numbers(Struct, frozen=True, kw_only=True):
    """The weighted counts of a number in one window, over the reference's edges."""

    counts: Vector
    missing: float


class Names(Struct, frozen=True, kw_only=True):
    """The weighted counts of a category in one window; `rest` are those whose names were not told."""

    counts: dict[str, float]
    rest: float
    missing: float


class Past(Struct, frozen=True, kw_only=True):
    """The counts of the windows so far, and what later ones are held against.

    Not for several threads at once.
    """

    size: str
    against: str
    numbers: dict[tuple[Cell, str], Numbers] = field(default_factory=dict)
    names: dict[tuple[Cell, str], Names] = field(default_factory=dict)

    def number(self, cell: Cell, subject: str, scale: NumericScale, now: Numbers) -> NumericScale | None:
        """What a window is held against; None where there was nothing. `now` is kept for later ones."""
        if self.against == FIXED:
            return scale
        there = [self.numbers[key] for key in self._before(cell, subject) if key in self.numbers]
        self.numbers[cell, subject] = now
        if not there:
            return None
        counts = np.sum([one.counts for one in there], axis=0)
        missing = sum(one.missing for one in there)
        return numeric_scale(replace(scale.profile, counts=tuple(counts.tolist()), missing=missing))

    def category(
        self, cell: Cell, subject: str, scale: CategoricalScale, now: Names
    ) -> CategoricalScale | None:
        """As `number`, for a category."""
        if self.against == FIXED:
            return scale
        there = [self.names[key] for key in self._before(cell, subject) if key in self.names]
        self.names[cell, subject] = now
        if not there:
            return None
        return categorical_scale(
            Categorical(
                counts=merge_categories(*(one.counts for one in there)),
                other=sum(one.rest for one in there),
                missing=sum(one.missing for one in there),
            )
        )

    def _before(self, cell: Cell, subject: str) -> list[tuple[Cell, str]]:
        windows = earlier(cell.window, self.size, self.against)
        return [(cell._replace(window=window), subject) for window in windows]
