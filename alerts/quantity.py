"""Numbers with units as people write them in a rule: 250ms, 2 %, 1,000, 0.1."""

from __future__ import annotations

import math
import re
from typing import Final

from mlmon.core.errors import ConfigError
from mlmon.core.panel import Unit

_NUMBER: Final = re.compile(
    r"([-+]?(?:\d{1,3}(?:,\d{3})+|\d[\d_]*|(?=\.\d))(?:\.\d*)?(?:e[-+]?\d+)?)\s*([a-zA-Zµ%]*)"
)
_COMMA: Final = re.compile(r"[-+]?\d*,\d+\D*")
_SECONDS: Final = {
    "ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0,
    "d": 86400.0, "w": 604800.0,
}  # fmt: skip
_PER_SECOND: Final = {Unit.SECONDS: 1.0, Unit.NANOSECONDS: 1e9}
_EXAMPLES: Final = {
    Unit.RATIO: "0.02 or 2%",
    Unit.COUNT: "100",
    Unit.NANOSECONDS: "250ms or 1.5s",
    Unit.SECONDS: "2h or 30m",
    Unit.PLAIN: "0.1",
}


def parse(text: str | float, unit: Unit) -> float:
    """A value in the unit that documents carry; a number alone is in that unit already.

    >>> parse("250ms", Unit.NANOSECONDS), parse("2 %", Unit.RATIO), parse("1,000", Unit.COUNT)
    (250000000.0, 0.02, 1000.0)

    Raises:
        ConfigError: no number, or a unit that does not fit.

    """
    if not isinstance(text, str):
        return _finite(float(text), text, unit)
    match = _NUMBER.fullmatch(text.strip())
    if match is None:
        comma = f" Did you mean '{text.replace(',', '.')}'?" if _COMMA.fullmatch(text.strip()) else ""
        raise ConfigError(f"'{text}' is no number.{comma} Write {_EXAMPLES[unit]}.")
    number, suffix = _finite(float(match[1].replace(",", "").replace("_", "")), text, unit), match[2]
    if not suffix:
        return number
    if suffix == "%" and unit is Unit.RATIO:
        return number / 100
    if suffix in _SECONDS and unit in _PER_SECOND:
        return number * _SECONDS[suffix] * _PER_SECOND[unit]
    raise ConfigError(f"'{text}' has a unit that does not fit. Write {_EXAMPLES[unit]}.")


def _finite(number: float, text: float | str, unit: Unit) -> float:
    if not math.isfinite(number):
        raise ConfigError(f"'{text}' is no finite number. Write {_EXAMPLES[unit]}.")
    return number


def parse_change(text: str | float, unit: Unit) -> tuple[float, bool]:
    """A change and whether it is relative: a percentage is a part of what it was, all else a difference.

    >>> parse_change("5%", Unit.RATIO), parse_change(0.02, Unit.RATIO)
    ((0.05, True), (0.02, False))

    Raises:
        ConfigError: as `parse`.

    """
    if isinstance(text, str) and text.strip().endswith("%"):
        return parse(text, Unit.RATIO), True
    return parse(text, unit), False


def written(value: float, unit: Unit) -> str:
    """A value as a person reads it, with its unit.

    >>> written(2.5e8, Unit.NANOSECONDS), written(0.0213, Unit.RATIO), written(7200, Unit.SECONDS)
    ('250 ms', '2.13 %', '2 h')
    >>> written(0.25, Unit.PLAIN), written(12345, Unit.COUNT)
    ('0.25', '12,345')
    """
    match unit:
        case Unit.RATIO:
            return f"{100 * value:.3g} %"
        case Unit.COUNT:
            return f"{value:,.0f}"
        case Unit.SECONDS | Unit.NANOSECONDS:
            return _duration(value / _PER_SECOND[unit])
        case _:
            return f"{value:.3g}"


def _duration(seconds: float) -> str:
    for name in ("d", "h", "min", "s", "ms", "us"):
        if abs(seconds) >= _SECONDS[name]:
            return f"{seconds / _SECONDS[name]:.3g} {name}"
    return f"{seconds * 1e9:.3g} ns"
