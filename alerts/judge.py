"""One value against the bound of a rule: too much, held, or well. Pure."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from mlmon.alerts.rules import Bound, Judge, Rule
from mlmon.alerts.states import Judged, Verdict


class Point(Struct, frozen=True, kw_only=True):
    """What is known of one window: a value with its sample and interval."""

    start: datetime
    end: datetime
    value: float | None
    n: float = 0.0
    low: float | None = None
    high: float | None = None
    is_final: bool = True


def judged(rule: Rule, point: Point, usual: float | None = None, *, allowed: bool = True) -> Judged | None:
    """The window judged; None where it says nothing: no value, too few events, nothing to hold it against.

    `allowed` says whether what the rule waits for holds then; where it does not, the window is well.
    """
    if rule.bound is None or point.value is None or point.n < rule.min_n:
        return None
    limits = rule.bound.limits(usual)
    if limits is None:
        return None
    return Judged(
        start=point.start,
        end=point.end,
        verdict=_verdict(rule.bound, point.value, *limits) if allowed else Verdict.CLEAR,
        value=point.value,
        limit=limits[0],
        n=point.n,
        low=point.low,
        high=point.high,
    )


def _verdict(bound: Bound, value: float, limit: float, recovery: float) -> Verdict:
    if bound.beyond(value, limit):
        return Verdict.BREACH
    return Verdict.HELD if bound.beyond(value, recovery) else Verdict.CLEAR


def is_due(rule: Rule, point: Point, now: datetime) -> bool:
    """Whether a window may be judged yet."""
    if rule.judge is Judge.RUNNING:
        return True
    return point.end <= now and (rule.judge is Judge.ENDED or point.is_final)
