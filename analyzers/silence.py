"""For how long was a model silent, and is that unusual for it?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from statistics import median
from typing import Final

from msgspec import Struct

from mlmon.analyzers.ask import Ask
from mlmon.analyzers.cells import ALL, Cell
from mlmon.analyzers.report import metric
from mlmon.analyzers.statistics.estimate import without_interval
from mlmon.core import schema
from mlmon.core.clock import isoformat
from mlmon.core.query import Count, Equals, Filter, Max, Min, Query, TimeBucket, both
from mlmon.core.result import Finding, Result, Severity
from mlmon.core.schema import Dataset
from mlmon.core.store import Reader
from mlmon.core.window import Window, windows

ANALYZER: Final = "service"
JUDGED: Final = "1d"
"""The size that silence is judged in: nights and rush hours are alike from day to day."""

_LOOK_BACK: Final = timedelta(days=28)
_HOUR: Final = timedelta(hours=1)
_FINE: Final = "5m"
_COARSE: Final = "1h"
_TICK: Final = timedelta(microseconds=1)
_ROOM: Final = 1.5
"""How far beyond the longest gap of the last weeks a gap must go."""


class Burst(Struct, frozen=True, kw_only=True):
    """A short stretch of time: its first and last inference, their number, and when they were stored."""

    first: datetime
    last: datetime
    count: int
    ingested: datetime


class Gap(Struct, frozen=True, kw_only=True):
    """The longest silence of a window, from its first moment, which may lie before the window."""

    start: datetime
    seconds: float
    count: int


def analyze(reader: Reader, ask: Ask) -> Iterator[Result]:
    """`silence` (s) of every window: the longest time without an inference that ends or goes on in it.

    It is exact where it is longer than a step of the traffic: 5 minutes for hours, an hour for longer
    windows; a shorter one reads as the longest between two steps. A finding, in days, where it is far beyond
    the usual. The time since the last inference counts only for a model whose events come live.
    """
    if ask.size == ALL:
        return
    bursts = _bursts(reader, ask)
    gaps = longest(bursts, _ends(ask, bursts), ask)
    for window, gap in gaps.items():
        if window.start >= ask.span.start:
            cell = Cell(ask.version, "", window)
            yield metric(ANALYZER, ask, cell, "silence", without_interval(gap.seconds, gap.count))
    if ask.size == JUDGED:
        yield from _findings(ask, gaps)


def _bursts(reader: Reader, ask: Ask) -> list[Burst]:
    back = _LOOK_BACK if ask.size == JUDGED else timedelta(days=1)
    where: Filter | None = Equals(schema.MODEL_NAME, ask.model.name)
    if ask.version:
        where = both(where, Equals(schema.MODEL_VERSION, ask.version))
    answer = reader.query(
        Query(
            dataset=Dataset.INFERENCE,
            window=Window(start=ask.span.start - back, end=ask.span.end),
            where=where,
            by={"step": TimeBucket(_FINE if ask.size == "1h" else _COARSE)},
            measures={
                "n": Count(),
                "first": Min(schema.TIMESTAMP),
                "last": Max(schema.TIMESTAMP),
                "ingested": Max(schema.EVENT_INGESTED),
            },
        )
    )
    return [
        Burst(first=row["first"], last=row["last"], count=row["n"], ingested=row["ingested"])
        for row in answer
    ]


def _ends(ask: Ask, bursts: Sequence[Burst]) -> datetime | None:
    """Up to when the last silence is known to last: now for a live model, else not at all."""
    if not bursts or bursts[-1].ingested - bursts[-1].last > _HOUR:
        return None
    return min(ask.now, ask.span.end)


def longest(bursts: Sequence[Burst], end: datetime | None, ask: Ask) -> dict[Window, Gap]:
    """The longest gap of every window that a gap or an inference falls into, in order."""
    if not bursts:
        return {}
    found: dict[Window, Gap] = {}
    stops = [(burst.first, burst.last, burst.count) for burst in bursts[1:]]
    if end is not None and end > bursts[-1].last:
        stops.append((end, end, 0))
    since, window = bursts[0].last, next(windows(_moment(bursts[0].last), ask.size))
    for first, last, count in stops:
        crossed = (
            (window,) if first < window.end else windows(Window(start=since, end=first + _TICK), ask.size)
        )
        for window in crossed:
            _note(found, window, since, first, count)
        since = last
        if last >= window.end:
            window = next(windows(_moment(last), ask.size))
    return {window: gap for window, gap in found.items() if window.start < ask.span.end}


def _moment(at: datetime) -> Window:
    return Window(start=at, end=at + _TICK)


def _note(found: dict[Window, Gap], window: Window, since: datetime, first: datetime, count: int) -> None:
    """Count a gap, and the inferences that end it, to a window that it touches."""
    seconds = (min(first, window.end) - since).total_seconds()
    inside = count if first in window else 0
    known = found.get(window)
    if known is None:
        found[window] = Gap(start=since, seconds=seconds, count=inside)
        return
    longer = seconds > known.seconds
    found[window] = Gap(
        start=since if longer else known.start,
        seconds=max(seconds, known.seconds),
        count=known.count + inside,
    )


def _findings(ask: Ask, gaps: dict[Window, Gap]) -> Iterator[Finding]:
    usual: list[float] = []
    for window, gap in gaps.items():
        lately = usual[-_LOOK_BACK.days :]
        bound = math.inf
        if len(lately) >= ask.policy.silence_days:
            bound = max(ask.policy.silence * median(lately), _ROOM * max(lately))
        if gap.seconds <= bound:
            usual.append(gap.seconds)
        elif window.start >= ask.span.start:
            yield _finding(ask, window, gap, bound, lately)


def _finding(ask: Ask, window: Window, gap: Gap, bound: float, usual: Sequence[float]) -> Finding:
    hours, usually = gap.seconds / 3600, median(usual) / 3600
    return Finding(
        analyzer=ANALYZER,
        model=ask.model.name,
        version=ask.version,
        window=window,
        size=ask.size,
        metric="silence",
        value=gap.seconds,
        bound=bound,
        n=gap.count,
        severity=Severity.CRITICAL,
        message=f"No inference for {hours:.1f} h; the longest gap of a day is {usually:.1f} h as a rule.",
        evidence={"since": isoformat(gap.start), "usual": list(usual)},
    )
