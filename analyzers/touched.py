"""Which windows have changed: those of the events that came, and those that have become final."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

from mlmon.analyzers.cells import ALL
from mlmon.analyzers.cursor import News
from mlmon.core import schema
from mlmon.core.query import Count, Query, Terms, TimeBucket
from mlmon.core.schema import Dataset
from mlmon.core.store import Reader
from mlmon.core.window import Window, floor, following, preceding, windows

HOUR: Final = "1h"
"""The grain of what has changed; windows are made of whole hours."""

GAP: Final = 12
"""Windows between two changed ones that are stated again too, rather than asking twice."""

Hours = dict[str, set[datetime]]
"""By model, the starts of the hours that have changed."""


def changed_hours(reader: Reader, news: Mapping[Dataset, News]) -> Hours:
    """The hours that new documents fall into, by model; one grouped query a dataset."""
    hours: Hours = {}
    for dataset, fresh in news.items():
        rows = reader.query(
            Query(
                dataset=dataset,
                window=fresh.window,
                time=schema.EVENT_INGESTED,
                by={"model": Terms(schema.MODEL_NAME), "hour": TimeBucket(HOUR)},
                measures={"n": Count()},
            )
        )
        for row in rows:
            hours.setdefault(row["model"], set()).add(row["hour"])
    return hours


def spans(hours: Iterable[datetime], size: str) -> Iterator[Window]:
    """The windows of a size that hold any of the hours, in runs; small gaps are filled.

    >>> from datetime import UTC
    >>> day = datetime(2013, 3, 1, 5, tzinfo=UTC)
    >>> [str(span) for span in spans({day, day + timedelta(hours=30)}, "1d")]
    ['[2013-03-01T00:00:00.000000Z, 2013-03-03T00:00:00.000000Z)']
    """
    if size == ALL:
        every = sorted(hours)
        if every:
            yield Window(start=floor(every[0], "1d"), end=following(floor(every[-1], "1d"), "1d"))
        return
    run: Window | None = None
    for start in sorted({floor(hour, size) for hour in hours}):
        end = following(start, size)
        if run is not None and start <= run.end + GAP * (end - start):
            run = Window(start=run.start, end=end)
            continue
        if run is not None:
            yield run
        run = Window(start=start, end=end)
    if run is not None:
        yield run


def matured(size: str, *, since: datetime, now: datetime, maturity: timedelta) -> Iterator[datetime]:
    """The starts of windows that were not final at `since` and are now."""
    if size == ALL:
        return
    start, end = since - maturity, now - maturity
    for window in windows(Window(start=floor(start, size), end=end), size):
        if start < window.end <= end:
            yield window.start


def extended(span: Window, size: str, more: int, *, back: int = 0) -> Window:
    """The span and so many windows after it, and before it."""
    start, end = span.start, span.end
    if size == ALL:
        return span
    for _ in range(more):
        end = following(end, size)
    return Window(start=preceding(start, size, back), end=end)
