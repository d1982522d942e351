"""Times as callers have them: a datetime (UTC where it names no zone), or nanoseconds since the epoch."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from mlmon.core.clock import Clock, to_ns
from mlmon.logging_sdk.features import listed

Moment = datetime | int


def ns_of(moment: Any, clock: Clock) -> int:  # noqa: ANN401 - checked here
    """Nanoseconds since the epoch; the clock's where no moment is given.

    Raises:
        TypeError: it is neither a datetime nor an integer.

    """
    if moment is None:
        return clock()
    if isinstance(moment, datetime):
        return to_ns(moment)
    if isinstance(moment, int):
        return moment
    raise TypeError(f"{moment!r} is no time; pass a datetime or nanoseconds since the epoch")


def all_ns_of(moments: Any, length: int, clock: Clock) -> Sequence[int]:  # noqa: ANN401 - checked here
    """A moment for each row: one given for all, or a sequence.

    Raises:
        TypeError, ValueError: an entry is no time, or the sequence has another length.

    """
    if moments is None or isinstance(moments, (datetime, int)):
        return [ns_of(moments, clock)] * length
    return [ns_of(moment, clock) for moment in listed(moments, length, "timestamp")]
