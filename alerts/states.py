"""The state of one alert, and how judged windows move it: pending, firing, recovering, resolved. Pure.

The rules of restating: a window may be judged again, and the newest judgement counts. An alert that is open
is looked at again at its newest window. One that is not open is stepped through again from the first window
that is now too much, so what late data bring to light is told, also if it is over. What was resolved is not
opened again by windows up to the one that resolved it. Windows further back than `depth` are not looked at
again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from mlmon.alerts.rules import Rule
from mlmon.core.window import parse_duration

_EPOCH: Final = datetime(1970, 1, 5, tzinfo=UTC)
_LEAST_DEPTH: Final = 8


class Phase(StrEnum):
    """Where an alert stands."""

    INACTIVE = "inactive"
    PENDING = "pending"
    FIRING = "firing"
    RECOVERING = "recovering"
    RESOLVED = "resolved"


OPEN: Final = frozenset({Phase.FIRING, Phase.RECOVERING})
"""What a person is told of, until it is resolved."""

NEXT: Final[dict[Phase, frozenset[Phase]]] = {
    Phase.INACTIVE: frozenset({Phase.PENDING}),
    Phase.PENDING: frozenset({Phase.INACTIVE, Phase.FIRING}),
    Phase.FIRING: frozenset({Phase.RECOVERING}),
    Phase.RECOVERING: frozenset({Phase.FIRING, Phase.RESOLVED}),
    Phase.RESOLVED: frozenset({Phase.PENDING}),
}
"""From each phase the ones that may follow; nothing is skipped."""


class Verdict(StrEnum):
    """What one window says: too much, between the bound and the recovery bound, or well."""

    BREACH = "breach"
    HELD = "held"
    CLEAR = "clear"


class Judged(Struct, frozen=True, kw_only=True):
    """One window, judged. `limit` is the bound as a plain value; `why` says what a finding says."""

    start: datetime
    end: datetime
    verdict: Verdict
    value: float | None = None
    limit: float | None = None
    n: float = 0.0
    low: float | None = None
    high: float | None = None
    why: str = ""


class Change(Struct, frozen=True, kw_only=True):
    """A step from one phase to the next, at a window's end; `since` is where this alert began."""

    before: Phase
    after: Phase
    at: datetime
    since: datetime
    reason: str = ""


