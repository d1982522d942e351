"""Did every event arrive, and if not, where is it?

A pass asks for what was stored since the pass before it, and once more for the last minutes before that, the
grace: events are stored a little out of order, and what is late must not alarm.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from mlmon.analyzers import arrivals as asked
from mlmon.analyzers import folding
from mlmon.analyzers import ledger as ledgers
from mlmon.analyzers.account import Account, Named, of_entry, of_folded
from mlmon.analyzers.arrivals import News
from mlmon.analyzers.cursor import BEGINNING, END
from mlmon.analyzers.heirs import inherited
from mlmon.analyzers.ledger import Entry, Ledger, Letters, Said
from mlmon.core import schema
from mlmon.core.query import Max, Min, Query
from mlmon.core.schema import LOGGED, Dataset
from mlmon.core.sequences import Runs, union, within, without
from mlmon.core.store import Reader
from mlmon.core.window import Window, floor

ANALYZER: Final = "delivery"
GRACE: Final = timedelta(minutes=10)
KEEP: Final = timedelta(days=30)

_ALIVE: Final = timedelta(minutes=5)
"""Who reported so lately still holds what it says it holds."""

_SLACK: Final = timedelta(days=1)
"""Retention takes whole segments, so what is almost old enough may be gone as well."""


class Now(Struct, frozen=True, kw_only=True):
    """The ledger as it is now, with what is true for this moment only.

    `queued` has the numbers that producers still hold, `unnumbered` counts the log lines of other tools.
    """

    ledger: Ledger
    letters: Letters = Letters()
    queued: Mapping[str, Runs] = {}
    unnumbered: int = 0

    def accounts(self) -> list[Named]:
        """The account of every producer, and one a model and service of those that are folded."""
        entries, made = self.ledger.producers, _accounts(self)
        known = [
            Named(
                model=entry.model,
                service=entry.service,
                host=entry.host,
                producer=name,
                account=made[name],
            )
            for name, entry in entries.items()
        ]
        return known + [
            Named(model=row.model, service=row.service, account=of_folded(row)) for row in self.ledger.folded
        ]


def brought_up_to_date(
    reader: Reader,
    ledger: Ledger,
    letters: Letters,
    *,
    now: datetime,
    grace: timedelta = GRACE,
    keep: timedelta = KEEP,
) -> Now:
    """The ledger with all that was stored since; nothing is written.

    `grace` is how long an event may take before it is missed, `keep` after what time events are deleted.

    Raises:
        StoreError: the store could not answer.

    """
    start = ledger.until or BEGINNING
    latest = _latest(reader, start)
    # Whoever stores has a clock of its own: what is settled goes by that, and not by ours where it is ahead.
    unsettled = max(grace, reader.settling)
    edge = start if latest is None else max(start, min(now, latest) - unsettled)
    explained = _explained(ledger, letters)
    stretches = [
        (_read(reader, Window(start=start, end=edge), explained), True),
        (_read(reader, Window(start=edge, end=END), explained), False),
    ]
    ledger = _with_returned(reader, ledger, [stretch for stretch, _ in stretches])
    producers = dict(ledger.producers)
    for (news, reports), is_settled in stretches:
        for name, arrival in news.arrivals.items():
            producers[name] = ledgers.arrived(producers.get(name), arrival, is_settled=is_settled)
        for name, report in reports:
            producers[name] = ledgers.said(producers.get(name), report, is_settled=is_settled)
    _refuse(producers, letters, now)
    _end_the_silent(producers, now - grace)
    if _oldest(reader, ledger, now) < now - keep + _SLACK:
        _forgive(producers, ledger, [news for (news, _), _ in stretches])
    producers = {name: ledgers.shortened(entry) for name, entry in producers.items()}
    (settled, _), (fresh, _) = stretches[0][0], stretches[1][0]
    made = replace(ledger, until=edge, producers=producers, unnumbered=ledger.unnumbered + settled.unnumbered)
    return Now(
        ledger=made,
        letters=letters,
        queued=_queued(reader, producers, now),
        unnumbered=made.unnumbered + fresh.unnumbered,
    )


_Stretch = tuple[News, list[tuple[str, Said]]]


def _read(reader: Reader, window: Window, explained: Mapping[str, Runs]) -> _Stretch:
    if window.start == window.end:
        return News(arrivals={}, unnumbered=0), []
    # Reports first: one that is read tells of no event that is not there yet, or is queued.
    reports = asked.reports(reader, window)
    return asked.arrivals(reader, window, explained), reports


def _with_returned(reader: Reader, ledger: Ledger, stretches: Iterable[_Stretch]) -> Ledger:
    names = {name for news, reports in stretches for name in (*news.arrivals, *(name for name, _ in reports))}
    names -= ledger.producers.keys()
    return folding.returned(ledger, folding.load(reader), names) if ledger.folded and names else ledger


def _explained(ledger: Ledger, letters: Letters) -> dict[str, Runs]:
    """Numbers that need not be looked for where others arrived."""
    known = {name: entry.lettered for name, entry in ledger.producers.items() if entry.lettered}
    for more in (letters.waiting, letters.discarded):
        for name, numbers in more.items():
            known[name] = union(known.get(name, ()), numbers)
    return known


def _refuse(producers: dict[str, Entry], letters: Letters, now: datetime) -> None:
    for name in letters.waiting.keys() | letters.discarded.keys():
        numbers = union(letters.waiting.get(name, ()), letters.discarded.get(name, ()))
        entry = producers.get(name) or Entry(first=now, last=now, heard=now)
        made = ledgers.refused(entry, numbers)
        producers[name] = replace(made, heard=now) if made.total > entry.total else made


def _end_the_silent(producers: dict[str, Entry], edge: datetime) -> None:
    """Whoever was not heard of since the grace has sent all that it took: it had the time to arrive."""
    for name, entry in producers.items():
        if entry.heard < edge and entry.due < entry.total:
            producers[name] = replace(entry, due=entry.total)


def _oldest(reader: Reader, ledger: Ledger, now: datetime) -> datetime:
    """Since when everything that was stored was read, or could be."""
    if ledger.looked is not None:
        return ledger.looked
    return min(filter(None, _stored(reader, Min(schema.EVENT_INGESTED), None)), default=now)


def _latest(reader: Reader, start: datetime) -> datetime | None:
    """When the last event was stored, if any was since then."""
    since = Window(start=start, end=END)
    return max(filter(None, _stored(reader, Max(schema.EVENT_INGESTED), since)), default=None)


def _stored(reader: Reader, measure: Min | Max, window: Window | None) -> Iterator[datetime | None]:
    for dataset in (*LOGGED, Dataset.HEALTH):
        query = Query(dataset=dataset, window=window, time=schema.EVENT_INGESTED, measures={"at": measure})
        yield reader.query(query).rows[0]["at"]


def _forgive(producers: dict[str, Entry], before: Ledger, news: Iterable[News]) -> None:
    """Forget what lies before the first new event: retention may have taken it before it was counted."""
    firsts: dict[str, int] = {}
    for name, arrival in ((name, each) for some in news for name, each in some.arrivals.items()):
        firsts[name] = min(arrival.numbers[0][0], firsts.get(name, arrival.numbers[0][0]))
    for name, first in firsts.items():
        known = before.producers.get(name)
        producers[name] = ledgers.forgiven(producers[name], known.total if known else 0, first)


def _queued(reader: Reader, producers: Mapping[str, Entry], now: datetime) -> dict[str, Runs]:
    since = now - _ALIVE
    names = [name for name, entry in producers.items() if entry.heard >= since and of_entry(entry).unknown]
    return asked.queued(reader, Window(start=since, end=END), names) if names else {}


def booked(reader: Reader, at: Now) -> Now:
    """The same with the days on which losses came to light; a loss that is made good leaves its day.

    Before a loss is told, the store is asked for the very numbers, however late or disordered they came.
    """
    producers = dict(at.ledger.producers)
    unknown = {name: account.unknown for name, account in _accounts(at).items()}
    doubtful = [name for name, entry in producers.items() if unknown[name] > sum(entry.lost.values())]
    for name, stored in asked.exact(reader, None, doubtful).items():
        producers[name] = ledgers.found(producers[name], stored)
    at = replace(at, ledger=replace(at.ledger, producers=producers))
    for name, account in _accounts(at).items():
        producers[name] = _booked(producers[name], account.unknown)
    return at


def _accounts(at: Now) -> dict[str, Account]:
    """The account of each producer that is kept one by one."""
    entries = at.ledger.producers
    made = {
        name: of_entry(entry, waiting=at.letters.waiting.get(name, ()), queued=at.queued.get(name, ()))
        for name, entry in entries.items()
    }
    return inherited(entries, made)


def _booked(entry: Entry, unknown: int) -> Entry:
    day = f"{floor(entry.last, '1d').astimezone(UTC):%Y-%m-%d}"
    lost = _moved(entry.lost, day, unknown - sum(entry.lost.values()))
    new = Counter(entry.dropped)
    for of_day in entry.drops.values():
        new -= Counter(of_day)
    drops = entry.drops | {day: dict(Counter(entry.drops.get(day, {})) + new)} if new else entry.drops
    return replace(entry, lost=lost, drops=drops) if lost != entry.lost or new else entry


def _moved(lost: Mapping[str, int], day: str, change: int) -> dict[str, int]:
    """What is lost by day, with more of it on a day, or with less of it, the newest days first."""
    made = dict(lost)
    if change > 0:
        made[day] = made.get(day, 0) + change
    for name in sorted(made, reverse=True):
        taken = min(made[name], max(0, -change))
        made[name] -= taken
        change += taken
    return {name: number for name, number in made.items() if number}


def missing(reader: Reader, at: Now, producer: str) -> Runs:
    """The numbers of one producer that should be there and are nowhere, by what the store has just now."""
    stored = asked.exact(reader, None, [producer])[producer]
    entry = ledgers.found(at.ledger.producers[producer], stored)
    return within(without(ledgers.gaps(entry), at.queued.get(producer, ())), 0, entry.due)
