"""What the page is given beside the store: alerts with their silences, and who may change them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Final

import msgspec

from mlmon.cli import wiring_collect, wiring_mutes, wiring_rules
from mlmon.core.config import Config
from mlmon.core.errors import ConfigError, StoreError, UsageError
from mlmon.core.metric import words
from mlmon.core.store import Reader

if TYPE_CHECKING:
    from mlmon.alerts.memory import Kept
    from mlmon.alerts.mutes import Ack, Mutes, Silence
    from mlmon.alerts.rules import Rule
    from mlmon.web.alerts import Alert, Mute
    from mlmon.web.alerts import Rule as Shown

NAMESPACE: Final = "page"
"""The namespace of keys that let somebody change what the page shows; those of senders do not."""

_Seen = tuple[tuple[str, int, int], ...]


class Alerts:
    """The alerts of a store, its silences, and the rules of the settings. Safe for several threads."""

    def __init__(self, reader: Reader, config: Config) -> None:
        """Nothing is read until somebody asks."""
        self._reader = reader
        self._config = config
        self._lock = Lock()
        self._seen: _Seen | None = None
        self._rules: tuple[Rule, ...] = ()

    def alerts(self, now: datetime) -> list[Alert]:
        """Every alert that is remembered, with who keeps it quiet."""
        try:
            by_name = {rule.name: rule for rule in self._read()}
        except ConfigError:
            by_name = {}  # what is open brings its rule along
        mutes, known = self._mutes(), self._kept()
        return [
            _alert(each, rule, since, mutes, now)
            for each in known
            if (since := each.alert.since) and (rule := each.of or by_name.get(each.rule))
        ]

    def rules(self, now: datetime) -> list[Shown]:
        """Every rule of the settings.

        Raises:
            ConfigError: a rule that cannot be meant, with its place.

        """
        from mlmon.web.alerts import Rule as Shown

        silences = self._mutes().silences
        return [
            Shown(
                name=rule.name,
                says=wiring_rules.said(rule),
                severity=str(rule.severity),
                about=rule.about,
                owner=rule.owner,
                runbook=rule.runbook,
                mute=_of_all([one for one in silences if now < one.until], rule),
            )
            for rule in self._read()
        ]

    def mutes(self, now: datetime) -> list[Mute]:
        """The silences and acks that hold."""
        mutes = self._mutes()
        taken = {each.id: each for each in self._kept()}
        held = [_silenced(one) for one in mutes.silences if now < one.until]
        return held + [_taken(one, taken.get(one.alert)) for one in mutes.acks if now < one.until]

    def silence(
        self, of: Mapping[str, str], *, author: str, until: datetime, comment: str, now: datetime
    ) -> None:
        """Keep what matches quiet."""
        with self._lock:
            wiring_mutes.silence(
                self._config, author=author, until=until, now=now, comment=comment, **dict(of)
            )

    def ack(self, alert: str, *, author: str, until: datetime, comment: str, now: datetime) -> None:
        """Take an open alert."""
        with self._lock:
            wiring_mutes.ack(self._config, alert, author=author, until=until, now=now, comment=comment)

    def unsilence(self, id_: str, *, now: datetime) -> None:
        """End a silence or an ack."""
        with self._lock:
            wiring_mutes.unsilence(self._config, id_, now=now)

    def _kept(self) -> Sequence[Kept]:
        with _understood("The states of alerts"):
            return wiring_rules.memory(self._reader).kept

    def _mutes(self) -> Mutes:
        with _understood("The silences"):
            return wiring_mutes.muted(self._config, self._reader)

    def _read(self) -> tuple[Rule, ...]:
        """The rules, read again where a file of them has changed."""
        seen = _files(Path(self._config.rules.folder))
        with self._lock:
            if seen != self._seen:
                self._rules = wiring_rules.rules(self._config)
                self._seen = seen
            return self._rules


def check(config: Config) -> Callable[[str], str] | None:
    """What a key has to pass: none is asked for where the page listens to this machine alone."""
    from mlmon.pipelines.collector.guard import is_loopback

    if is_loopback(config.page.host):
        return None
    keyring = wiring_collect.keyring(config)
    lock = Lock()

    def checked(shown: str) -> str:
        with lock:
            key = keyring.check(shown)
        if key.namespace != NAMESPACE:
            raise UsageError(
                f"The key is of the namespace '{key.namespace}', and the page takes those of 'page'."
            )
        return key.name or key.id

    return checked


@contextmanager
def _understood(what: str) -> Iterator[None]:
    """Say so where a value of the store is none that this mlmon knows."""
    try:
        yield
    except msgspec.DecodeError as error:
        raise StoreError(
            f"{what} cannot be read: {error}. Did a newer mlmon write them? Update this one."
        ) from None


def _files(folder: Path) -> _Seen:
    stats = ((str(path), path.stat()) for path in sorted(folder.glob("*.y*ml")))
    return tuple((path, stat.st_mtime_ns, stat.st_size) for path, stat in stats)


def _alert(kept: Kept, rule: Rule, since: datetime, mutes: Mutes, now: datetime) -> Alert:
    from mlmon.alerts import quantity
    from mlmon.alerts.rules import OfMetric
    from mlmon.alerts.states import is_flapping
    from mlmon.core.metric import unit_of
    from mlmon.web.alerts import Alert

    alert, unit, group = kept.alert, unit_of(rule.metric), kept.group
    window = alert.worst or (alert.recent[-1] if alert.recent else None)
    value, bound = (window.value, window.limit) if window else (None, None)
    return Alert(
        id=kept.id,
        rule=rule.name,
        severity=str(rule.severity),
        phase=str(alert.phase),
        since=since,
        model=group.model,
        version=group.version,
        segment=group.segment,
        subject=group.subject,
        logger=group.logger,
        metric=words(rule.metric) if isinstance(rule.subject, OfMetric) else "",
        why=(window.why if window else "") or rule.about,
        value="" if value is None else quantity.written(value, unit),
        bound="" if bound is None else quantity.written(bound, unit),
        n=window.n if window else None,
        mute=_mute(kept, rule, mutes, now),
        is_flapping=is_flapping(alert, rule),
        owner=rule.owner,
        runbook=rule.runbook,
    )


def _mute(kept: Kept, rule: Rule, mutes: Mutes, now: datetime) -> Mute | None:
    from mlmon.web.alerts import Mute

    if (taken := mutes.acked(kept.id, now)) is not None:
        return _taken(taken, kept)
    if (silence := mutes.silenced(rule, kept.group, now)) is not None:
        return _silenced(silence)
    if mutes.is_quiet(rule, kept.group, now):
        return Mute(id="", kind="maintenance", author="", until=None)
    return None


def _silenced(silence: Silence) -> Mute:
    from mlmon.web.alerts import ANY, Mute

    names = ("rule", "model", "version", "segment", "subject")
    given = {name: getattr(silence, name) for name in names}
    of = ", ".join(f"{name} {value}" for name, value in given.items() if value not in (ANY, ""))
    return Mute(
        id=silence.id,
        kind="silence",
        author=silence.author,
        until=silence.until,
        of=of,
        comment=silence.comment,
    )


def _taken(ack: Ack, kept: Kept | None) -> Mute:
    from mlmon.web.alerts import Mute

    of = f"{kept.rule}, {kept.group}" if kept else f"alert {ack.alert[:8]}"
    return Mute(id=ack.alert, kind="ack", author=ack.author, until=ack.until, of=of, comment=ack.comment)


def _of_all(silences: Sequence[Silence], rule: Rule) -> Mute | None:
    """The silence that covers a rule for everything that it judges."""
    from mlmon.alerts.rules import matches
    from mlmon.web.alerts import ANY

    for one in silences:
        rest = (one.model, one.version, one.segment, one.subject)
        if matches((one.rule,), rule.name) and all(pattern == ANY for pattern in rest):
            return _silenced(one)
    return None
