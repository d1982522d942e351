"""The store in a cluster: questions become aggregations, documents are read from one state of the indices."""

from __future__ import annotations

import base64
import math
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Final

from msgspec.structs import replace

from mlmon.core import clock as clocks
from mlmon.core import query as q
from mlmon.core import schema
from mlmon.core.clock import Clock
from mlmon.core.event import Document, Event
from mlmon.core.query import Answer, Query, Row, Scan
from mlmon.core.result import Result, dataset_of
from mlmon.core.schema import EVENTS, RESULTS, Dataset
from mlmon.core.store import Holding, Written, holding_query
from mlmon.stores.search import answer, filters, names, scan, slices
from mlmon.stores.search import compile as compiler
from mlmon.stores.search.asking import (
    ABSENT_IS_EMPTY,
    WHOLE,
    ask,
    ask_if_allowed,
    ask_if_there,
    search,
    target,
)
from mlmon.stores.search.compile import Body, Compiled
from mlmon.stores.search.connection import ANSWER_S, Connection
from mlmon.stores.search.scan import Pit
from mlmon.stores.search.slices import Slices
from mlmon.stores.search.writer import ClusterWriter

SETTLING: Final = timedelta(seconds=ANSWER_S)
"""Between the moment a writer stamps a document and the end of the request that brings it."""

_SOURCES_S: Final = 30.0
"""Seconds that the names of the indices behind a dataset are remembered."""

_MOST_NAMES: Final = 10_000


