"""What is known of every producer: which of its numbers arrived, and what it said of itself.

The ledger is a blob, because events go by retention and their numbers must not look lost then. All that it
keeps of arrivals are sets of numbers, so that reading the same events twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from mlmon.core.sequences import Runs, count, union, within, without
from mlmon.core.store import Reader, Writer

MOST_PRODUCERS: Final = 10_000
"""Producers kept one by one; beyond that those that were quiet for longest are folded."""

MOST_RUNS: Final = 2_000
"""Stretches of numbers kept of one producer; beyond that the oldest half is kept as counts."""

QUIET: Final = timedelta(days=30)
"""A producer that was not heard of for so long is folded into the row of its model and service."""

OLDER: Final = ""
_BLOB: Final = "state/delivery"


class Arrival(Struct, frozen=True, kw_only=True):
    """What arrived of one producer: its numbers, when they happened, and when the last was stored."""

    numbers: Runs
    model: str = ""
    service: str = ""
    host: str = ""
    first: datetime
    last: datetime
    heard: datetime


class Said(Struct, frozen=True, kw_only=True):
    """What one producer reported of itself: counters from its start on."""

    emitted: int = 0
    sampled_out: int = 0
    duplicates: int = 0
    dropped: dict[str, int] = {}
    model: str = ""
    service: str = ""
    host: str = ""
    started: datetime | None = None
    last: datetime
    heard: datetime


class Letters(Struct, frozen=True, kw_only=True):
    """Dead letters by producer, as sequence numbers, and how many letters name no producer."""

    waiting: Mapping[str, Runs] = {}
    discarded: Mapping[str, Runs] = {}
    nameless: int = 0


class Entry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One producer. `first` and `last` are event times, `heard` is when something of it was last stored.

    `seen` has every number that is stored, or `lettered`, which are dead letters and not stored. Numbers in
    `forgotten` went by retention before anyone counted them. Of numbers below `floor` only the counts are
    left: `stored_below`, `lettered_below` and `forgotten_below`. Numbers below `due` had their time to
    arrive. `emitted`, `sampled_out`, `duplicates` and `dropped` are what it said. `lost` and `drops` have the
    days on which losses came to light, under `OLDER` those that are too many to keep apart.
    """

    model: str = ""
    service: str = ""
    host: str = ""
    first: datetime
    last: datetime
    heard: datetime
    seen: Runs = ()
    lettered: Runs = ()
    forgotten: Runs = ()
    floor: int = 0
    stored_below: int = 0
    lettered_below: int = 0
    forgotten_below: int = 0
    due: int = 0
    emitted: int = 0
    sampled_out: int = 0
    duplicates: int = 0
    dropped: dict[str, int] = {}
    lost: dict[str, int] = {}
    drops: dict[str, dict[str, int]] = {}

    @property
    def total(self) -> int:
        """How many numbers it took, as far as is known."""
        return max(self.emitted, self.floor, self.seen[-1][1] + 1 if self.seen else 0)


