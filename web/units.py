"""Numbers as a person reads them: 94.2 %, 31 ms, 284,821."""

from __future__ import annotations

from datetime import datetime, timedelta
from math import isfinite
from typing import Final

from mlmon.core.panel import Unit

NOTHING: Final = "–"  # noqa: RUF001 - a dash as wide as a digit
_SMALL: Final = 0.001
_TINY: Final = 1e-4
_STEPS: Final = (
    (31_557_600.0, "y"),
    (86400.0, "d"),
    (3600.0, "h"),
    (60.0, "min"),
    (1.0, "s"),
    (1e-3, "ms"),
    (1e-6, "µs"),
)
_DIGITS: Final = 10


def number(value: float | None, unit: Unit) -> str:
    """A value in its unit.

    >>> number(0.9421, Unit.RATIO), number(31_200_000, Unit.NANOSECONDS), number(284821, Unit.COUNT)
    ('94.2 %', '31 ms', '284,821')
    >>> number(0.8766, Unit.PLAIN), number(None, Unit.PLAIN) == NOTHING
    ('0.877', True)
    """
    if value is None or not isfinite(value):
        return NOTHING
    match unit:
        case Unit.RATIO:
            small = 0 < abs(value) < _SMALL
            return f"{100 * value:.2g} %" if small else f"{100 * value:.1f} %"
        case Unit.COUNT:
            return f"{value:,.0f}"
        case Unit.NANOSECONDS:
            return seconds(value / 1e9)
        case Unit.SECONDS:
            return seconds(value)
        case _:
            return _plain(value)


def _plain(value: float) -> str:
    if 0 < abs(value) < _SMALL:
        return f"{value:.2g}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"  # noqa: PLR2004 - three digits suffice


def interval(low: float, high: float, unit: Unit) -> str:
    """Two ends with the same number of decimals, the unit once.

    >>> interval(0.835, 0.85, Unit.PLAIN), interval(0.012, 0.0163, Unit.RATIO), interval(8, 11.5, Unit.PLAIN)
    ('0.835 to 0.850', '1.2 to 1.6 %', '8.0 to 11.5')
    """
    if unit is not Unit.PLAIN or max(abs(low), abs(high)) < _SMALL:
        first, second = number(low, unit), number(high, unit)
        same = first.rpartition(" ")[2] == second.rpartition(" ")[2] and " " in first
        return f"{first.rpartition(' ')[0] if same else first} to {second}"
    whole = len(f"{max(abs(low), abs(high)):.0f}")
    decimals = 3 if max(abs(low), abs(high)) < 1 else max(3 - whole, 0)
    return f"{low:,.{decimals}f} to {high:,.{decimals}f}"


def seconds(value: float) -> str:
    """A duration with two digits or so.

    >>> seconds(0.0312), seconds(1.25), seconds(7200), seconds(0)
    ('31 ms', '1.2 s', '2 h', '0 s')
    """
    for size, name in _STEPS:
        if abs(value) >= size:
            scaled = value / size
            return f"{scaled:.0f} {name}" if abs(scaled) >= _DIGITS else f"{scaled:.2g} {name}"
    return "0 s" if value == 0 else f"{value * 1e9:.0f} ns"


def chance(p_value: float) -> str:
    """A probability as far as it is worth reading.

    >>> chance(3e-9), chance(0.0123)
    ('below 0.0001', '0.0123')
    """
    return "below 0.0001" if p_value < _TINY else f"{p_value:.4f}"


def ago(moment: datetime, now: datetime) -> str:
    """How long ago a moment was.

    >>> from datetime import UTC
    >>> ago(datetime(2013, 3, 1, tzinfo=UTC), datetime(2013, 3, 3, tzinfo=UTC))
    '2 d ago'
    """
    past = (now - moment) / timedelta(seconds=1)
    if past < 0:
        return f"in {seconds(-past)}"
    return "now" if past < 1 else f"{seconds(past)} ago"
