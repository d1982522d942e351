"""What is to be told of the delivery: metrics of where all events are, findings of those that are lost."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from msgspec.structs import replace

from mlmon.analyzers.account import Account, Named
from mlmon.analyzers.delivery import ANALYZER
from mlmon.analyzers.ledger import OLDER, Entry, Ledger, Told, gaps
from mlmon.core.result import Finding, Metric, Result, Severity, State
from mlmon.core.sequences import within
from mlmon.core.window import Window

MISSING: Final = "missing"
DROPPED: Final = "dropped"

CRITICAL: Final = 0.01
"""The share of a day's loss in all events of the service from which it is critical."""

REMEDIES: Final[Mapping[str, tuple[str, str]]] = {
    "spool_full": (
        "there was no room to wait",
        "See that the collector is up and fast enough, or give the spool a folder with room",
    ),
    "spool_expired": ("they waited for too long", "See that the collector is up"),
    "spool_damaged": ("the disk of the spool damaged them", "Check that disk"),
    "unsent_at_close": (
        "the process ended before they were sent",
        "Give the spool a folder, so that the next process sends them",
    ),
    "logged_after_close": ("they were logged after the logger was closed", "Close it last"),
}
"""Why a producer drops events, in words, and what to do; other reasons are those of a server that refused."""

_REFUSED: Final = (
    "the server refused them",
    "See that address, key and TLS settings of the logger are right",
)
_MOST_PRODUCERS: Final = 10
_MOST_RUNS: Final = 20
_DAY: Final = timedelta(days=1)
_KEPT_DAYS: Final = 60


def metrics(ledger: Ledger, accounts: list[Named]) -> tuple[Ledger, list[Metric]]:
    """A metric for each place where events can be, by model and service; those that changed, and the ledger.

    Their window is `all`, from when the counting began to when the last event was stored.
    """
    since, stated, made = dict(ledger.since), dict(ledger.stated), []
    for each in accounts:
        account, key = each.account, _key(each.model, each.service)
        if account.since is None or account.heard is None:
            continue
        begun = since.setdefault(key, account.since)
        values = _values(account)
        if stated.get(key) != values:
            stated[key] = values
            window = Window(start=begun, end=max(begun, account.heard))
            made += [
                Metric(
                    analyzer=ANALYZER, model=each.model, subject=each.service, name=name, window=window,
                    size="all", value=float(value), n=float(account.made),
                )
                for name, value in values.items()
            ]  # fmt: skip
    return replace(ledger, since=since, stated=stated), made


def _values(account: Account) -> dict[str, int]:
    return {
        "emitted": account.emitted,
        "sampled_out": account.sampled_out,
        "stored": account.stored,
        "dead_lettered": account.dead_lettered,
        "dropped": account.dropped_in_all,
        "on_the_way": account.on_the_way,
        "missing": account.unknown,
    }


def _key(model: str, service: str) -> str:
    return f"{model}\0{service}"


_Group = tuple[str, str, str, str]
"""Model, subject, metric and day."""


def findings(ledger: Ledger) -> tuple[Ledger, list[Finding]]:
    """A finding for each day on which events of a model and service were lost; those that changed.

    Subject is the service, else the host. What is made good later is told as resolved.
    """
    groups: defaultdict[_Group, dict[str, int]] = defaultdict(dict)
    for name, entry in ledger.producers.items():
        for metric, day, number in _lost(entry):
            group = (entry.model, entry.service or entry.host, metric, day)
            groups[group][name] = number
    before = {(told.model, told.subject, told.metric, told.day): told.value for told in ledger.told}
    made = [
        _finding(ledger, group, by_producer)
        for group, by_producer in groups.items()
        if before.get(group) != sum(by_producer.values())
    ]
    made += [_resolved(group, value) for group, value in before.items() if group not in groups]
    told = tuple(
        Told(model=model, subject=subject, metric=metric, day=day, value=sum(by_producer.values()))
        for (model, subject, metric, day), by_producer in groups.items()
    )
    return replace(ledger, told=told), made


def forgotten(ledger: Ledger) -> Ledger:
    """The ledger without the days that no producer in it tells of any more, and of each the newest ones."""
    producers = {name: _shortened(entry) for name, entry in ledger.producers.items()}
    groups = {
        (entry.model, entry.service or entry.host, metric, day)
        for entry in producers.values()
        for metric, day, _ in _lost(entry)
    }
    told = tuple(one for one in ledger.told if (one.model, one.subject, one.metric, one.day) in groups)
    return replace(ledger, producers=producers, told=told)


