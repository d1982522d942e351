"""The account of all events: brought up to date to be looked at, or kept and told as a stage of the jobs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from mlmon.analyzers import delivery, folding, losses
from mlmon.analyzers import ledger as ledgers
from mlmon.analyzers.account import SERVICE, cut
from mlmon.analyzers.delivery import Now
from mlmon.analyzers.ledger import Ledger, Letters
from mlmon.core.config import Config
from mlmon.core.result import Result
from mlmon.core.store import Reader, Store
from mlmon.core.window import parse_duration

CountLetters = Callable[[], Letters]
"""Counts the dead letters as they are now; a pass asks once."""

_AT_LEAST: Final = timedelta(days=1)
"""The ledger is kept so often, also where nothing changed, so that it says how far it is."""


def current(reader: Reader, config: Config, letters: Letters, *, now: datetime) -> Now:
    """The account as it is at this moment, whether or when the jobs ran; nothing is written.

    Raises:
        StoreError: the store could not answer.

    """
    return _current(reader, config, letters, now)[1]


def keep(store: Store, config: Config, letters: CountLetters, *, now: datetime) -> Sequence[Result]:
    """Bring the ledger up to date, tell what is new of it, and keep it; gives what was told.

    Stopping anywhere does no harm: the ledger is written last, and what is told twice replaces itself.

    Raises:
        StoreError: the store failed.

    """
    before, at = _current(store, config, letters(), now)
    ledger, results = losses.told(at.ledger, cut(at.accounts(), SERVICE))
    if results:
        store.put(results)
    kept, gone = folding.folded(ledger, at.letters, now)
    kept = losses.forgotten(kept)
    if gone:
        folding.save(store, folding.load(store), gone)
    if _is_news(before, kept):
        ledgers.save(store, kept)
    return results


def _is_news(before: Ledger, kept: Ledger) -> bool:
    if before.looked is None or kept.looked is None:
        return True
    return kept.looked - before.looked > _AT_LEAST or replace(kept, looked=before.looked) != before


def _current(reader: Reader, config: Config, letters: Letters, now: datetime) -> tuple[Ledger, Now]:
    before = ledgers.load(reader)
    at = delivery.brought_up_to_date(
        reader,
        before,
        letters,
        now=now,
        grace=parse_duration(config.analyze.gap_after),
        keep=parse_duration(config.store.keep_events),
    )
    return before, delivery.booked(reader, at)
