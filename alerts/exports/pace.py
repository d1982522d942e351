"""How often an engine looks at a rule, and for how long it does not tell the same again."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from mlmon.alerts.rules import Rule
from mlmon.core.window import parse_duration

_MOST_OFTEN: Final = timedelta(minutes=1)
_LEAST_OFTEN: Final = timedelta(minutes=15)
_SHORTEST_MONTH: Final = timedelta(days=28)


def interval(rule: Rule) -> timedelta:
    """How often a rule is looked at: twelve times a window, at most each minute, at least each quarter."""
    return min(max(timedelta(seconds=_size(rule).total_seconds() // 12), _MOST_OFTEN), _LEAST_OFTEN)


def quiet(rule: Rule) -> timedelta:
    """For how long the same is not told again: as long as the windows that made it are looked at."""
    return max(_size(rule) * rule.lasting.among, timedelta(hours=1))


def _size(rule: Rule) -> timedelta:
    return _SHORTEST_MONTH if rule.size == "month" else parse_duration(rule.size)
