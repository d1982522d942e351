"""Are there as many inferences as in the same hour or day of the weeks before?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from statistics import median
from typing import Final

from mlmon.analyzers.ask import Ask
from mlmon.analyzers.cells import Cell, Slice, cells, slices, weight_of, weighted
from mlmon.analyzers.expectations import VOLUME
from mlmon.analyzers.policy import SHORT_SIZES
from mlmon.core import schema
from mlmon.core.query import Count
from mlmon.core.result import Finding, Result, Severity
from mlmon.core.store import Reader
from mlmon.core.window import Window, parse_duration, windows

ANALYZER: Final = "volume"
WEEKS: Final = 4
"""How many weeks before a window is held against, at most."""

_WEEK: Final = timedelta(days=7)
_TRAFFIC: Final = weighted({"n": Count()})


def reach(ask: Ask) -> int:
    """How many later windows one takes part in the verdict of."""
    if ask.size not in SHORT_SIZES:
        return 0
    return WEEKS * _WEEK // parse_duration(ask.size)


def analyze(reader: Reader, ask: Ask) -> Iterator[Result]:
    """A finding where an hour or day has far fewer or far more inferences than those of the weeks before.

    Held against the median of the same hour or day in up to four weeks before, where that is at least the
    policy's `min_n`. Days are judged by segment too. Versions are not: traffic moves from one to the next.
    The numbers themselves are the metric `inferences`.
    """
    if ask.size not in SHORT_SIZES or ask.version:
        return
    back = Window(start=ask.span.start - WEEKS * _WEEK, end=ask.span.end)
    for piece in slices(ask):
        if piece.field == schema.MODEL_VERSION:
            continue
        for segment, counts in _counts(reader, ask, back, piece).items():
            yield from _judged(ask, segment, counts)


def _counts(reader: Reader, ask: Ask, span: Window, piece: Slice) -> dict[str, dict[datetime, float]]:
    asked = Ask(model=ask.model, span=span, size=ask.size, now=ask.now)
    found: dict[str, dict[datetime, float]] = {}
    for cell, rows in cells(reader, asked, piece, _TRAFFIC):
        n = sum(weight_of(row) * row["n"] for row in rows)
        found.setdefault(cell.segment, {})[cell.window.start] = n
    return found


def _judged(ask: Ask, segment: str, counts: Mapping[datetime, float]) -> Iterator[Finding]:
    first, last = ask.model.first, ask.model.last
    if first is None or last is None:
        return
    # A window that nothing followed yet may not be over; silence is told elsewhere.
    over = min(ask.now, last)
    for window in windows(ask.span, ask.size):
        if window.end > over:
            return
        starts = (window.start - week * _WEEK for week in range(1, WEEKS + 1))
        usual = [counts.get(start, 0.0) for start in starts if start >= first]
        now = counts.get(window.start, 0.0)
        middle = median(usual) if usual else 0.0
        times = ask.policy.volume
        if middle >= ask.policy.min_n and not middle / times <= now <= middle * times:
            yield _finding(ask, Cell("", segment, window), now, middle, usual)


def _finding(ask: Ask, cell: Cell, now: float, middle: float, usual: list[float]) -> Finding:
    few = now < middle
    bound = middle / ask.policy.volume if few else middle * ask.policy.volume
    what = "hour" if ask.size == "1h" else "day"
    return Finding(
        analyzer=ANALYZER,
        model=ask.model.name,
        segment=cell.segment,
        window=cell.window,
        size=ask.size,
        metric="inferences",
        value=now,
        bound=bound,
        n=now,
        severity=Severity.WARNING,
        message=f"{now:,.0f} inferences, where the same {what} of the weeks before had {middle:,.0f}.",
        evidence={
            "check": VOLUME,
            "expected": {"inferences": middle},
            "seen": {"inferences": now},
            "usual": usual,
            "from": "weeks before",
        },
    )
