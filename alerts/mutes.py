"""What keeps quiet: silences that people set, alerts that people took, maintenance that rules declare."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import datetime
from typing import Final, Protocol, TypeVar

import msgspec
from msgspec import Struct

from mlmon.alerts.known import Group
from mlmon.alerts.rules import Rule, matches
from mlmon.core.errors import UsageError

ANY: Final = "*"


class Place(Protocol):
    """Where silences are kept, so that the evaluator, the command line and the page share them."""

    def read(self) -> bytes | None:
        """What was written last; None at first."""

    def write(self, value: bytes) -> None:
        """Keep it, whole or not at all."""


class Silence(Struct, frozen=True, kw_only=True):
    """No notices of what matches, until a moment. Patterns take `*` and `?`."""

    id: str
    author: str
    created: datetime
    until: datetime
    rule: str = ANY
    model: str = ANY
    version: str = ANY
    segment: str = ANY
    subject: str = ANY
    comment: str = ""

    def covers(self, rule: str, group: Group) -> bool:
        """Whether it speaks of a group of a rule."""
        return all(
            matches((pattern,), word)
            for pattern, word in (
                (self.rule, rule),
                (self.model, group.model),
                (self.version, group.version),
                (self.segment, group.segment),
                (self.subject, group.subject),
            )
        )


class Ack(Struct, frozen=True, kw_only=True):
    """Somebody took an alert: it is not told again until a moment. `alert` is its id."""

    alert: str
    author: str
    created: datetime
    until: datetime
    comment: str = ""


class Mutes(Struct, frozen=True, kw_only=True):
    """All silences and acks."""

    silences: tuple[Silence, ...] = ()
    acks: tuple[Ack, ...] = ()

    def silenced(self, rule: Rule, group: Group, now: datetime) -> Silence | None:
        """The silence that covers a group now, if any."""
        found = (each for each in self.silences if now < each.until and each.covers(rule.name, group))
        return next(found, None)

    def acked(self, alert: str, now: datetime) -> Ack | None:
        """Who took an alert, as long as that holds."""
        return next((each for each in self.acks if each.alert == alert and now < each.until), None)

    def is_quiet(self, rule: Rule, group: Group, now: datetime) -> bool:
        """Whether notices wait: silenced by a person, or in a maintenance window of the rule."""
        return self.silenced(rule, group, now) is not None or any(
            each.holds(now) for each in rule.maintenance
        )


_Kept = TypeVar("_Kept", Silence, Ack)


def load(place: Place) -> Mutes:
    """What is kept in a place."""
    kept = place.read()
    return Mutes() if kept is None else msgspec.json.decode(kept, type=Mutes)


class Wish(Struct, frozen=True, kw_only=True):
    """A silence that somebody wants: of whom, until when, and why."""

    author: str
    until: datetime
    rule: str = ANY
    model: str = ANY
    version: str = ANY
    segment: str = ANY
    subject: str = ANY
    comment: str = ""


def silence(place: Place, wish: Wish, *, now: datetime) -> Silence:
    """Set a silence, and let go those that are over.

    Raises:
        UsageError: it ends before it begins, or would silence everything without saying so.

    """
    _check_until(wish.until, now)
    patterns = (wish.rule, wish.model, wish.version, wish.segment, wish.subject)
    if all(pattern == ANY for pattern in patterns):
        raise UsageError("A silence needs a rule or a model. Name one, such as --rule slow or --model fraud.")
    made = Silence(
        id=secrets.token_hex(4),
        author=wish.author,
        created=now,
        until=wish.until,
        rule=wish.rule,
        model=wish.model,
        version=wish.version,
        segment=wish.segment,
        subject=wish.subject,
        comment=wish.comment,
    )
    kept = load(place)
    _keep(place, Mutes(silences=(*kept.silences, made), acks=kept.acks), now)
    return made


def ack(place: Place, alert: str, *, author: str, until: datetime, now: datetime, comment: str = "") -> Ack:
    """Take an alert.

    Raises:
        UsageError: it ends before it begins.

    """
    _check_until(until, now)
    made = Ack(alert=alert, author=author, created=now, until=until, comment=comment)
    kept = load(place)
    others = tuple(each for each in kept.acks if each.alert != alert)
    _keep(place, Mutes(silences=kept.silences, acks=(*others, made)), now)
    return made


def unsilence(place: Place, name: str, *, now: datetime) -> Silence | Ack:
    """End a silence by its id, or an ack by the id of its alert.

    Raises:
        UsageError: there is none of that id.

    """
    kept = load(place)
    of_silences = [each for each in kept.silences if each.id == name]
    of_acks = [each for each in kept.acks if each.alert.startswith(name)]
    if not name or len(of_silences) + len(of_acks) != 1:
        known = ", ".join([*(each.id for each in kept.silences), *(each.alert[:8] for each in kept.acks)])
        raise UsageError(f"There is no silence or ack '{name}'. There are: {known or 'none'}.")
    ended: Silence | Ack = of_silences[0] if of_silences else of_acks[0]
    left = Mutes(
        silences=tuple(each for each in kept.silences if each != ended),
        acks=tuple(each for each in kept.acks if each != ended),
    )
    _keep(place, left, now)
    return ended


def _check_until(until: datetime, now: datetime) -> None:
    if until <= now:
        raise UsageError(f"It must end later than now, not at {until:%Y-%m-%d %H:%M} UTC. Give --for 2h.")


def _keep(place: Place, mutes: Mutes, now: datetime) -> None:
    place.write(
        msgspec.json.encode(
            Mutes(
                silences=_lasting(mutes.silences, now),
                acks=_lasting(mutes.acks, now),
            )
        )
    )


def _lasting(kept: Iterable[_Kept], now: datetime) -> tuple[_Kept, ...]:
    return tuple(each for each in kept if now < each.until)