class Alert(Struct, frozen=True, kw_only=True):
    """The state of one group of a rule.

    `since` is the start of the first window that was too much, `fired` and `closed` the ends of the windows
    that made it fire and resolved it, `newest` the start of the newest window judged. Windows up to `barrier`
    were dealt with by an alert that is over. `recent` are the windows it remembers. `begun` are those in
    which it began to fire lately, for the flapping guard. `worst` is the window that lay furthest out. `seen`
    is when anything new was last known, by the clock of the evaluator.
    """

    phase: Phase = Phase.INACTIVE
    since: datetime | None = None
    fired: datetime | None = None
    closed: datetime | None = None
    newest: datetime | None = None
    barrier: datetime | None = None
    recent: tuple[Judged, ...] = ()
    begun: tuple[datetime, ...] = ()
    worst: Judged | None = None
    seen: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether it fires, or recovers and could fire again."""
        return self.phase in OPEN

    @property
    def is_idle(self) -> bool:
        """Whether forgetting it would change nothing: not open, and nothing it remembers was too much."""
        return (
            self.phase in (Phase.INACTIVE, Phase.RESOLVED)
            and not self.begun
            and all(each.verdict is Verdict.CLEAR for each in self.recent)
            and (self.barrier is None or all(each.start > self.barrier for each in self.recent))
        )


def ordinal(start: datetime, size: str) -> int:
    """The place of a window among all of its size.

    >>> march, april = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
    >>> ordinal(april, "month") - ordinal(march, "month"), ordinal(april, "1d") - ordinal(march, "1d")
    (1, 31)
    """
    if size == "month":
        return start.year * 12 + start.month
    return (start - _EPOCH) // parse_duration(size)


def depth(rule: Rule) -> int:
    """How many of the newest windows are judged in each evaluation."""
    return max(rule.lasting.among, rule.lasting.clear, rule.flapping.calm, _LEAST_DEPTH) + 2


def is_flapping(alert: Alert, rule: Rule) -> bool:
    """Whether it began so often lately that it must stay calm for longer."""
    return len(alert.begun) >= rule.flapping.episodes


def needed_clear(alert: Alert, rule: Rule) -> int:
    """How many clear windows in a row resolve it."""
    calm = rule.flapping.calm if is_flapping(alert, rule) else 0
    return max(rule.lasting.clear, calm)


def advance(
    alert: Alert, judged: Sequence[Judged], rule: Rule, *, now: datetime
) -> tuple[Alert, list[Change]]:
    """The alert after windows were judged, in the order of their starts, and the changes on the way.

    Judging the same windows again changes nothing. `now` is the clock of whoever evaluates.
    """
    known = {each.start: each for each in alert.recent}
    horizon = _horizon(alert, judged, rule)
    news = [
        each for each in judged if ordinal(each.start, rule.size) > horizon and known.get(each.start) != each
    ]
    if not news:
        return _expired(alert, rule, now)
    again = {each.start for each in news if _counts_anew(known.get(each.start), each)}
    merged = known | {each.start: each for each in news}
    recent = tuple(merged[start] for start in sorted(merged) if ordinal(start, rule.size) > horizon)
    alert = replace(alert, recent=recent, seen=now)
    changes: list[Change] = []
    for start in _to_step(alert, again):
        alert = _step(alert, start, rule, changes)
    newest = max(recent[-1].start, alert.newest or recent[-1].start)
    return replace(alert, newest=newest, begun=_lately(alert, newest, rule)), changes


def _lately(alert: Alert, start: datetime, rule: Rule) -> tuple[datetime, ...]:
    """The windows, of those that count for the flapping guard, in which it began to fire."""
    oldest = ordinal(start, rule.size) - rule.flapping.within
    return tuple(each for each in alert.begun if ordinal(each, rule.size) > oldest)


def _horizon(alert: Alert, judged: Sequence[Judged], rule: Rule) -> int:
    """Windows up to this place are forgotten."""
    starts = [each.start for each in judged] + ([alert.newest] if alert.newest else [])
    if not starts:
        return 0
    return ordinal(max(starts), rule.size) - depth(rule)


def _counts_anew(before: Judged | None, after: Judged) -> bool:
    return before is None or before.verdict is not after.verdict


def _to_step(alert: Alert, again: set[datetime]) -> list[datetime]:
    """At which windows the state is looked at."""
    newest = alert.newest
    if newest is None:
        return [each.start for each in alert.recent]
    later = [each.start for each in alert.recent if each.start > newest]
    restated = sorted(start for start in again if start <= newest)
    if not restated:
        return later
    if alert.is_open or alert.phase is Phase.PENDING:
        return [newest, *later]
    worse = [each.start for each in alert.recent if each.start in again and each.verdict is Verdict.BREACH]
    if not worse or min(worse) > newest:
        return later
    return [each.start for each in alert.recent if each.start >= min(worse)]


def _step(alert: Alert, start: datetime, rule: Rule, changes: list[Change]) -> Alert:
    """Move the alert as far as the windows up to one carry it."""
    place = ordinal(start, rule.size)
    upto = [each for each in alert.recent if each.start <= start]
    view = [
        each
        for each in upto
        if ordinal(each.start, rule.size) > place - rule.lasting.among and _after(each, alert.barrier)
    ]
    breaches = [each for each in view if each.verdict is Verdict.BREACH]
    end = upto[-1].end if upto else start
    if alert.phase in (Phase.INACTIVE, Phase.RESOLVED) and breaches:
        alert = replace(alert, since=breaches[0].start, fired=None, closed=None, worst=None)
        alert = _to(alert, Phase.PENDING, end, changes)
    if alert.phase is Phase.PENDING:
        alert = _pending(alert, breaches, start, end, rule, changes)
    if alert.phase in OPEN:
        alert = _open(alert, upto, start, end, rule, changes)
    return alert


def _after(judged: Judged, barrier: datetime | None) -> bool:
    return barrier is None or judged.start > barrier


def _pending(
    alert: Alert, breaches: list[Judged], start: datetime, end: datetime, rule: Rule, changes: list[Change]
) -> Alert:
    if not breaches:
        return replace(_to(alert, Phase.INACTIVE, end, changes), since=None)
    if len(breaches) < rule.lasting.count:
        return alert
    begun = (*_lately(alert, start, rule), start)
    alert = replace(alert, since=breaches[0].start, fired=end, begun=begun)
    return _to(alert, Phase.FIRING, end, changes)


def _open(
    alert: Alert, upto: list[Judged], start: datetime, end: datetime, rule: Rule, changes: list[Change]
) -> Alert:
    alert = replace(alert, worst=_worst(alert, upto, rule))
    last = next((each.verdict for each in reversed(upto)), Verdict.CLEAR)
    if alert.phase is Phase.FIRING and last is Verdict.CLEAR:
        alert = _to(alert, Phase.RECOVERING, end, changes)
    if alert.phase is Phase.RECOVERING and last is Verdict.BREACH:
        return _to(alert, Phase.FIRING, end, changes)
    if alert.phase is Phase.RECOVERING and _clear_run(upto) >= needed_clear(alert, rule):
        return replace(_to(alert, Phase.RESOLVED, end, changes), closed=end, barrier=start)
    return alert


def _clear_run(upto: Sequence[Judged]) -> int:
    run = 0
    for each in reversed(upto):
        if each.verdict is not Verdict.CLEAR:
            break
        run += 1
    return run


def _worst(alert: Alert, upto: Sequence[Judged], rule: Rule) -> Judged | None:
    """The window of this alert that lay furthest out."""
    since = alert.since or _EPOCH
    of_alert = [each for each in upto if each.verdict is Verdict.BREACH and each.start >= since]
    if alert.worst is not None and not any(each.start == alert.worst.start for each in upto):
        of_alert.append(alert.worst)
    if not of_alert:
        return alert.worst
    falls = rule.bound is not None and rule.bound.side == "below"

    def out(each: Judged) -> tuple[float, datetime]:
        value = each.value if each.value is not None else 0.0
        limit = each.limit if each.limit is not None else 0.0
        return (limit - value if falls else value - limit), each.start

    return max(of_alert, key=out)


def _to(alert: Alert, phase: Phase, at: datetime, changes: list[Change], reason: str = "") -> Alert:
    changes.append(Change(before=alert.phase, after=phase, at=at, since=alert.since or at, reason=reason))
    return replace(alert, phase=phase)


def _expired(alert: Alert, rule: Rule, now: datetime) -> tuple[Alert, list[Change]]:
    """Over, where nothing new was known for too long."""
    if alert.seen is None or now - alert.seen <= rule.expire:
        return alert, []
    at = alert.recent[-1].end if alert.recent else alert.seen
    return ended(alert, at, "nothing new was known of it")


def ended(alert: Alert, at: datetime, reason: str) -> tuple[Alert, list[Change]]:
    """The alert brought to its end for a reason other than what windows say."""
    changes: list[Change] = []
    if alert.phase is Phase.PENDING:
        alert = replace(_to(alert, Phase.INACTIVE, at, changes, reason), since=None)
    if alert.phase is Phase.FIRING:
        alert = _to(alert, Phase.RECOVERING, at, changes, reason)
    if alert.phase is Phase.RECOVERING:
        alert = replace(_to(alert, Phase.RESOLVED, at, changes, reason), closed=at, barrier=alert.newest)
    return alert, changes
