"""What the evaluator remembers from one pass to the next: one named value in the store, written whole.

The states of alerts, what was told, and the outbox are one value, so that none is ever newer than the others.
What people look at are findings, one an alert, under ids of their own: an alert that ends replaces itself as
resolved.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

import msgspec
from msgspec import Struct

from mlmon.alerts.evaluate import At, Evaluation, Moved
from mlmon.alerts.known import Group
from mlmon.alerts.notices import Told, alert_id
from mlmon.alerts.outbox import Message
from mlmon.alerts.rules import Rule
from mlmon.alerts.states import Alert, Phase, ended
from mlmon.core.clock import isoformat
from mlmon.core.result import Finding, State
from mlmon.core.store import Reader, Writer
from mlmon.core.window import Window, following

_BLOB: Final = "state/alerts"


class Kept(Struct, frozen=True, kw_only=True):
    """One group of a rule: its state, whether that was told, and the rule itself while it is open."""

    rule: str
    group: Group
    alert: Alert
    told: Told | None = None
    of: Rule | None = None

    @property
    def id(self) -> str:
        """The id of the alert that is open, or was last; empty where there was none."""
        return alert_id(self.rule, self.group, self.alert.since) if self.alert.since else ""


class Memory(Struct, frozen=True, kw_only=True):
    """Everything that is remembered. `met` are the rules that were evaluated before."""

    kept: tuple[Kept, ...] = ()
    met: tuple[str, ...] = ()
    outbox: tuple[Message, ...] = ()

    @property
    def alerts(self) -> dict[At, Alert]:
        """The states by rule and group."""
        return {(each.rule, each.group): each.alert for each in self.kept}

    @property
    def told(self) -> dict[At, Told]:
        """What was told of which group."""
        return {(each.rule, each.group): each.told for each in self.kept if each.told is not None}


def load(reader: Reader) -> Memory:
    """What the last evaluation left; nothing at first."""
    blob = reader.read_blob(_BLOB)
    return Memory() if blob is None else msgspec.json.decode(blob, type=Memory)


def save(writer: Writer, memory: Memory) -> None:
    """Keep it for the next one."""
    writer.write_blob(_BLOB, msgspec.json.encode(memory))


def after(
    rules: Iterable[Rule], done: Evaluation, told: Mapping[At, Told], outbox: tuple[Message, ...]
) -> Memory:
    """What to remember after an evaluation."""
    by_name = {rule.name: rule for rule in rules}
    kept = tuple(
        Kept(
            rule=name,
            group=group,
            alert=alert,
            told=told.get((name, group)),
            of=by_name.get(name) if alert.is_open else None,
        )
        for (name, group), alert in sorted(done.alerts.items(), key=lambda item: item[0])
    )
    return Memory(kept=kept, met=tuple(sorted(by_name)), outbox=outbox)


def orphans(memory: Memory, rules: Iterable[Rule], *, now: datetime) -> list[Moved]:
    """The open alerts of rules that there are no more, ended, so that nobody waits for their end."""
    names = {rule.name for rule in rules}
    found = []
    for each in memory.kept:
        if each.of is not None and each.rule not in names and each.alert.is_open:
            alert, changes = ended(each.alert, now, "the rule is gone")
            found.append(Moved(rule=each.of, group=each.group, alert=alert, changes=tuple(changes)))
    return found


def findings(rules: Iterable[Rule], done: Evaluation, before: Mapping[At, Alert]) -> list[Finding]:
    """The alerts that changed or went on, as findings of `rule:NAME`, each over all of its windows."""
    made = {}
    by_name = {rule.name: rule for rule in rules}
    for (name, group), alert in done.alerts.items():
        if alert.is_open and alert.since is not None and before.get((name, group)) != alert:
            found = _finding(by_name[name], group, alert, alert.phase, alert.since)
            made[alert_id(name, group, alert.since)] = found
    for moved in done.moved:
        for change in moved.changes:
            if change.after in (Phase.FIRING, Phase.RECOVERING, Phase.RESOLVED):
                found = _finding(moved.rule, moved.group, moved.alert, change.after, change.since)
                made[alert_id(moved.rule.name, moved.group, change.since)] = found
    return list(made.values())


def _finding(rule: Rule, group: Group, alert: Alert, phase: Phase, start: datetime) -> Finding:
    decided = alert.worst
    is_over = phase is Phase.RESOLVED
    ends = [following(start, rule.size), *([alert.recent[-1].end] if alert.recent else [])]
    end = alert.closed if is_over and alert.closed is not None and alert.closed > start else max(ends)
    return Finding(
        analyzer=rule.analyzer,
        model=group.model,
        version=group.version,
        segment=group.segment,
        subject=group.subject or group.logger,
        metric=rule.metric,
        window=Window(start=start, end=end),
        size=rule.size,
        value=decided.value if decided else None,
        bound=decided.limit if decided else None,
        low=decided.low if decided else None,
        high=decided.high if decided else None,
        n=decided.n if decided else 0.0,
        severity=rule.severity,
        state=State.RESOLVED if is_over else State.FIRING,
        message=rule.about or f"The rule {rule.name} holds.",
        evidence={
            "rule": rule.name,
            "alert": alert_id(rule.name, group, start),
            "phase": str(phase),
            "fired": isoformat(alert.fired) if alert.fired else None,
            "closed": isoformat(alert.closed) if is_over and alert.closed else None,
            "owner": rule.owner,
            "runbook": rule.runbook,
        },
    )
