"""Dead letters counted: by what was wrong, for a person, and by producer, for the accounting."""

from __future__ import annotations

import itertools
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from msgspec import Struct

from mlmon.core.sequences import Runs, runs, union, without
from mlmon.pipelines import discards
from mlmon.pipelines.deadletter import DeadLetter, Head, heads

MOST_GROUPS: Final = 1_000
OTHERS: Final = "(others)"


class Group(Struct, kw_only=True):
    """Letters of one reason, door, model and service. `first` and `last` are RFC 3339, UTC.

    `detail` is that of the newest of them, for a sample.
    """

    reason: str
    door: str
    model: str | None
    service: str | None
    count: int
    first: str
    last: str
    detail: str


class Account(Struct, frozen=True, kw_only=True):
    """The letters of one producer, as sequence numbers: those that wait, and those dropped and not there."""

    waiting: Runs = ()
    discarded: Runs = ()


class Tally(Struct, frozen=True, kw_only=True):
    """The letters of a folder by producer; an event that has two letters counts once.

    `nameless_waiting` and `nameless_discarded` count letters whose record names no producer and sequence.
    """

    producers: dict[str, Account]
    nameless_waiting: int
    nameless_discarded: int


def tally(path: Path, more: Iterable[Head] = ()) -> Tally:
    """Count the letters of a folder by producer, without a lock and without reading their records.

    `more` are letters that lie elsewhere, whose drops the folder remembers.

    Raises:
        StoreError: what is remembered of dropped letters cannot be read.

    """
    dropped = discards.load(path)
    numbers: defaultdict[str, array[int]] = defaultdict(lambda: array("q"))
    nameless = 0
    for head in itertools.chain(heads(path), more):
        if head.producer is None or head.sequence is None:
            nameless += 1
        else:
            numbers[head.producer].append(head.sequence)
    waiting = {name: runs(numbers.pop(name)) for name in list(numbers)}
    discarded = {name: union(*reasons.values()) for name, reasons in dropped.producers.items()}
    return Tally(
        producers={
            name: Account(
                waiting=waiting.get(name, ()),
                discarded=without(discarded.get(name, ()), waiting.get(name, ())),
            )
            for name in sorted(waiting.keys() | discarded.keys())
        },
        nameless_waiting=nameless,
        nameless_discarded=sum(dropped.nameless.values()),
    )


def of_dropped(letters: Iterable[Head | DeadLetter], *, pending: str) -> discards.Discards:
    """What is to be remembered of letters that go."""
    reasons: Counter[str] = Counter()
    nameless: Counter[str] = Counter()
    numbers: defaultdict[tuple[str, str], array[int]] = defaultdict(lambda: array("q"))
    for each in letters:
        reasons[each.reason] += 1
        if each.producer is None or each.sequence is None:
            nameless[each.reason] += 1
        else:
            numbers[each.producer, each.reason].append(each.sequence)
    producers: dict[str, dict[str, Runs]] = {}
    for producer, reason in numbers:
        producers.setdefault(producer, {})[reason] = runs(numbers[producer, reason])
    return discards.Discards(
        reasons=dict(reasons), nameless=dict(nameless), producers=producers, pending=pending
    )


def groups(letters: Iterable[Head], *, most: int = MOST_GROUPS) -> list[Group]:
    """Letters by reason, door, model and service, the largest group first.

    What would be a group over `most` goes into those of its reason that are called `(others)`.
    """
    found: dict[tuple[str, str, str | None, str | None], Group] = {}
    for each in letters:
        key = (each.reason, door_of(each.source), each.model, each.service)
        if key not in found and len(found) >= most:
            key = (each.reason, OTHERS, None, None)
        group = found.get(key)
        if group is None:
            reason, door, model, service = key
            found[key] = Group(
                reason=reason, door=door, model=model, service=service, count=1,
                first=each.at, last=each.at, detail=each.detail,
            )  # fmt: skip
            continue
        group.count += 1
        group.first = min(group.first, each.at)
        if each.at >= group.last:
            group.last, group.detail = each.at, each.detail
    return sorted(found.values(), key=lambda group: (-group.count, group.reason, group.door))


def door_of(source: str) -> str:
    """The door of a letter's source, without the peer.

    >>> door_of("tcp 127.0.0.1:9")
    'tcp'
    """
    return source.partition(" ")[0]
