"""Who must hear what: from the states of alerts to notices, one for each change that matters. Pure.

A notice goes out when an alert fires and when it is resolved, and again while it holds and nobody took it, if
the rule says so. Pending and recovering are shown and not sent. While a silence or maintenance holds, nothing
is sent; if the alert still fires afterwards it is told then. An alert that was told is always told to be
over.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from mlmon.alerts.evaluate import At, Evaluation
from mlmon.alerts.known import Group
from mlmon.alerts.mutes import Mutes
from mlmon.alerts.rules import Rule
from mlmon.alerts.states import Alert, Change, Judged, Phase, Verdict, is_flapping
from mlmon.core.clock import isoformat
from mlmon.core.result import Severity


class Kind(StrEnum):
    """What a notice says."""

    FIRING = "firing"
    REMINDER = "reminder"
    RESOLVED = "resolved"


class Event(Struct, frozen=True, kw_only=True):
    """One event behind an alert, as far as a notice shows it."""

    id: str
    at: datetime
    said: str


class Notice(Struct, frozen=True, kw_only=True):
    """What somebody is told of one alert. `id` is the same however often it is made or sent.

    `alert` is the id of the alert from its beginning to its end. `window` is the one that decided, for an
    alert that is over the worst of its windows. `causes` and `events` say what may lie behind it.
    """

    id: str
    alert: str
    kind: Kind
    rule: str
    group: Group
    at: datetime
    since: datetime
    metric: str
    size: str
    severity: Severity
    about: str = ""
    owner: str = ""
    runbook: str = ""
    routes: tuple[str, ...] = ()
    window: Judged | None = None
    recent: tuple[Judged, ...] = ()
    until: datetime | None = None
    is_flapping: bool = False
    reason: str = ""
    causes: tuple[str, ...] = ()
    events: tuple[Event, ...] = ()


class Told(Struct, frozen=True, kw_only=True):
    """That an alert was told, first and last."""

    alert: str
    first: datetime
    last: datetime


def alert_id(rule: str, group: Group, since: datetime) -> str:
    """The id of an alert: of the rule, the group, and the window it began with."""
    parts = (
        rule, group.model, group.version, group.segment, group.subject, group.logger, isoformat(since),
    )  # fmt: skip
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=8).hexdigest()


def decide(
    rules: Sequence[Rule],
    done: Evaluation,
    told: Mapping[At, Told],
    mutes: Mutes,
    *,
    met: frozenset[str],
    now: datetime,
) -> tuple[list[Notice], dict[At, Told]]:
    """The notices of an evaluation, in order, and what will have been told with them.

    `met` are the rules that were evaluated before. Of a rule that is new only what is open now is told, not
    what was over before anybody looked.
    """
    told, notices = dict(told), list[Notice]()
    for moved in done.moved:
        if moved.rule.name in met or (moved.rule.name, moved.group) in told:
            notices += _changed(moved.rule, moved.group, moved.alert, _story(moved.changes), told, mutes, now)
    by_name = {rule.name: rule for rule in rules}
    for (name, group), alert in done.alerts.items():
        if alert.is_open and name in by_name:
            notices += _standing(by_name[name], group, alert, told, mutes, now)
    return notices, told


class _Step(Struct, frozen=True, kw_only=True):
    kind: Kind
    since: datetime
    at: datetime
    reason: str


def _story(changes: Sequence[Change]) -> list[_Step]:
    """The beginnings and ends among the changes."""
    steps = []
    for each in changes:
        if each.before is Phase.PENDING and each.after is Phase.FIRING:
            steps.append(_Step(kind=Kind.FIRING, since=each.since, at=each.at, reason=each.reason))
        if each.after is Phase.RESOLVED:
            steps.append(_Step(kind=Kind.RESOLVED, since=each.since, at=each.at, reason=each.reason))
    return steps


def _changed(
    rule: Rule,
    group: Group,
    alert: Alert,
    story: Sequence[_Step],
    told: dict[At, Told],
    mutes: Mutes,
    now: datetime,
) -> Iterator[Notice]:
    at = (rule.name, group)
    for step in story:
        name = alert_id(rule.name, group, step.since)
        if step.kind is Kind.FIRING and not mutes.is_quiet(rule, group, now):
            told[at] = Told(alert=name, first=now, last=now)
            yield _notice(Kind.FIRING, rule, group, alert, since=step.since, at=step.at)
        elif step.kind is Kind.RESOLVED and at in told:
            del told[at]
            yield _notice(Kind.RESOLVED, rule, group, alert, since=step.since, at=step.at, reason=step.reason)


def _standing(
    rule: Rule, group: Group, alert: Alert, told: dict[At, Told], mutes: Mutes, now: datetime
) -> Iterator[Notice]:
    """What is open and was not told yet, as after a silence; and what is due to be told again."""
    at, since = (rule.name, group), alert.since or now
    name = alert_id(rule.name, group, since)
    if mutes.is_quiet(rule, group, now):
        return
    known = told.get(at)
    if known is None:
        told[at] = Told(alert=name, first=now, last=now)
        yield _notice(Kind.FIRING, rule, group, alert, since=since, at=alert.fired or now)
    elif (
        rule.renotify is not None
        and now - known.last >= rule.renotify
        and mutes.acked(known.alert, now) is None
    ):
        told[at] = Told(alert=known.alert, first=known.first, last=now)
        yield _notice(Kind.REMINDER, rule, group, alert, since=since, at=now)


def _notice(
    kind: Kind, rule: Rule, group: Group, alert: Alert, *, since: datetime, at: datetime, reason: str = ""
) -> Notice:
    name = alert_id(rule.name, group, since)
    again = isoformat(at) if kind is Kind.REMINDER else ""
    breaches = [each for each in alert.recent if each.verdict is Verdict.BREACH and each.start >= since]
    decided = alert.worst if kind is Kind.RESOLVED else (breaches[-1] if breaches else alert.worst)
    return Notice(
        id=hashlib.blake2b(f"{name}\0{kind}\0{again}".encode(), digest_size=8).hexdigest(),
        alert=name,
        kind=kind,
        rule=rule.name,
        group=group,
        at=at,
        since=since,
        metric=rule.metric,
        size=rule.size,
        severity=rule.severity,
        about=rule.about,
        owner=rule.owner,
        runbook=rule.runbook,
        routes=rule.routes,
        window=decided,
        recent=alert.recent,
        until=at if kind is Kind.RESOLVED else None,
        is_flapping=is_flapping(alert, rule),
        reason=reason,
    )
