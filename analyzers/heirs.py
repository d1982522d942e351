"""Losses that one producer counted and another suffered.

A process that takes over the spool of a dead one may find records damaged, or have to drop them. It counts
them as its own, because it cannot know whose they were. In the account they belong to the dead one, whose
numbers are missing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Final

from msgspec.structs import replace

from mlmon.analyzers.account import Account
from mlmon.analyzers.ledger import Entry

SPOOLED: Final = frozenset({"spool_damaged", "spool_expired", "spool_full"})
"""Reasons to drop what waits in a spool, and so perhaps what another process had left there."""

_Key = tuple[str, str, str]


def inherited(entries: Mapping[str, Entry], accounts: Mapping[str, Account]) -> dict[str, Account]:
    """The accounts with what is unknown of one producer set against what another dropped beyond its own.

    Only producers of the same model, service and host can have had a spool in common.
    """
    spare = _spare(entries, accounts)
    if not spare:
        return dict(accounts)
    return {name: _less(account, spare[_key(entries[name])]) for name, account in accounts.items()}


def _spare(entries: Mapping[str, Entry], accounts: Mapping[str, Account]) -> defaultdict[_Key, Counter[str]]:
    """The drops from spools that are more than the producer itself misses."""
    spare: defaultdict[_Key, Counter[str]] = defaultdict(Counter)
    for name, entry in entries.items():
        for reason in SPOOLED & entry.dropped.keys():
            more = entry.dropped[reason] - accounts[name].dropped.get(reason, 0)
            if more > 0:
                spare[_key(entry)][reason] += more
    return spare


def _less(account: Account, spare: Counter[str]) -> Account:
    """The account with its unknown events explained, as far as `spare` goes, which is used up."""
    dropped, unknown = Counter(account.dropped), account.unknown
    for reason in sorted(spare):
        taken = min(unknown, spare[reason])
        spare[reason] -= taken
        dropped[reason] += taken
        unknown -= taken
    return replace(account, dropped=dict(+dropped), unknown=unknown) if unknown < account.unknown else account


def _key(entry: Entry) -> _Key:
    return (entry.model, entry.service, entry.host)
