"""Everything of one store into another: events, results and references, in the order they were stored in.

How far a copy has come is kept in the target after each batch. Begun again it goes on from there, and what it
meets a second time is known by its id, so that copying again later brings what is new.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
from msgspec import Struct

from mlmon.cli.progress import Advance
from mlmon.core import schema
from mlmon.core.errors import StoreError
from mlmon.core.event import Document, encode
from mlmon.core.query import Count, Query, Scan
from mlmon.core.result import from_document
from mlmon.core.schema import EVENTS, Dataset
from mlmon.core.store import Reader, Store
from mlmon.core.window import Window

BATCH: Final = 5_000
REFERENCES: Final = "reference/"
KEPT_REFERENCES: Final = "kept-reference/"
"""What the jobs keep besides, such as cursors, speaks of its store, and is made anew in another."""
_NEXT: Final = timedelta(microseconds=1)
_FOREVER: Final = datetime(2200, 1, 1, tzinfo=UTC)


class Copied(Struct, kw_only=True):
    """What a copy did."""

    stored: int = 0
    known: int = 0
    results: int = 0
    references: int = 0


class _Mark(Struct, frozen=True, kw_only=True):
    """When the last document that was copied had been stored in the source; whether none was left then."""

    ingested: datetime
    is_whole: bool = False


def total(source: Reader, target: Reader, datasets: Sequence[Dataset]) -> int:
    """How many documents are still to be copied."""
    return sum(_left(source, dataset, _mark(target, source, dataset)) for dataset in datasets)


def run(source: Reader, target: Store, datasets: Sequence[Dataset], advance: Advance) -> Copied:
    """Copy what the target does not have yet.

    Raises:
        StoreError: either store failed, or the target refused an event; what came before it is there.

    """
    done = Copied()
    for dataset in datasets:
        last: datetime | None = None
        for documents in _scanned(source, dataset, _mark(target, source, dataset)):
            if dataset in EVENTS:
                _write(target, documents, done)
            else:
                target.put([from_document(document) for document in documents])
                done.results += len(documents)
            last = documents[-1][schema.EVENT_INGESTED]
            _remember(target, source, dataset, _Mark(ingested=last))
            advance(len(documents))
        if last is not None:
            _remember(target, source, dataset, _Mark(ingested=last, is_whole=True))
    kept = (name for prefix in (REFERENCES, KEPT_REFERENCES) for name in source.list_blobs(prefix))
    for name in kept:
        value = source.read_blob(name)
        if value is not None and value != target.read_blob(name):
            target.write_blob(name, value)
            done.references += 1
    return done


def _write(target: Store, documents: Sequence[Document], done: Copied) -> None:
    written = target.write([encode(document) for document in documents])
    if written.refused:
        first = written.refused[0]
        name = documents[first.place][schema.EVENT_ID]
        raise StoreError(
            f"{target.url} refused {len(written.refused)} of {len(documents)} events, the first of them "
            f"{name}: {first.detail}. The others are there; mend the cause and copy again."
        )
    done.stored += written.stored
    done.known += written.duplicates


def _scanned(source: Reader, dataset: Dataset, mark: _Mark | None) -> Iterator[list[Document]]:
    """What is to be copied; the batch in which a copy stopped comes again."""
    window = _since(source, mark)
    scan = Scan(dataset=dataset, window=window, time=schema.EVENT_INGESTED, batch_size=BATCH)
    return source.scan(scan)


def _left(source: Reader, dataset: Dataset, mark: _Mark | None) -> int:
    window = _since(source, mark)
    query = Query(dataset=dataset, window=window, time=schema.EVENT_INGESTED, measures={"n": Count()})
    count: int = source.query(query).rows[0]["n"]
    return count


def _since(source: Reader, mark: _Mark | None) -> Window | None:
    """What is new since the mark, and so much before it as may have come late to the source."""
    if mark is None:
        return None
    is_known = mark.is_whole and not source.settling
    return Window(start=mark.ingested + _NEXT if is_known else mark.ingested - source.settling, end=_FOREVER)


def _mark(target: Reader, source: Reader, dataset: Dataset) -> _Mark | None:
    blob = target.read_blob(_name(source, dataset))
    return None if blob is None else msgspec.json.decode(blob, type=_Mark)


def _remember(target: Store, source: Reader, dataset: Dataset, mark: _Mark) -> None:
    target.write_blob(_name(source, dataset), msgspec.json.encode(mark))


def _name(source: Reader, dataset: Dataset) -> str:
    """The name under which the target keeps how far it has come with this source."""
    return f"copy/{hashlib.blake2b(source.url.encode(), digest_size=8).hexdigest()}/{dataset}"
