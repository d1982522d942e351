"""A part of the models for each of several processes, which need not know of each other.

Which part a model belongs to is told by its name alone. A process sees a store that holds its own models'
documents only, and keeps its cursors under names of its own. What is written has ids made from what it speaks
of, so that two processes that do the same work by mistake write the same.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from mlmon.analyzers import cursor as cursors
from mlmon.analyzers.cursor import Cursor
from mlmon.core import schema
from mlmon.core.errors import UsageError
from mlmon.core.event import Document, Event
from mlmon.core.query import Answer, Key, OneOf, Query, Scan, Terms, both
from mlmon.core.result import Result
from mlmon.core.schema import Dataset
from mlmon.core.store import Holding, Reader, Store, Written
from mlmon.core.window import Window

MOST: Final = 1_000
_BLOB: Final = "state/partition"
_OWN: Final = re.compile(r"(state|cursor)/")
"""Blobs that each part has one of; references are of one model and are everyone's."""
_COME: Final = (Dataset.INFERENCE, Dataset.OUTCOME)
"""What others write while a pass runs."""


class Partition(Struct, frozen=True, kw_only=True):
    """One of `of` parts, counted from 1."""

    number: int
    of: int

    @property
    def is_first(self) -> bool:
        """Whether it also keeps what is of all models: the catalogue and the account of events."""
        return self.number == 1

    def holds(self, model: str) -> bool:
        """Whether a model belongs to this part: by a hash of its name, the same on every machine."""
        digest = hashlib.blake2b(model.encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") % self.of == self.number - 1


def parse(text: str) -> Partition:
    """A part as it is written: `2/8` is the second of eight.

    >>> parse("2/8")
    Partition(number=2, of=8)

    Raises:
        UsageError: it is no part.

    """
    found = re.fullmatch(r"(\d{1,4})/(\d{1,4})", text)
    number, of = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 1 <= number <= of <= MOST:
        raise UsageError(
            f"'{text}' is no part of the models. Write I/N, such as 2/8 for the second of eight; "
            f"I from 1 to N, N up to {MOST:,}. Each part needs a process."
        )
    return Partition(number=number, of=of)


class _Known(Struct, kw_only=True):
    """The models of a part, and up to where each dataset was looked through for them."""

    models: list[str] = []
    cursors: dict[str, Cursor] = {}


class Share:
    """The store as one part sees it. Reading is safe from any thread, as far as the store's is.

    What came after the models were listed is left for the next pass: of a model that nobody has listed yet no
    cursor must pass anything.
    """

    def __init__(self, whole: Store, partition: Partition) -> None:
        """List the models that are new; what is found is kept in the store."""
        self.whole = whole
        self._partition = partition
        known = self._listed()
        mine = tuple(known.models)
        self._mine = OneOf(schema.MODEL_NAME, mine)
        self._ends = {
            dataset: cursors.BEGINNING if mark is None else mark + cursors.RESOLUTION
            for dataset in _COME
            for mark in (known.cursors.get(dataset, Cursor()).mark,)
        }

    def _listed(self) -> _Known:
        blob = self.read_blob(_BLOB)
        known = _Known() if blob is None else msgspec.json.decode(blob, type=_Known)
        fresh = {
            dataset: news
            for dataset in _COME
            if (news := cursors.news(self.whole, dataset, known.cursors.get(dataset, Cursor())))
        }
        found = {model for dataset, news in fresh.items() for model in self._models(dataset, news.window)}
        if not fresh:
            return known
        held = sorted(found.union(known.models))
        cursor = known.cursors | {str(dataset): news.cursor for dataset, news in fresh.items()}
        known = _Known(models=held, cursors=cursor)
        self.write_blob(_BLOB, msgspec.json.encode(known))
        return known

    def _models(self, dataset: Dataset, window: Window) -> Iterator[str]:
        by: dict[str, Key] = {"model": Terms(schema.MODEL_NAME)}
        asked = Query(dataset=dataset, window=window, time=schema.EVENT_INGESTED, by=by)
        names = (row["model"] for row in self.whole.query(asked).rows)
        return (name for name in names if name is not None and self._partition.holds(name))

    def _narrowed(self, dataset: Dataset, time: str, window: Window | None) -> Window | None:
        """The window, ended where the models were listed, where it is one of what is new."""
        end = self._ends.get(dataset)
        if window is None or end is None or time != schema.EVENT_INGESTED or window.end <= end:
            return window
        return Window(start=window.start, end=max(end, window.start + cursors.RESOLUTION))

    @property
    def url(self) -> str:
        """That of the whole store."""
        return self.whole.url

    @property
    def settling(self) -> timedelta:
        """That of the whole store."""
        return self.whole.settling

    def query(self, query: Query) -> Answer:
        """Answer a question about the models of this part; see `mlmon.core.store.Reader`."""
        window = self._narrowed(query.dataset, query.time, query.window)
        return self.whole.query(replace(query, window=window, where=both(query.where, self._mine)))

    def scan(self, scan: Scan) -> Iterator[list[Document]]:
        """Give documents of the models of this part; see `mlmon.core.store.Reader`."""
        window = self._narrowed(scan.dataset, scan.time, scan.window)
        return self.whole.scan(replace(scan, window=window, where=both(scan.where, self._mine)))

    def members(self, dataset: Dataset, family: str) -> list[str]:
        """Those of all models."""
        return self.whole.members(dataset, family)

    def holdings(self) -> list[Holding]:
        """Those of the whole store."""
        return self.whole.holdings()

    def read_blob(self, name: str) -> bytes | None:
        """This part's own value where each part has one."""
        return self.whole.read_blob(_blob(name, self._partition))

    def list_blobs(self, prefix: str) -> list[str]:
        """The names of the whole store."""
        return self.whole.list_blobs(prefix)

    def write(self, events: Sequence[Event]) -> Written:
        """Append events to the whole store."""
        return self.whole.write(events)

    def put(self, results: Sequence[Result]) -> None:
        """Store results in the whole store."""
        self.whole.put(results)

    def write_blob(self, name: str, value: bytes) -> None:
        """Set this part's own value where each part has one."""
        self.whole.write_blob(_blob(name, self._partition), value)

    def close(self) -> None:
        """Close the whole store."""
        self.whole.close()


def parts_of(reader: Reader, name: str) -> int:
    """Of how many parts a value of this name is kept; 0 where of none, the most where the number changed."""
    found = (re.search(r"/\d+-of-(\d+)$", blob) for blob in reader.list_blobs(f"{name}/"))
    return max((int(one[1]) for one in found if one), default=0)


def own(name: str, partition: Partition) -> str:
    """A name as one part's.

    >>> own("cursor/outcomes", Partition(number=2, of=8))
    'cursor/outcomes/2-of-8'
    """
    return f"{name}/{partition.number}-of-{partition.of}"


def _blob(name: str, partition: Partition) -> str:
    return own(name, partition) if _OWN.match(name) else name