def _shortened(entry: Entry) -> Entry:
    """The entry with its newest days; the older ones are one."""
    lost, drops = dict(entry.lost), dict(entry.drops)
    for day in sorted(lost, reverse=True)[_KEPT_DAYS:]:
        number = lost.pop(day)
        lost[OLDER] = lost.get(OLDER, 0) + number
    for day in sorted(drops, reverse=True)[_KEPT_DAYS:]:
        of_day = Counter(drops.pop(day))
        drops[OLDER] = dict(of_day + Counter(drops.get(OLDER, {})))
    return replace(entry, lost=lost, drops=drops) if (lost, drops) != (entry.lost, entry.drops) else entry


def _lost(entry: Entry) -> Iterator[tuple[str, str, int]]:
    yield from ((MISSING, day, number) for day, number in entry.lost.items() if day != OLDER)
    for day, reasons in entry.drops.items():
        if day != OLDER:
            yield DROPPED, day, sum(reasons.values())


def _finding(ledger: Ledger, group: _Group, by_producer: Mapping[str, int]) -> Finding:
    _, subject, metric, day = group
    value = sum(by_producer.values())
    of = sum(ledger.producers[name].total for name in by_producer)
    ranked = sorted(by_producer, key=lambda name: (-by_producer[name], name))[:_MOST_PRODUCERS]
    evidence: dict[str, Any] = {
        "producers": [_evidence(name, ledger.producers[name], by_producer[name], metric) for name in ranked]
    }
    message = _missing(subject, value, ranked[0], len(by_producer))
    if metric == DROPPED:
        evidence["reasons"] = reasons = _reasons(ledger, day, by_producer)
        message = _dropped(subject, value, reasons)
    severity = Severity.CRITICAL if value >= CRITICAL * of else Severity.WARNING
    return replace(_blank(group, value), n=of, severity=severity, message=message, evidence=evidence)


def _blank(group: _Group, value: int) -> Finding:
    model, subject, metric, day = group
    start = datetime.fromisoformat(day).replace(tzinfo=UTC)
    return Finding(
        analyzer=ANALYZER, model=model, subject=subject, metric=metric, message="", size="1d",
        window=Window(start=start, end=start + _DAY), value=float(value), bound=0.0, n=0.0,
    )  # fmt: skip


def _resolved(group: _Group, value: int) -> Finding:
    message = f"{_events(value)}{_of(group[1])} that never arrived: all are accounted for now."
    return replace(_blank(group, value), state=State.RESOLVED, message=message)


def _evidence(name: str, entry: Entry, number: int, metric: str) -> dict[str, Any]:
    told = {"producer": name, "host": entry.host, "events": number, "of": entry.total}
    if metric == MISSING:
        told["numbers"] = [list(run) for run in within(gaps(entry), 0, entry.due)[:_MOST_RUNS]]
    return told


def _missing(subject: str, value: int, producer: str, producers: int) -> str:
    of = "one producer" if producers == 1 else f"{producers:,} producers"
    return (
        f"{_events(value)} of {of}{_of(subject)} never arrived and were not reported as dropped. "
        f"Look for a killed process or a spool that waits: mlmon accounting --producer {producer}"
    )


def _dropped(subject: str, value: int, reasons: Mapping[str, int]) -> str:
    why = ", ".join(
        f"{number:,} because {REMEDIES.get(reason, _REFUSED)[0]} ({reason})"
        for reason, number in reasons.items()
    )
    remedy = REMEDIES.get(next(iter(reasons)), _REFUSED)[1]
    were = "was" if value == 1 else "were"
    return f"{_events(value)}{_of(subject)} {were} dropped by the producer: {why}. {remedy}."


def _events(value: int) -> str:
    return "1 event" if value == 1 else f"{value:,} events"


def _of(subject: str) -> str:
    return f" of {subject}" if subject else ""


def _reasons(ledger: Ledger, day: str, producers: Mapping[str, int]) -> dict[str, int]:
    made: dict[str, int] = {}
    for name in producers:
        for reason, number in ledger.producers[name].drops.get(day, {}).items():
            made[reason] = made.get(reason, 0) + number
    return dict(sorted(made.items(), key=lambda item: (-item[1], item[0])))


def told(ledger: Ledger, accounts: list[Named]) -> tuple[Ledger, list[Result]]:
    """All that is new to tell, and the ledger that remembers having told it."""
    ledger, numbers = metrics(ledger, accounts)
    ledger, verdicts = findings(ledger)
    return ledger, [*numbers, *verdicts]
