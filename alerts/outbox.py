"""Notices on their way: bundled by route, kept until a notifier took them, sent again with growing pauses.

At least once: a notice is kept before it is sent and let go after it was taken, so a crash in between sends
it once more, under the same id. Of one route they leave in their order, so the end of an alert never
overtakes its beginning.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from mlmon.alerts.notices import Kind, Notice
from mlmon.core.errors import MlmonError

FIRST_PAUSE: Final = timedelta(seconds=10)
LONGEST_PAUSE: Final = timedelta(minutes=30)
KEPT: Final = timedelta(days=7)
"""What no notifier took for so long is given up, and that is said."""

MOST_IN_ONE: Final = 20
"""Notices that one message tells; more of them are counted in further messages."""


class NotifyError(MlmonError):
    """A notifier that could not be reached or did not take a message."""


class Message(Struct, frozen=True, kw_only=True):
    """Notices of one kind, rule and model for one route. `id` is the same however often it is sent."""

    id: str
    route: str
    kind: Kind
    notices: tuple[Notice, ...]
    created: datetime
    attempts: int = 0
    due: datetime | None = None
    error: str = ""


Send = Callable[[Message], None]
"""Hands a message to a notifier; raises `NotifyError` where it was not taken."""


class Sent(Struct, kw_only=True):
    """What one round of sending came to."""

    taken: int = 0
    failed: int = 0
    given_up: int = 0
    waiting: int = 0
    errors: dict[str, str] = {}


def bundled(
    notices: Sequence[Notice], routes_of: Callable[[Notice], Iterable[str]], *, now: datetime
) -> list[Message]:
    """Messages for notices: those of one route, kind, rule and model together, in the order they arose."""
    groups: dict[tuple[str, Kind, str, str], list[Notice]] = {}
    for notice in notices:
        for route in routes_of(notice):
            groups.setdefault((route, notice.kind, notice.rule, notice.group.model), []).append(notice)
    messages = []
    for (route, kind, _, _), found in groups.items():
        for start in range(0, len(found), MOST_IN_ONE):
            part = tuple(found[start : start + MOST_IN_ONE])
            name = "\0".join((route, *(notice.id for notice in part)))
            messages.append(
                Message(
                    id=hashlib.blake2b(name.encode(), digest_size=8).hexdigest(),
                    route=route,
                    kind=kind,
                    notices=part,
                    created=now,
                )
            )
    return messages


def added(outbox: Sequence[Message], messages: Iterable[Message]) -> tuple[Message, ...]:
    """The outbox with new messages; one that is there already is not added again."""
    there = {message.id for message in outbox}
    return (*outbox, *(message for message in messages if message.id not in there))


def delivered(
    outbox: Sequence[Message],
    senders: Mapping[str, Send],
    *,
    now: datetime,
    keep: Callable[[tuple[Message, ...]], None],
) -> tuple[tuple[Message, ...], Sent]:
    """Send what is due, and give what is left. `keep` makes the outbox durable after each message.

    A route whose first message fails waits with all of its messages; other routes go on.
    """
    done, left = Sent(errors={}), list(outbox)
    stuck: set[str] = set()
    for message in outbox:
        if message.route in stuck:
            continue
        if now - message.created > KEPT or message.route not in senders:
            left.remove(message)
            done.given_up += 1
            done.errors[message.route] = message.error or "the settings have no such route any more"
            continue
        if message.due is not None and now < message.due:
            stuck.add(message.route)
            continue
        try:
            senders[message.route](message)
        except NotifyError as error:
            stuck.add(message.route)
            left[left.index(message)] = _later(message, str(error), now)
            done.failed += 1
            done.errors[message.route] = str(error)
        else:
            left.remove(message)
            done.taken += 1
        keep(tuple(left))
    done.waiting = len(left)
    return tuple(left), done


def _later(message: Message, error: str, now: datetime) -> Message:
    pause = min(FIRST_PAUSE * 2 ** min(message.attempts, 20), LONGEST_PAUSE)
    return replace(message, attempts=message.attempts + 1, due=now + pause, error=error)
