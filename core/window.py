"""Windows of time: UTC and half-open, `[start, end)`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from msgspec import Struct

from mlmon.core.clock import isoformat
from mlmon.core.errors import UsageError

SIZES: Final = ("1h", "1d", "7d", "30d", "month", "all")
"""The sizes a result can have."""

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_MOST_S: Final = 365_000 * 86400
"""So long a time back from any date that matters is still a date."""
_DIGITS: Final = 11
_SHOWN: Final = 30
_DURATION: Final = re.compile(r"(\d+)([smhdw])")
_MONDAY: Final = datetime(1970, 1, 5, tzinfo=UTC)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_WEEK: Final = timedelta(weeks=1)


class Window(Struct, frozen=True, kw_only=True, order=True):
    """A half-open stretch of time, `start` within, `end` not."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        """Refuse a naive bound and an end before the start."""
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise UsageError(f"A window needs time zones, got {self.start} to {self.end}. Pass aware ones.")
        if self.end < self.start:
            raise UsageError(
                f"A window must not end before it starts, got {self.start} to {self.end}. Swap them."
            )

    def __str__(self) -> str:
        """The two bounds in the form documents carry."""
        return f"[{isoformat(self.start)}, {isoformat(self.end)})"

    def __contains__(self, moment: datetime) -> bool:
        """Whether a moment lies within."""
        return self.start <= moment < self.end


def parse_duration(text: str) -> timedelta:
    """A duration such as `90s`, `5m`, `1h`, `7d` or `2w`.

    >>> parse_duration("90s")
    datetime.timedelta(seconds=90)

    Raises:
        UsageError: the text has another form, or says too long a time.

    """
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise UsageError(
            f"'{text}' is no duration. Write a whole number and one of s, m, h, d, w, such as 5m or 7d."
        )
    if len(match[1]) > _DIGITS or (seconds := int(match[1]) * _UNITS[match[2]]) > _MOST_S:
        raise UsageError(f"'{text[:_SHOWN]}' is more than a thousand years. Write a shorter time.")
    return timedelta(seconds=seconds)


def parse_moment(text: str, *, now: datetime) -> datetime:
    """A moment in ISO 8601 (UTC where it names no zone), `now`, or a duration that lies back from now.

    >>> parse_moment("7d", now=datetime(2013, 3, 8, tzinfo=UTC)).isoformat()
    '2013-03-01T00:00:00+00:00'

    Raises:
        UsageError: the text has another form, or no calendar has that time.

    """
    if text == "now":
        return now
    try:
        if _DURATION.fullmatch(text):
            return now - parse_duration(text)
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except ValueError:
        raise UsageError(
            f"'{text}' is no time. Write ISO 8601 (2013-03-01T12:00Z), 'now', or how far back (7d)."
        ) from None
    except OverflowError:
        raise UsageError(f"'{text}' is not within the years 1 to 9999 in UTC. Write another time.") from None


def floor(moment: datetime, size: str) -> datetime:
    """Where the window of a size that holds the moment begins.

    Fixed sizes count from 1970-01-01, whole weeks from a Monday; `month` is the calendar's.

    >>> floor(datetime(2013, 3, 9, 15, tzinfo=UTC), "month").isoformat()
    '2013-03-01T00:00:00+00:00'
    >>> floor(datetime(2013, 3, 9, 15, tzinfo=UTC), "7d").strftime("%A %d")
    'Monday 04'
    """
    moment = moment.astimezone(UTC)
    if size == "month":
        return moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    step = parse_duration(size)
    origin = _MONDAY if step % _WEEK == timedelta(0) else _EPOCH
    return origin + (moment - origin) // step * step


def following(start: datetime, size: str) -> datetime:
    """Where the window that begins at `start` ends."""
    if size == "month":
        return (start + timedelta(days=32)).replace(day=1)
    return start + parse_duration(size)


def preceding(start: datetime, size: str, windows: int) -> datetime:
    """Where the window begins that lies so many before the one that begins here.

    From a start amid a window, that window's own start is the first before it.

    >>> preceding(datetime(2026, 3, 1, tzinfo=UTC), "month", 3).isoformat()
    '2025-12-01T00:00:00+00:00'
    """
    if not windows:
        return start
    last = floor(start - timedelta(microseconds=1), size)
    if size != "month":
        return last - (windows - 1) * parse_duration(size)
    place = last.year * 12 + last.month - windows
    return last.replace(year=place // 12, month=place % 12 + 1)


def windows(span: Window, size: str) -> Iterator[Window]:
    """The whole windows of a size that touch the span, in order; `all` gives the span itself.

    >>> march = Window(start=datetime(2013, 3, 1, 12, tzinfo=UTC), end=datetime(2013, 3, 3, tzinfo=UTC))
    >>> [str(w.start.date()) for w in windows(march, "1d")]
    ['2013-03-01', '2013-03-02']
    """
    if size == "all":
        yield span
        return
    start = floor(span.start, size) if span.start < span.end else span.end
    while start < span.end:
        end = following(start, size)
        yield Window(start=start, end=end)
        start = end


def widen(span: Window, size: str) -> Window:
    """The smallest run of whole windows of a size that covers the span."""
    if size == "all" or span.start == span.end:
        return span
    last = floor(span.end - timedelta(microseconds=1), size)
    return Window(start=floor(span.start, size), end=following(last, size))
