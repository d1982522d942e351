"""Producers that are quiet for long, put together into one row a model and service, and found again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

import msgspec
from msgspec.structs import replace

from mlmon.analyzers.account import Account, of_entry
from mlmon.analyzers.ledger import MOST_PRODUCERS, OLDER, QUIET, Entry, Folded, Ledger, Letters, collapsed
from mlmon.core.store import Reader, Writer

MOST_GONE: Final = 20_000
"""Folded producers that are recognised when they come back; beyond that the oldest are forgotten."""

_BLOB: Final = "state/delivery-folded"


def folded(
    ledger: Ledger, letters: Letters, now: datetime, most: int = MOST_PRODUCERS
) -> tuple[Ledger, dict[str, Entry]]:
    """The ledger in bounded room, and who went from it.

    Only those go of whom nothing will be read once more, since that would look like a return.
    """
    by_age = sorted(ledger.producers, key=lambda name: ledger.producers[name].heard)
    over = len(by_age) - most
    gone = {
        name: _ended(ledger.producers[name])
        for place, name in enumerate(by_age)
        if place < over or ledger.producers[name].heard < now - QUIET
        if _is_settled(ledger, letters, name)
    }
    rows = {(row.model, row.service): row for row in ledger.folded}
    for entry in gone.values():
        key = (entry.model, entry.service)
        rows[key] = _changed(rows.get(key) or _empty(entry), entry, 1)
    kept = {name: entry for name, entry in ledger.producers.items() if name not in gone}
    return replace(ledger, producers=kept, folded=tuple(rows.values())), gone


def returned(ledger: Ledger, gone: Mapping[str, Entry], names: Iterable[str]) -> Ledger:
    """The ledger with those of some producers that were folded and come back."""
    back = {name: gone[name] for name in names if name in gone and name not in ledger.producers}
    rows = {(row.model, row.service): row for row in ledger.folded}
    for entry in back.values():
        key = (entry.model, entry.service)
        rows[key] = _changed(rows.get(key) or _empty(entry), entry, -1)
    left = tuple(row for row in rows.values() if row.producers > 0)
    return replace(ledger, producers={**ledger.producers, **back}, folded=left)


def load(reader: Reader) -> dict[str, Entry]:
    """Who was folded, as they were then."""
    blob = reader.read_blob(_BLOB)
    return {} if blob is None else msgspec.json.decode(blob, type=dict[str, Entry])


def save(writer: Writer, known: Mapping[str, Entry], gone: Mapping[str, Entry]) -> None:
    """Remember who went; those that are remembered for longest make room."""
    both = sorted({**known, **gone}.items(), key=lambda item: item[1].heard)
    writer.write_blob(_BLOB, msgspec.json.encode(dict(both[-MOST_GONE:])))


def _is_settled(ledger: Ledger, letters: Letters, name: str) -> bool:
    if ledger.until is None or ledger.producers[name].heard >= ledger.until:
        return False
    return name not in letters.waiting and name not in letters.discarded


def _ended(entry: Entry) -> Entry:
    """The entry as counts, of which nothing more is awaited, and whose losses are told."""
    lost = sum(entry.lost.values())
    return replace(
        collapsed(entry, entry.total),
        due=entry.total,
        lost={OLDER: lost} if lost else {},
        drops={OLDER: entry.dropped} if entry.dropped else {},
    )


def _empty(entry: Entry) -> Folded:
    return Folded(model=entry.model, service=entry.service, first=entry.first, heard=entry.heard)


def _changed(row: Folded, entry: Entry, sign: int) -> Folded:
    """The row with the account of a producer more, or less."""
    account: Account = of_entry(entry)
    reasons = row.dropped | account.dropped
    dropped = {name: row.dropped.get(name, 0) + sign * account.dropped.get(name, 0) for name in reasons}
    return Folded(
        model=row.model,
        service=row.service,
        producers=row.producers + sign,
        first=min(row.first, entry.first),
        heard=max(row.heard, entry.heard),
        stored=row.stored + sign * account.stored,
        sampled_out=row.sampled_out + sign * account.sampled_out,
        duplicates=row.duplicates + sign * account.duplicates,
        lettered=row.lettered + sign * account.dead_lettered,
        dropped={name: number for name, number in dropped.items() if number},
        unknown=row.unknown + sign * account.unknown,
    )
