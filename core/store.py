"""What every store can do, so that nobody has to know which one it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

from msgspec import Struct

from mlmon.core import schema
from mlmon.core.event import Document, Event
from mlmon.core.query import Answer, Count, Max, Min, Query, Scan
from mlmon.core.result import Result
from mlmon.core.schema import Dataset


class Refused(Struct, frozen=True, kw_only=True):
    """An event that a store cannot keep: its place in the batch, a short stable code, the store's words."""

    place: int
    reason: str
    detail: str


class Written(Struct, frozen=True, kw_only=True):
    """What became of a batch: every event is stored now, was already there, or is refused for good.

    `repeated` has the places in the batch of those that were there, in ascending order.
    """

    stored: int
    duplicates: int
    repeated: tuple[int, ...] = ()
    refused: tuple[Refused, ...] = ()


class Holding(Struct, frozen=True, kw_only=True):
    """What a store holds of one dataset. `first` and `last` are event times, None where it is empty."""

    dataset: Dataset
    count: int
    bytes: int
    first: datetime | None
    last: datetime | None
    ingested: datetime | None


def holding_query(dataset: Dataset) -> Query:
    """The question whose one row is a `Holding`, but for its dataset and its bytes."""
    return Query(
        dataset=dataset,
        measures={
            "count": Count(),
            "first": Min(schema.TIMESTAMP),
            "last": Max(schema.TIMESTAMP),
            "ingested": Max(schema.EVENT_INGESTED),
        },
    )


class Reader(Protocol):
    """The side of a store that analyzers and pages ask. Safe for several threads and processes at once."""

    @property
    def url(self) -> str:
        """Where it is, as a person would write it."""

    @property
    def settling(self) -> timedelta:
        """How long after its time of ingestion a document may yet appear; zero where they appear in order."""

    def query(self, query: Query) -> Answer:
        """Answer a question.

        Raises:
            QueryError: the question cannot be meant.
            StoreError: the store could not answer all of it; half an answer is never given.

        """

    def scan(self, scan: Scan) -> Iterator[list[Document]]:
        """Documents in batches; dates come as aware datetimes, missing fields are absent.

        Raises:
            QueryError, StoreError: as for `query`.

        """

    def members(self, dataset: Dataset, family: str) -> list[str]:
        """The names seen in an open family, such as the features of all models, sorted."""

    def holdings(self) -> list[Holding]:
        """What is in it, one row a dataset that has documents."""

    def read_blob(self, name: str) -> bytes | None:
        """A small named value: a reference, a cursor. None where there is none.

        Names are words of letters, digits, `.`, `_` and `-`, joined by `/`.
        """

    def list_blobs(self, prefix: str) -> list[str]:
        """The names that start with the prefix, sorted."""

    def close(self) -> None:
        """Free what it holds; calling it twice does no harm."""


@runtime_checkable
class Versioned(Protocol):
    """A store that can tell cheaply whether anything was stored since, so that answers can be remembered."""

    def version(self, dataset: Dataset) -> str:
        """A word that changes before anybody can read what a write to the dataset changed.

        Raises:
            StoreError: it could not be told.

        """


class Writer(Protocol):
    """The side of a store that the collector and the jobs write to. One thread at a time."""

    def write(self, events: Sequence[Event]) -> Written:
        """Append events. They are durable when this returns, and visible to readers at once.

        An event whose id is there already is a duplicate, counted and not stored again.

        Raises:
            StoreError: nothing of the batch may be counted on; writing it again is safe.

        """

    def put(self, results: Sequence[Result]) -> None:
        """Store results; one of the same identity is replaced.

        Raises:
            StoreError: as for `write`.

        """

    def write_blob(self, name: str, value: bytes) -> None:
        """Set a small named value, whole or not at all."""

    def close(self) -> None:
        """Make all durable and free what it holds; calling it twice does no harm."""


class Store(Reader, Writer, Protocol):
    """Keeps events and results, and answers queries."""
