"""Which stretch of time to ask for at once, so that each page of groups costs no more than the page.

A cluster reads all documents of the window for every page of a composite aggregation. Where the groups begin
with time, the window is cut: a stretch is as long as one page is expected to hold, and the next stretch is
longer or shorter by what the one before had.
"""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from mlmon.core import query as q
from mlmon.core.query import Query, Row
from mlmon.core.window import Window, floor, following, parse_duration
from mlmon.stores.search import filters

_SPARSE = 4
"""A page not filled to the fourth part lets the next stretch be four times as long."""


def is_by_time(query: Query) -> bool:
    """Whether the groups of a query begin with the time that its window bounds."""
    first = next(iter(query.by.values()), None)
    return query.window is not None and isinstance(first, q.TimeBucket) and first.field == query.time


def from_group(query: Query, row: Row) -> Query:
    """The same question of no time before a group that was read."""
    window, start = query.window, row[next(iter(query.by))]
    if window is None or start is None or start <= window.start:
        return query
    return replace(query, window=Window(start=start, end=window.end))


class Slices:
    """The stretches of a query's window, in order; for one reader."""

    def __init__(self, query: Query, page: int) -> None:
        """`page` is how many groups one answer holds."""
        window, key = query.window, next(iter(query.by.values()))
        assert window is not None  # noqa: S101 - is_by_time said so
        assert isinstance(key, q.TimeBucket)  # noqa: S101 - as above
        self._end = min(window.end, filters.LATEST)
        self._every = key.every
        self._page = page
        self._buckets = page
        self._start = max(window.start, filters.EARLIEST)

    def __bool__(self) -> bool:
        """Whether any is left."""
        return self._start < self._end

    def take(self) -> Window:
        """The next stretch; all but the first begin where a group does."""
        end = min(self._end, _after(floor(self._start, self._every), self._every, self._buckets))
        taken = Window(start=self._start, end=end)
        self._start = end
        return taken

    def had(self, groups: int) -> None:
        """Learn how many groups the last stretch had."""
        if groups > self._page:
            self._buckets = max(1, self._buckets * self._page // groups)
        elif groups * _SPARSE < self._page:
            self._buckets *= _SPARSE


def _after(start: datetime, every: str, buckets: int) -> datetime:
    if every == "month":
        for _ in range(min(buckets, 12 * 300)):
            start = following(start, every)
        return start
    step = parse_duration(every)
    most = (filters.LATEST - start) // step + 1
    return start + min(buckets, most) * step
