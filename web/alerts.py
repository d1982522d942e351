"""Alerts and rules as the page shows them, and what it may change: silences and who took what.

The page knows no evaluator. Whoever starts it hands in something that has this protocol.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol

from msgspec import Struct

from mlmon.core.errors import UsageError

ANY: Final = "*"
OPEN: Final = ("firing", "recovering")
PHASES: Final = {
    "firing": "Fires",
    "recovering": "Recovers",
    "pending": "May fire",
    "resolved": "Over",
    "inactive": "Well",
}
"""The phases of an alert in a word, the gravest first."""

UNTIL_OVER: Final = "over"
LASTING: Final = {"1h": timedelta(hours=1), "4h": timedelta(hours=4), "1d": timedelta(days=1)}
"""For how long one may keep something quiet, besides until it is over."""

_FOR_GOOD: Final = timedelta(days=365)
_AUTHOR_CHARACTERS: Final = 80
_COMMENT_CHARACTERS: Final = 500
_RANKS: Final = ("critical", "warning", "info")


class Mute(Struct, frozen=True, kw_only=True):
    """Why nobody is told: a silence, an alert that somebody took, or maintenance. `of` says of what."""

    id: str
    kind: str
    author: str
    until: datetime | None
    of: str = ""
    comment: str = ""

    def is_until_over(self, now: datetime) -> bool:
        """Whether it ends with the alert and not before."""
        return self.kind == "ack" and self.until is not None and self.until - now > _FOR_GOOD / 2


class Alert(Struct, frozen=True, kw_only=True):
    """The state of one group of a rule. `value` and `bound` have their units; `why` is a sentence."""

    id: str
    rule: str
    severity: str
    phase: str
    since: datetime
    model: str = ""
    version: str = ""
    segment: str = ""
    subject: str = ""
    logger: str = ""
    metric: str = ""
    value: str = ""
    bound: str = ""
    why: str = ""
    n: float | None = None
    mute: Mute | None = None
    is_flapping: bool = False
    owner: str = ""
    runbook: str = ""

    @property
    def is_open(self) -> bool:
        """Whether it fires, or recovers and could fire again."""
        return self.phase in OPEN

    @property
    def state(self) -> str:
        """The shape it is shown by: that of its severity while it fires, else that of its phase."""
        return self.severity if self.phase == "firing" else self.phase

    @property
    def of(self) -> str:
        """What it speaks of beside the model."""
        version = f"version {self.version}" if self.version else ""
        return " · ".join(part for part in (self.subject, self.segment, version, self.logger) if part)


class Rule(Struct, frozen=True, kw_only=True):
    """One rule: its name, what it says in one line, and the silence that covers it for all models."""

    name: str
    says: str
    severity: str
    about: str = ""
    owner: str = ""
    runbook: str = ""
    mute: Mute | None = None


class Alerts(Protocol):
    """Where alerts are known, and silences kept. Safe for several threads."""

    def alerts(self, now: datetime) -> Sequence[Alert]:
        """Every alert that is or was lately."""

    def rules(self, now: datetime) -> Sequence[Rule]:
        """Every rule that is evaluated.

        Raises:
            MlmonError: the rules cannot be read.

        """

    def mutes(self, now: datetime) -> Sequence[Mute]:
        """The silences and acks that hold."""

    def silence(
        self, of: Mapping[str, str], *, author: str, until: datetime, comment: str, now: datetime
    ) -> None:
        """Keep what matches quiet; `of` has patterns of rule, model, version, segment and subject.

        Raises:
            MlmonError: it cannot be meant, or not be kept.

        """

    def ack(self, alert: str, *, author: str, until: datetime, comment: str, now: datetime) -> None:
        """Take an open alert by its id; it is not told again until then, or until it is over.

        Raises:
            MlmonError: there is none, or it cannot be kept.

        """

    def unsilence(self, id_: str, *, now: datetime) -> None:
        """End a silence or an ack.

        Raises:
            MlmonError: there is none, or it cannot be kept.

        """


def ordered(alerts: Iterable[Alert], model: str = "") -> list[Alert]:
    """What fires first, the gravest and then the newest on top; of one model, or of all."""
    phases = list(PHASES)
    chosen = [alert for alert in alerts if model in ("", alert.model) and alert.phase != "inactive"]
    return sorted(
        chosen,
        key=lambda one: (phases.index(one.phase), _RANKS.index(one.severity), -one.since.timestamp(), one.id),
    )


def count(alerts: Iterable[Alert], phase: str) -> int:
    """How many are in a phase."""
    return sum(alert.phase == phase for alert in alerts)


class Wish(Struct, frozen=True, kw_only=True):
    """What somebody wants changed, as the form sends it, checked."""

    what: str
    author: str
    lasting: str
    comment: str
    alert: str = ""
    rule: str = ""
    mute: str = ""


_WHAT: Final = ("silence", "ack", "unsilence")


def wish(form: Mapping[str, str], author: str) -> Wish:
    """What a form asks for. `author` is who the key says it is, where one was shown.

    Raises:
        UsageError: nobody is named, or there is no such change or duration.

    """
    what, lasting = form.get("what", ""), form.get("for", "")
    if what not in _WHAT:
        raise UsageError(f"'{what}' is no change. Allowed are {', '.join(_WHAT)}.")
    if what != "unsilence" and lasting not in (*LASTING, UNTIL_OVER):
        raise UsageError(f"'{lasting}' is no duration. Allowed are {', '.join((*LASTING, UNTIL_OVER))}.")
    name = form.get("author", "").strip()[:_AUTHOR_CHARACTERS] or author
    if not name and what != "unsilence":
        raise UsageError("Who are you? Give a name, so that others know whom to ask.")
    return Wish(
        what=what,
        author=name,
        lasting=lasting,
        comment=form.get("comment", "").strip()[:_COMMENT_CHARACTERS],
        alert=form.get("alert", ""),
        rule=form.get("rule", ""),
        mute=form.get("mute", ""),
    )


def change(alerts: Alerts, wanted: Wish, now: datetime) -> None:
    """Do what was asked for.

    Raises:
        MlmonError: there is no such alert, rule or silence, or it cannot be kept.

    """
    if wanted.what == "unsilence":
        alerts.unsilence(wanted.mute, now=now)
        return
    until = now + LASTING.get(wanted.lasting, _FOR_GOOD)
    if wanted.alert and (wanted.what == "ack" or wanted.lasting == UNTIL_OVER):
        alerts.ack(wanted.alert, author=wanted.author, until=until, comment=wanted.comment, now=now)
        return
    if wanted.lasting == UNTIL_OVER:
        raise UsageError("A rule is silenced for a time: only an alert can be over. Choose 1h, 4h or 1d.")
    of = _patterns(alerts, wanted, now)
    alerts.silence(of, author=wanted.author, until=until, comment=wanted.comment, now=now)


def _patterns(alerts: Alerts, wanted: Wish, now: datetime) -> dict[str, str]:
    if not wanted.alert:
        if wanted.rule not in {rule.name for rule in alerts.rules(now)}:
            raise UsageError(f"There is no rule '{wanted.rule}'. See /rules for those there are.")
        return {"rule": exactly(wanted.rule)}
    found = next((each for each in alerts.alerts(now) if each.id == wanted.alert), None)
    if found is None:
        raise UsageError(f"There is no alert '{wanted.alert}' any more. See /rules for those there are.")
    names = ("rule", "model", "version", "segment", "subject")
    return {name: exactly(getattr(found, name)) for name in names}


def exactly(word: str) -> str:
    """The pattern that stands for a word alone, whatever signs it has.

    >>> exactly("eu-*"), exactly("a[1]?")
    ('eu-[*]', 'a[[]1][?]')
    """
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in word)
