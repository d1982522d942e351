"""The account of events: of all that were made, how many are where."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from mlmon.analyzers.ledger import Entry, Folded, gaps, missing_below
from mlmon.core.errors import UsageError, nearest
from mlmon.core.sequences import Runs, count, union, within

MODEL: Final = "model"
SERVICE: Final = "service"
HOST: Final = "host"
PRODUCER: Final = "producer"
CUTS: Final = (MODEL, SERVICE, HOST, PRODUCER)
"""What an account can be cut by."""


class Account(Struct, frozen=True, kw_only=True):
    """Where the events are that producers made: every one is in exactly one place.

    `emitted` events took a number. Each is `stored`, a dead letter (`waiting` or `discarded`), `dropped` by
    its producer, `on_the_way` (queued, or too young to be missed) or `unknown`. `sampled_out` events took no
    number. `duplicates` came again and were stored once; that is no place of its own. `since` is when the
    first event happened and `heard` when the last was stored.
    """

    emitted: int = 0
    sampled_out: int = 0
    stored: int = 0
    waiting: int = 0
    discarded: int = 0
    dropped: dict[str, int] = {}
    on_the_way: int = 0
    unknown: int = 0
    duplicates: int = 0
    producers: int = 0
    since: datetime | None = None
    heard: datetime | None = None

    @property
    def made(self) -> int:
        """All events: those that took a number and those that were sampled out."""
        return self.emitted + self.sampled_out

    @property
    def dead_lettered(self) -> int:
        """Dead letters, waiting or discarded."""
        return self.waiting + self.discarded

    @property
    def dropped_in_all(self) -> int:
        """Dropped events, for whatever reason."""
        return sum(self.dropped.values())


class Named(Struct, frozen=True, kw_only=True):
    """An account of what its names say; a name that says nothing is empty."""

    model: str = ""
    service: str = ""
    host: str = ""
    producer: str = ""
    account: Account


def of_entry(entry: Entry, *, waiting: Runs = (), queued: Runs = ()) -> Account:
    """The account of one producer; `waiting` are its letters that wait, `queued` what it still holds.

    What a producer dropped it tells as counts only. They are taken from what is missing for longest.
    """
    missing, below = gaps(entry), missing_below(entry)
    excused = union(queued, ((entry.due, entry.total),))
    late = count(missing) + below - sum(count(within(missing, start, end + 1)) for start, end in excused)
    dropped = _at_most(entry.dropped, count(missing) + below)
    unknown = max(0, late - sum(dropped.values()))
    lettered = count(entry.lettered) + entry.lettered_below
    held = sum(count(within(entry.lettered, start, end + 1)) for start, end in waiting)
    return Account(
        emitted=entry.total - count(entry.forgotten) - entry.forgotten_below,
        sampled_out=entry.sampled_out,
        stored=count(entry.seen) - count(entry.lettered) + entry.stored_below,
        waiting=held,
        discarded=lettered - held,
        dropped=dropped,
        on_the_way=count(missing) + below - sum(dropped.values()) - unknown,
        unknown=unknown,
        duplicates=entry.duplicates,
        producers=1,
        since=entry.first,
        heard=entry.heard,
    )


def of_folded(folded: Folded) -> Account:
    """The account of producers that are quiet for long."""
    return Account(
        emitted=folded.stored + folded.lettered + sum(folded.dropped.values()) + folded.unknown,
        sampled_out=folded.sampled_out,
        stored=folded.stored,
        discarded=folded.lettered,
        dropped=folded.dropped,
        unknown=folded.unknown,
        duplicates=folded.duplicates,
        producers=folded.producers,
        since=folded.first,
        heard=folded.heard,
    )


def add(left: Account, right: Account) -> Account:
    """Two accounts of different producers together."""
    reasons = sorted(left.dropped.keys() | right.dropped.keys())
    return Account(
        emitted=left.emitted + right.emitted,
        sampled_out=left.sampled_out + right.sampled_out,
        stored=left.stored + right.stored,
        waiting=left.waiting + right.waiting,
        discarded=left.discarded + right.discarded,
        dropped={reason: left.dropped.get(reason, 0) + right.dropped.get(reason, 0) for reason in reasons},
        on_the_way=left.on_the_way + right.on_the_way,
        unknown=left.unknown + right.unknown,
        duplicates=left.duplicates + right.duplicates,
        producers=left.producers + right.producers,
        since=min(filter(None, (left.since, right.since)), default=None),
        heard=max(filter(None, (left.heard, right.heard)), default=None),
    )


def total(accounts: Iterable[Named]) -> Account:
    """All of them together."""
    made = Account()
    for each in accounts:
        made = add(made, each.account)
    return made


def cut(accounts: Iterable[Named], by: str) -> list[Named]:
    """One account a model, service, host or producer, the one with most unknown events first.

    Raises:
        UsageError: accounts cannot be cut by that.

    """
    if by not in CUTS:
        raise UsageError(
            f"An account cannot be cut by '{by}'. Choose of {', '.join(CUTS)}.{nearest(by, CUTS)}"
        )
    keep = CUTS[: CUTS.index(by) + 1] if by != HOST else (MODEL, HOST)
    made: dict[tuple[str, ...], Named] = {}
    for each in accounts:
        key = tuple(getattr(each, name) for name in keep)
        blank = Named(**dict(zip(keep, key, strict=True)), account=Account())
        known = made.get(key, blank)
        made[key] = replace(known, account=add(known.account, each.account))
    return sorted(made.values(), key=_rank)


def _rank(named: Named) -> tuple[int, int, str, str, str, str]:
    account = named.account
    return (-account.unknown, -account.made, named.model, named.service, named.host, named.producer)


def _at_most(dropped: Mapping[str, int], most: int) -> dict[str, int]:
    """The drops by reason, cut so that there are no more of them than events that are nowhere.

    A producer drops what was not acknowledged in time; such an event may have arrived all the same.
    """
    left, made = most, {}
    for reason, number in sorted(dropped.items(), key=lambda item: -item[1]):
        made[reason] = min(number, left)
        left -= made[reason]
    return {reason: number for reason, number in made.items() if number}
