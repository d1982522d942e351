"""A reader that remembers its answers for as long as the store has not changed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from datetime import timedelta
from threading import Lock
from typing import Any, Final, TypeVar

from mlmon.core.event import Document
from mlmon.core.query import Answer, Query, Scan
from mlmon.core.schema import Dataset
from mlmon.core.store import Holding, Reader, Versioned

_MOST_ROWS: Final = 50_000
"""Rows of all answers together, some tens of megabytes; the least recently used go first."""

_A_DOCUMENT: Final = 10
"""As many rows as a document weighs."""

_T = TypeVar("_T", Answer, list[list[Document]])
_Key = tuple[str, str]


class Remembered:
    """Asks a store, and only once for each question of each of its versions. Safe for several threads.

    Of a store that does not say its version nothing is remembered. Answers are shared: whoever is given one
    must not change it.
    """

    def __init__(self, reader: Reader, *, most_rows: int = _MOST_ROWS) -> None:
        """Start with nothing remembered."""
        self._reader = reader
        self._versioned = reader if isinstance(reader, Versioned) else None
        self._most_rows = most_rows
        self._lock = Lock()
        self._known: OrderedDict[_Key, tuple[str, int, Any]] = OrderedDict()
        self._rows = 0

    @property
    def url(self) -> str:
        """Where the store is."""
        return self._reader.url

    @property
    def settling(self) -> timedelta:
        """As the store says."""
        return self._reader.settling

    def query(self, query: Query) -> Answer:
        """Answer a question; see `mlmon.core.store.Reader`."""
        return self._once(query, lambda: self._reader.query(query), len)

    def scan(self, scan: Scan) -> Iterator[list[Document]]:
        """Give documents; those of a scan with a limit are remembered."""
        if scan.limit is None:
            return self._reader.scan(scan)
        return iter(self._once(scan, lambda: list(self._reader.scan(scan)), _documents))

    def _once(self, asked: Query | Scan, ask: Callable[[], _T], size: Callable[[_T], int]) -> _T:
        if self._versioned is None:
            return ask()
        # Taken before the question is asked, so that an answer is never held to be newer than it is.
        version = self._versioned.version(asked.dataset)
        key = (type(asked).__name__, repr(asked))
        with self._lock:
            known = self._known.get(key)
            if known is not None and known[0] == version:
                self._known.move_to_end(key)
                answer: _T = known[2]
                return answer
        answer = ask()
        self._keep(key, version, size(answer), answer)
        return answer

    def _keep(self, key: _Key, version: str, rows: int, answer: Answer | list[list[Document]]) -> None:
        with self._lock:
            before = self._known.pop(key, None)
            self._rows += 1 + rows - (before[1] if before else 0)
            self._known[key] = (version, 1 + rows, answer)
            while self._rows > self._most_rows and self._known:
                _, (_, gone, _) = self._known.popitem(last=False)
                self._rows -= gone

    def members(self, dataset: Dataset, family: str) -> list[str]:
        """The names seen in an open family, sorted."""
        return self._reader.members(dataset, family)

    def holdings(self) -> list[Holding]:
        """What is in it."""
        return self._reader.holdings()

    def read_blob(self, name: str) -> bytes | None:
        """A small named value; None where there is none."""
        return self._reader.read_blob(name)

    def list_blobs(self, prefix: str) -> list[str]:
        """The names that start with the prefix, sorted."""
        return self._reader.list_blobs(prefix)

    def close(self) -> None:
        """Close the store."""
        self._reader.close()


def _documents(batches: list[list[Document]]) -> int:
    return _A_DOCUMENT * sum(map(len, batches))
