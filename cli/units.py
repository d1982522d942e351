"""Numbers and times as a person reads them: 94.2 %, 31 ms, 284,821, 3 h ago."""

from __future__ import annotations

from datetime import datetime, timedelta
from math import isfinite
from typing import Final

from mlmon.core.metric import unit_of
from mlmon.core.panel import Unit

NOTHING: Final = "-"
_SECOND: Final = 1e9
_STEPS: Final = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"))
_BYTES: Final = ("B", "kB", "MB", "GB", "TB")


def metric_value(metric: str, value: float | None) -> str:
    """A metric's value with its unit.

    >>> metric_value("accuracy", 0.94213), metric_value("latency_p95", 31e6)
    ('94.2 %', '31 ms')
    """
    if value is None or not isfinite(value):
        return NOTHING
    match unit_of(metric.partition("[")[0]):
        case Unit.RATIO:
            return ratio(value)
        case Unit.COUNT:
            return count(value)
        case Unit.NANOSECONDS:
            return duration_ns(value)
        case Unit.SECONDS:
            return duration_ns(value * _SECOND)
        case _:
            return plain(value)


def ratio(value: float | None) -> str:
    """A share as a percentage with one digit: 94.2 %."""
    return NOTHING if value is None else f"{value * 100:.1f} %"


def count(value: float | None) -> str:
    """A whole number with separators: 284,821."""
    return NOTHING if value is None else f"{value:,.0f}"


def counted(number: int, noun: str) -> str:
    """A count with its noun: 1 model, 2,400 models."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def plain(value: float | None) -> str:
    """A number in about three digits.

    >>> plain(0.00012), plain(0.1234), plain(17.367), plain(1234.5), plain(0.0), plain(float("inf"))
    ('0.00012', '0.123', '17.4', '1,234', '0', '-')
    """
    if value is None or not isfinite(value):
        return NOTHING
    if value == int(value) and abs(value) < 100:  # noqa: PLR2004 - a small whole number
        return f"{value:.0f}"
    if value and abs(value) < 0.01:  # noqa: PLR2004 - below it three places say too little
        return f"{value:.2g}"
    if abs(value) < 1:
        return f"{value:.3f}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"  # noqa: PLR2004 - three digits are enough


def duration_ns(value: float | None) -> str:
    """Nanoseconds in the unit that suits.

    >>> duration_ns(31e6), duration_ns(2_500), duration_ns(7200e9)
    ('31 ms', '2.5 us', '2 h')
    """
    if value is None:
        return NOTHING
    seconds = value / _SECOND
    for size, name in _STEPS:
        if abs(seconds) >= size:
            return f"{_digits(seconds / size)} {name}"
    for scale, name in ((1, "s"), (1e3, "ms"), (1e6, "us")):
        if abs(seconds) * scale >= 1:
            return f"{_digits(seconds * scale)} {name}"
    return f"{value:.0f} ns"


def _digits(value: float) -> str:
    """Two digits where there is one before the point, none elsewhere."""
    return f"{value:.1f}".removesuffix(".0") if abs(value) < 10 else f"{value:.0f}"  # noqa: PLR2004 - one digit


def size_bytes(value: float) -> str:
    """A size in decimal units: 41 MB."""
    for name in _BYTES[:-1]:
        if value < 1000:  # noqa: PLR2004 - decimal units
            return f"{_digits(value)} {name}"
        value /= 1000
    return f"{_digits(value)} {_BYTES[-1]}"


def ago(moment: datetime | None, now: datetime) -> str:
    """How long ago a moment was, or the moment's date where that says more.

    >>> ago(datetime.fromisoformat("2013-03-01T10:00Z"), datetime.fromisoformat("2013-03-01T13:00Z"))
    '3 h ago'
    """
    if moment is None:
        return NOTHING
    past = now - moment
    if past > timedelta(days=60):
        return f"{moment:%Y-%m-%d}"
    if past < timedelta(seconds=-1):
        return f"in {duration_ns(-past / timedelta(seconds=1) * _SECOND)}"
    if past < timedelta(seconds=1):
        return "now"
    return f"{duration_ns(past / timedelta(seconds=1) * _SECOND)} ago"


def window_start(start: datetime, size: str) -> str:
    """Where a window starts, as short as its size allows.

    >>> window_start(datetime.fromisoformat("2013-03-01T10:00Z"), "month")
    '2013-03'
    """
    form = {"month": "%Y-%m", "1h": "%Y-%m-%d %H:%M"}.get(size, "%Y-%m-%d")
    return start.strftime(form)
