"""One pass of the built-in evaluator: judge, remember, tell. Stopping anywhere loses nothing.

1. The states of the last pass are read, and every rule is judged anew.
2. Findings are put; then states and outbox are written as one value.
3. What is in the outbox is sent; after each message that was taken the outbox is written again.

A crash before 2 repeats the pass, one after it sends what is left: at least once, under the same ids.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from msgspec import Struct, field
from msgspec.structs import replace

from mlmon.alerts import memory as memories
from mlmon.alerts import mutes, notices, outbox
from mlmon.alerts.evaluate import evaluate
from mlmon.alerts.known import Known
from mlmon.alerts.memory import Memory
from mlmon.alerts.mutes import Place
from mlmon.alerts.notices import Notice
from mlmon.alerts.outbox import Message, Send, Sent
from mlmon.alerts.routes import routes_of
from mlmon.alerts.rules import Rule
from mlmon.alerts.states import Phase
from mlmon.core.config import RouteConfig
from mlmon.core.store import Store

Compose = Callable[[Notice], Notice]
"""Adds causes and sample events to a notice."""

Sync = Callable[[Memory, datetime], None]
"""Tells a notifier that keeps states of its own, such as Alertmanager, which alerts are open."""


class Told(Struct, frozen=True, kw_only=True):
    """Where notices go: the routes of the settings, what sends to each, and what keeps states in step."""

    routes: Mapping[str, RouteConfig] = {}
    senders: Mapping[str, Send] = {}
    compose: Compose | None = None
    syncs: Sequence[Sync] = ()


class Round(Struct, kw_only=True):
    """What a pass did."""

    rules: int = 0
    groups: int = 0
    questions: int = 0
    fired: int = 0
    resolved: int = 0
    open: int = 0
    notices: int = 0
    sent: Sent = field(default_factory=Sent)

    @property
    def has_news(self) -> bool:
        """Whether anything changed, or was told."""
        return bool(self.fired or self.resolved or self.sent.taken or self.sent.given_up)


def run_once(
    store: Store,
    rules: Sequence[Rule],
    known: Sequence[Known],
    *,
    place: Place,
    to: Told,
    now: datetime,
) -> Round:
    """One pass over every rule.

    Two of these on one folder exclude each other by the store's lock; on a cluster run one.

    Raises:
        StoreError: the store failed; the next pass begins where this one did.

    """
    before = memories.load(store)
    done = evaluate(store, rules, known, before.alerts, now=now)
    done.moved += memories.orphans(before, rules, now=now)
    quiet = mutes.load(place)
    met = frozenset(before.met)
    made, told = notices.decide(rules, done, before.told, quiet, met=met, now=now)
    if to.compose is not None:
        made = [to.compose(notice) for notice in made]
    messages = outbox.bundled(made, lambda notice: routes_of(notice, to.routes), now=now)
    waiting = outbox.added(before.outbox, messages)
    after = memories.after(rules, done, told, waiting)
    store.put(memories.findings(rules, done, before.alerts))
    if after != before:
        memories.save(store, after)
    sent = _deliver(store, after, to, now)
    phases = [change.after for moved in done.moved for change in moved.changes]
    return Round(
        rules=len(rules),
        groups=done.groups,
        questions=done.questions,
        fired=phases.count(Phase.FIRING),
        resolved=phases.count(Phase.RESOLVED),
        open=sum(alert.is_open for alert in done.alerts.values()),
        notices=len(made),
        sent=sent,
    )


def _deliver(store: Store, after: Memory, to: Told, now: datetime) -> Sent:
    """Send what waits, and bring those in step that keep states of their own."""

    def keep(left: tuple[Message, ...]) -> None:
        memories.save(store, replace(after, outbox=left))

    left, sent = outbox.delivered(after.outbox, to.senders, now=now, keep=keep)
    for sync in to.syncs:
        try:
            sync(replace(after, outbox=left), now)
        except outbox.NotifyError as error:
            sent.errors.setdefault("alertmanager", str(error))
    return sent