class Folded(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Producers of one model and service that are quiet for long, as counts."""

    model: str
    service: str
    producers: int = 0
    first: datetime
    heard: datetime
    stored: int = 0
    sampled_out: int = 0
    duplicates: int = 0
    lettered: int = 0
    dropped: dict[str, int] = {}
    unknown: int = 0


class Told(Struct, frozen=True, kw_only=True):
    """A finding that was written: of what, of which day, and how many events it said."""

    model: str
    subject: str
    metric: str
    day: str
    value: int


class Ledger(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All producers. What was stored before `until` is in it for good; what came after is read again.

    `looked` is when the store was read last. `unnumbered` counts the log lines of other tools up to `until`.
    `since` has when the counting of a model and service began, `stated` the metrics and `told` the findings
    written last.
    """

    until: datetime | None = None
    looked: datetime | None = None
    producers: dict[str, Entry] = {}
    folded: tuple[Folded, ...] = ()
    unnumbered: int = 0
    since: dict[str, datetime] = {}
    stated: dict[str, dict[str, int]] = {}
    told: tuple[Told, ...] = ()


def load(reader: Reader) -> Ledger:
    """The ledger of a store; an empty one where nothing was counted yet."""
    blob = reader.read_blob(_BLOB)
    return Ledger() if blob is None else msgspec.json.decode(blob, type=Ledger)


def save(writer: Writer, ledger: Ledger) -> None:
    """Keep the ledger, whole or not at all."""
    writer.write_blob(_BLOB, msgspec.json.encode(ledger))


def arrived(entry: Entry | None, arrival: Arrival, *, is_settled: bool) -> Entry:
    """The entry with what arrived; `is_settled` where that was long enough ago and is told for the last time.

    Numbers below the floor are counted when they are settled, since only then they are told once.
    """
    entry = entry or Entry(first=arrival.first, last=arrival.last, heard=arrival.heard)
    fresh = within(arrival.numbers, entry.floor, _end(arrival.numbers))
    late = count(arrival.numbers) - count(fresh) if is_settled else 0
    entry = _counted_below(entry, late)
    return replace(
        _named(found(entry, fresh), arrival),
        first=min(entry.first, arrival.first),
        last=max(entry.last, arrival.last),
        heard=max(entry.heard, arrival.heard),
        due=max(entry.due, _end(arrival.numbers)) if is_settled else entry.due,
    )


def said(entry: Entry | None, report: Said, *, is_settled: bool) -> Entry:
    """The entry with what the producer said of itself; counters only grow."""
    entry = entry or Entry(first=report.started or report.last, last=report.last, heard=report.heard)
    reasons = entry.dropped | report.dropped
    return replace(
        _named(entry, report),
        last=max(entry.last, report.last),
        heard=max(entry.heard, report.heard),
        emitted=max(entry.emitted, report.emitted),
        sampled_out=max(entry.sampled_out, report.sampled_out),
        duplicates=max(entry.duplicates, report.duplicates),
        dropped={
            reason: max(entry.dropped.get(reason, 0), report.dropped.get(reason, 0)) for reason in reasons
        },
        due=max(entry.due, report.emitted) if is_settled else entry.due,
    )


def found(entry: Entry, stored: Runs) -> Entry:
    """The entry with numbers that are stored for certain, whenever they came."""
    fresh = within(stored, entry.floor, _end(stored))
    return replace(
        entry,
        seen=union(entry.seen, fresh),
        lettered=without(entry.lettered, fresh),
        forgotten=without(entry.forgotten, fresh),
    )


def refused(entry: Entry, letters: Runs) -> Entry:
    """The entry with its dead letters; those that are stored, after a replay, are letters no more."""
    fresh = within(letters, entry.floor, _end(letters))
    stored = without(entry.seen, entry.lettered)
    lettered = without(union(entry.lettered, fresh), stored)
    return replace(
        entry,
        seen=union(entry.seen, lettered),
        lettered=lettered,
        forgotten=without(entry.forgotten, lettered),
    )


def forgiven(entry: Entry, start: int, end: int) -> Entry:
    """The entry without what is missing from a number up to another: nobody can know where that went."""
    start = max(start, entry.floor)
    missing = without(((start, end - 1),), entry.seen) if start < end else ()
    return replace(entry, forgotten=union(entry.forgotten, missing))


def gaps(entry: Entry) -> Runs:
    """The numbers above the floor that are nowhere."""
    if entry.total <= entry.floor:
        return ()
    return without(((entry.floor, entry.total - 1),), union(entry.seen, entry.forgotten))


def missing_below(entry: Entry) -> int:
    """How many of the numbers below the floor are nowhere."""
    return entry.floor - entry.stored_below - entry.lettered_below - entry.forgotten_below


def shortened(entry: Entry, most: int = MOST_RUNS) -> Entry:
    """The entry in bounded room: of more than `most` stretches the older half is kept as counts."""
    longest = max((entry.seen, entry.lettered, entry.forgotten), key=len)
    if len(longest) <= most:
        return entry
    return collapsed(entry, longest[len(longest) // 2][0])


def collapsed(entry: Entry, floor: int) -> Entry:
    """The entry with counts in place of the numbers below a floor."""
    forgotten = count(within(entry.forgotten, entry.floor, floor))
    lettered = count(within(entry.lettered, entry.floor, floor))
    seen = count(within(entry.seen, entry.floor, floor))
    return replace(
        entry,
        floor=floor,
        stored_below=entry.stored_below + seen - lettered,
        lettered_below=entry.lettered_below + lettered,
        forgotten_below=entry.forgotten_below + forgotten,
        seen=within(entry.seen, floor, entry.total),
        lettered=within(entry.lettered, floor, entry.total),
        forgotten=within(entry.forgotten, floor, _end(entry.forgotten)),
    )


def _counted_below(entry: Entry, late: int) -> Entry:
    """The entry with so many numbers more that are stored and lie below the floor."""
    found = min(late, missing_below(entry))
    replayed = min(late - found, entry.lettered_below)
    return replace(
        entry,
        stored_below=entry.stored_below + found + replayed,
        lettered_below=entry.lettered_below - replayed,
    )


def _named(entry: Entry, by: Arrival | Said) -> Entry:
    return replace(
        entry,
        model=entry.model or by.model,
        service=entry.service or by.service,
        host=entry.host or by.host,
    )


def _end(numbers: Runs) -> int:
    return numbers[-1][1] + 1 if numbers else 0
