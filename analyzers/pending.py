"""Outcomes without an inference: kept for a while, because events overtake each other on the way."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Struct

from mlmon.analyzers.cursor import Cursor
from mlmon.core import schema
from mlmon.core.event import Document
from mlmon.core.store import Reader, Writer

Key = tuple[str, str]
"""A model and an inference id."""

MOST: Final = 100_000
"""Orphans kept at once; beyond that the oldest go, and are counted."""

_BLOB: Final = "state/pending"
_DATES: Final = (schema.TIMESTAMP, schema.OUTCOME_OBSERVED_AT)


class Tally(Struct, kw_only=True):
    """What became of outcomes.

    Each that was met is one of joined, corrected, retracted, a duplicate, superseded (an older revision that
    came late) or an orphan. An orphan whose inference comes is `adopted`, and then joined too; one that
    waited too long is `expired`. `pending` is how many wait now.
    """

    joined: int = 0
    corrected: int = 0
    retracted: int = 0
    duplicates: int = 0
    superseded: int = 0
    orphans: int = 0
    adopted: int = 0
    expired: int = 0
    pending: int = 0


class Orphan(Struct, kw_only=True):
    """An outcome and since when it waits."""

    outcome: dict[str, Any]
    since: datetime


class Pending(Struct, kw_only=True):
    """The orphans, what all outcomes so far came to, and up to where inferences were searched for them."""

    cursor: Cursor = Cursor()
    orphans: dict[Key, Orphan] = {}
    total: Tally = msgspec.field(default_factory=Tally)


class _Stored(Struct, kw_only=True):
    cursor: Cursor
    orphans: list[Orphan]
    total: Tally


def load(reader: Reader) -> Pending:
    """What waits; nothing where no outcome was ever joined."""
    blob = reader.read_blob(_BLOB)
    if blob is None:
        return Pending()
    stored = msgspec.json.decode(blob, type=_Stored)
    for orphan in stored.orphans:
        for name in _DATES:
            if name in orphan.outcome:
                orphan.outcome[name] = msgspec.convert(orphan.outcome[name], datetime)
    return Pending(
        cursor=stored.cursor,
        orphans={_key(orphan.outcome): orphan for orphan in stored.orphans},
        total=stored.total,
    )


def save(writer: Writer, waiting: Pending, run: Tally) -> None:
    """Keep what waits, and add a run to the total."""
    for name in Tally.__struct_fields__:
        setattr(waiting.total, name, getattr(waiting.total, name) + getattr(run, name))
    waiting.total.pending = len(waiting.orphans)
    stored = _Stored(cursor=waiting.cursor, orphans=list(waiting.orphans.values()), total=waiting.total)
    writer.write_blob(_BLOB, msgspec.json.encode(stored))


def status(reader: Reader) -> Tally:
    """What all outcomes so far came to."""
    return load(reader).total


def keep(waiting: Pending, key: Key, outcome: Document, now: datetime, tally: Tally) -> None:
    """Let an outcome wait, unless a better one of the same inference does already."""
    known = waiting.orphans.get(key)
    if known is not None and _rank(known.outcome) >= _rank(outcome):
        tally.duplicates += 1
        return
    tally.orphans += known is None
    since = now if known is None else known.since
    kept = {name: value for name, value in outcome.items() if name != schema.EVENT_INGESTED}
    waiting.orphans[key] = Orphan(outcome=kept, since=since)
    if len(waiting.orphans) > MOST:
        waiting.orphans.pop(next(iter(waiting.orphans)))
        tally.expired += 1


def release(waiting: Pending, key: Key) -> None:
    """Its inference has come."""
    del waiting.orphans[key]


def expire(waiting: Pending, *, before: datetime) -> int:
    """Let go of those that wait since before a moment; returns how many."""
    late = [key for key, orphan in waiting.orphans.items() if orphan.since < before]
    for key in late:
        del waiting.orphans[key]
    return len(late)


def _rank(outcome: Document) -> tuple[int, bool]:
    return outcome.get(schema.OUTCOME_REVISION) or 0, bool(outcome.get(schema.OUTCOME_RETRACTED))


def _key(outcome: Document) -> Key:
    return outcome[schema.MODEL_NAME], outcome[schema.INFERENCE_ID]