class SearchStore:
    """Keeps events and results in a cluster. Reading is safe from any thread, writing for one at a time.

    What this store wrote it sees at once; what others wrote it sees when the index is refreshed next, within
    a second or what the template says.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        pit: Pit,
        engine: str,
        namespace: str = names.DEFAULT,
        stream_per_model: bool = False,
        clock: Clock = clocks.system,
    ) -> None:
        """Nothing is sent yet; see `mlmon.stores.elasticsearch` and `mlmon.stores.opensearch`."""
        self._connection = connection
        self._pit = pit
        self._namespace = names.checked(namespace)
        self._writer = ClusterWriter(
            connection,
            engine=engine,
            namespace=namespace,
            stream_per_model=stream_per_model,
            clock=clock,
        )
        self._unseen: set[Dataset] = set()
        self._lock = threading.Lock()
        self._known: dict[Dataset, tuple[float, tuple[str, ...]]] = {}

    @property
    def url(self) -> str:
        """Where it is, without secrets."""
        return self._connection.url

    @property
    def settling(self) -> timedelta:
        """As long as a request may take, since several writers stamp documents and then send them."""
        return SETTLING

    def query(self, query: Query) -> Answer:
        """Answer a question; see `mlmon.core.store.Reader`."""
        q.check(query)
        if not query.by and not query.measures:
            return Answer(rows=[{}])
        self._refresh(query)
        rows, shards = self._rows(query)
        return Answer(rows=answer.ordered(query, rows), sources=self._sources(query.dataset), shards=shards)

    def _rows(self, query: Query) -> tuple[list[Row], int]:
        compiled = compiler.compile_query(query)
        if not slices.is_by_time(query):
            rows, shards = self._pages(query, compiled)
        else:
            rows, shards = [], 0
            left = Slices(query, compiled.page)
            while left:
                part = replace(query, window=left.take())
                found, shards = self._pages(part, compiled)
                left.had(len(found))
                rows += found
        for name in query.by:
            if any(_is_lower_zero(row[name]) for row in rows):
                rows = [row for row in rows if row[name] != 0] + self._of_zero(query, name)
        return rows, shards

    def _pages(self, query: Query, compiled: Compiled) -> tuple[list[Row], int]:
        """The rows of all pages, and how many shards answered."""
        path = self._search_path(query.dataset, compiled.unread)
        body = compiled.body | {"query": filters.matching(query)}
        rows: list[Row] = []
        while True:
            page = search(self._connection, path, body)
            found = answer.rows(query, compiled, page)
            rows += found
            last = answer.next_page(compiled, page) if query.by else None
            if last is None:
                return rows, page["_shards"]["successful"]
            if slices.is_by_time(query):
                query = slices.from_group(query, found[-1])
            body = compiler.after(body, last) | {"query": filters.matching(query)}

    def _of_zero(self, query: Query, name: str) -> list[Row]:
        """The rows of one number's zero, asked for alone: a cluster makes two groups of 0.0 and -0.0."""
        key = query.by[name]
        end = key.width if isinstance(key, q.NumberBucket) else math.nextafter(0, 1)
        zero = q.Between(field=key.field, start=0.0, end=end)
        others = {other: it for other, it in query.by.items() if other != name}
        rows, _ = self._rows(q.narrow(replace(query, by=others), zero))
        return [{**dict.fromkeys(query.by), **row, name: 0.0} for row in rows]

    def scan(self, scan: Scan) -> Iterator[list[Document]]:
        """Give documents in batches; see `mlmon.core.store.Reader`."""
        q.check(scan)
        return self._batches(scan)

    def _batches(self, asked: Scan) -> Iterator[list[Document]]:
        self._refresh(asked)
        yield from scan.batches(
            self._connection, self._pit, names.pattern(asked.dataset, self._namespace), asked
        )

    def members(self, dataset: Dataset, family: str) -> list[str]:
        """The names seen in an open family, sorted."""
        self._refresh(Query(dataset=dataset))
        start = f"{family}."
        path = target(self._pattern(dataset), "_field_caps", fields=f"{start}*", **ABSENT_IS_EMPTY)
        found = ask(self._connection, "GET", path)["fields"]
        return sorted(name[len(start) :] for name, kinds in found.items() if "object" not in kinds)

    def holdings(self) -> list[Holding]:
        """What is in it, one row a dataset that has documents."""
        found = (self._holding(dataset) for dataset in (*EVENTS, *RESULTS))
        return [holding for holding in found if holding.count]

    def _holding(self, dataset: Dataset) -> Holding:
        row = self.query(holding_query(dataset)).rows[0]
        return Holding(dataset=dataset, bytes=self._bytes(dataset) if row["count"] else 0, **row)

    def _bytes(self, dataset: Dataset) -> int:
        """The size of the primary shards; 0 where this user may not ask."""
        path = target(self._pattern(dataset), "_stats", "store", **ABSENT_IS_EMPTY)
        found = ask_if_allowed(self._connection, "GET", path) or {}
        size: int = found.get("_all", {}).get("primaries", {}).get("store", {}).get("size_in_bytes", 0)
        return size

    def read_blob(self, name: str) -> bytes | None:
        """A small named value; None where there is none."""
        path = target(names.state_index(self._namespace), "_doc", name)
        found = ask_if_there(self._connection, "GET", path)
        return None if found is None else base64.b64decode(found["_source"]["value"])

    def list_blobs(self, prefix: str) -> list[str]:
        """The names that start with the prefix, sorted."""
        path = target(names.state_index(self._namespace), "_search", **ABSENT_IS_EMPTY, **WHOLE)
        found: list[str] = []
        body: Body = {
            "query": {"prefix": {"name": {"value": prefix}}} if prefix else {"match_all": {}},
            "sort": [{"name": {"order": "asc", "unmapped_type": "keyword"}}],
            "size": _MOST_NAMES,
        }
        while True:
            hits = search(self._connection, path, body)["hits"]["hits"]
            found += [hit["_source"]["name"] for hit in hits]
            if len(hits) < _MOST_NAMES:
                return sorted(found)
            body["search_after"] = hits[-1]["sort"]

    def write(self, events: Sequence[Event]) -> Written:
        """Append events; see `mlmon.core.store.Writer`."""
        try:
            return self._writer.write(events)
        finally:
            self._wrote({event.dataset for event in events})

    def put(self, results: Sequence[Result]) -> None:
        """Store results; one of the same identity is replaced."""
        try:
            self._writer.put(results)
        finally:
            self._wrote({dataset_of(result) for result in results})

    def write_blob(self, name: str, value: bytes) -> None:
        """Set a small named value, whole or not at all; it is in `list_blobs` at once."""
        path = target(names.state_index(self._namespace), "_doc", name, refresh="true")
        ask(self._connection, "PUT", path, {"name": name, "value": base64.b64encode(value).decode()})

    def close(self) -> None:
        """Free the threads and sockets; a second call does no harm."""
        self._writer.close()
        self._connection.close()

    def _pattern(self, dataset: Dataset) -> str:
        return names.pattern(dataset, self._namespace)

    def _search_path(self, dataset: Dataset, unread: tuple[str, ...]) -> str:
        left_out = {"filter_path": ",".join(f"-{path}" for path in unread)} if unread else {}
        return target(self._pattern(dataset), "_search", **ABSENT_IS_EMPTY, **WHOLE, **left_out)

    def _wrote(self, datasets: set[Dataset]) -> None:
        with self._lock:
            self._unseen |= datasets

    def _refresh(self, question: Query | Scan) -> None:
        """Make visible what was written: by this store, and by all for a question about what is new."""
        dataset = question.dataset
        with self._lock:
            is_unseen = dataset in self._unseen
            self._unseen.discard(dataset)
        if not is_unseen and question.time != schema.EVENT_INGESTED:
            return
        try:
            path = target(self._pattern(dataset), "_refresh", **ABSENT_IS_EMPTY)
            ask_if_allowed(self._connection, "POST", path)
        except BaseException:
            self._wrote({dataset})  # the next question tries again, or it would miss what was written
            raise

    def _sources(self, dataset: Dataset) -> tuple[str, ...]:
        """The indices behind a dataset, as they were some seconds ago at most."""
        now = time.monotonic()
        known = self._known.get(dataset)
        if known is None or now - known[0] > _SOURCES_S:
            known = self._known[dataset] = (now, self._resolved(dataset))
        return known[1]

    def _resolved(self, dataset: Dataset) -> tuple[str, ...]:
        made: set[str] = set()
        # One at a time: a name that is not there yet would hide what the others resolve to.
        for part in self._pattern(dataset).split(","):
            found = ask_if_allowed(self._connection, "GET", target("_resolve", "index", part))
            if found is not None:
                made.update(index for stream in found["data_streams"] for index in stream["backing_indices"])
                made.update(index["name"] for index in found["indices"])
        return tuple(sorted(made))


def _is_lower_zero(key: object) -> bool:
    return isinstance(key, float) and key == 0 and math.copysign(1, key) < 0
