"""Time as everything here sees it: UTC, read through a clock that is passed in.

A clock returns nanoseconds since 1970-01-01T00:00:00Z, so that the hot path of the logger reads it
without building an object.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache

Clock = Callable[[], int]
"""Returns the time as nanoseconds since the epoch, UTC."""

system: Clock = time.time_ns

NS_PER_SECOND = 1_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_datetime(ns: int) -> datetime:
    """Nanoseconds since the epoch as an aware datetime, cut to microseconds.

    >>> to_datetime(1_362_096_000_000_000_000).isoformat()
    '2013-03-01T00:00:00+00:00'
    """
    return _EPOCH + timedelta(microseconds=ns // 1000)


def to_ns(moment: datetime) -> int:
    """An aware datetime as nanoseconds since the epoch; a naive one is taken as UTC.

    >>> to_ns(datetime(2013, 3, 1, tzinfo=UTC))
    1362096000000000000
    """
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return (aware - _EPOCH) // _MICROSECOND * 1000


@lru_cache(maxsize=64)
def _second(seconds: int) -> str:
    # strftime would not pad the years before 1000.
    return (_EPOCH + timedelta(seconds=seconds)).replace(tzinfo=None).isoformat()


def to_text(ns: int) -> str:
    """Nanoseconds since the epoch in the form that documents carry, RFC 3339 with microseconds.

    >>> to_text(1_362_096_000_123_456_789)
    '2013-03-01T00:00:00.123456Z'
    """
    seconds, rest = divmod(ns, NS_PER_SECOND)
    return f"{_second(seconds)}.{rest // 1000:06d}Z"


def isoformat(moment: datetime) -> str:
    """An aware datetime in the form that documents carry."""
    return to_text(to_ns(moment))
