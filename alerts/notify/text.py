"""A message in words: what, since when, how sure, what may lie behind it, where to look. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote

from mlmon.alerts import quantity
from mlmon.alerts.known import Group
from mlmon.alerts.notices import Kind, Notice
from mlmon.alerts.outbox import Message
from mlmon.alerts.states import Judged
from mlmon.core.metric import unit_of
from mlmon.core.panel import Unit

_WORDS: Final = {Kind.FIRING: "firing", Kind.REMINDER: "still firing", Kind.RESOLVED: "resolved"}
_MOST: Final = 10


def title(message: Message) -> str:
    """One line: how bad, which rule, which model."""
    first = message.notices[0]
    more = f" and {len(message.notices) - 1} more" if len(message.notices) > 1 else ""
    return f"[{first.severity}] {first.rule} {_WORDS[message.kind]}: {first.group}{more}"


def body(message: Message, *, page: str | None = None) -> str:
    """What a person needs to judge it, in plain text."""
    return "\n".join(_lines(message, page))


def _lines(message: Message, page: str | None) -> Iterator[str]:
    first = message.notices[0]
    if first.about:
        yield f"{first.about}\n"
    for notice in message.notices[:_MOST]:
        yield said(notice)
    if len(message.notices) > _MOST:
        yield f"... and {len(message.notices) - _MOST} more."
    yield from _behind(message.notices)
    yield ""
    if page:
        yield f"Page: {link(first, page)}"
    if first.runbook:
        yield f"Runbook: {first.runbook}"
    if first.owner:
        yield f"Owner: {first.owner}"
    if message.kind is not Kind.RESOLVED:
        yield f"Take it: mlmon rules ack {first.alert}"
    yield f"Message {message.id}, sent at least once."


def _behind(notices: Sequence[Notice]) -> Iterator[str]:
    causes = list(dict.fromkeys(cause for notice in notices for cause in notice.causes))
    if causes:
        yield "\nWhat may lie behind it:"
        yield from (f"- {cause}" for cause in causes[:_MOST])
    events = {event.id: event for notice in notices for event in notice.events}
    if events:
        yield "\nSome of its events:"
        yield from (
            f"- {moment(event.at)} {event.said} ({event.id})" for event in list(events.values())[:_MOST]
        )


def said(notice: Notice) -> str:
    """One alert in one or two sentences."""
    window = notice.window
    about = f"{notice.group}: {notice.metric}"
    if window is not None and window.why:
        sure = "".join(f" ({each})" for each in _interval(window, unit_of(notice.metric)))
        about = f"{notice.group}: {window.why.removesuffix('.')}{sure}"
    elif window is not None:
        about += f" {how_sure(window, unit_of(notice.metric))}"
    since = f"Since {moment(notice.since)}"
    if notice.kind is Kind.RESOLVED:
        since = f"From {moment(notice.since)} to {moment(notice.at)}"
        if notice.reason:
            since += f"; over because {notice.reason}"
    flapping = " It comes and goes." if notice.is_flapping else ""
    return f"{about}. {since}.{flapping}"


def _interval(window: Judged, unit: Unit) -> list[str]:
    """Its interval in words, where it has one."""
    if window.low is None or window.high is None:
        return []
    low, high = (quantity.written(end, unit) for end in (window.low, window.high))
    return [f"95 % interval {low} to {high}"]


def how_sure(window: Judged, unit: Unit) -> str:
    """The value with what it was held against, its interval, its sample and its window."""
    parts = []
    if window.limit is not None:
        parts.append(f"bound {quantity.written(window.limit, unit)}")
    parts += _interval(window, unit)
    if window.n:
        parts.append(f"of {window.n:,.0f} events")
    value = "" if window.value is None else f"{quantity.written(window.value, unit)} "
    inside = f"({', '.join(parts)}) " if parts else ""
    return f"{value}{inside}in the window from {moment(window.start)}"


def moment(at: datetime) -> str:
    """A time for a person: 2026-03-02 10:00 UTC."""
    return f"{at:%Y-%m-%d %H:%M} UTC"


def link(notice: Notice, page: str) -> str:
    """The page of the model, at the time of the alert."""
    return model_link(notice.group, page, notice.since, notice.at)


def model_link(group: Group, page: str, since: datetime, until: datetime) -> str:
    """The address of a model's page that shows a stretch of time, and as much again before it."""
    root = page.rstrip("/")
    if not group.model:
        return root
    start = since - max(until - since, timedelta(0))
    times = f"since={start:%Y-%m-%dT%H:%M}Z&until={until:%Y-%m-%dT%H:%M}Z"
    cuts = [
        f"{name}={quote(value)}"
        for name, value in (("version", group.version), ("segment", group.segment))
        if value
    ]
    return f"{root}/models/{quote(group.model, safe='')}?{'&'.join([times, *cuts])}"
