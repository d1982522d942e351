"""Documents of one data stream that are worked off: read with the place of each, and taken out by it.

They are Logstash's dead letters. A data stream deletes nothing by an id alone, so each is deleted from the
index behind the stream that it is in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
from msgspec import Struct

from mlmon.core import schema
from mlmon.core.errors import StoreError
from mlmon.core.event import Document
from mlmon.core.query import Scan
from mlmon.core.schema import Dataset
from mlmon.stores.search import scan
from mlmon.stores.search.asking import ABSENT_IS_EMPTY, WHOLE, ask_if_allowed, refuse, search, send, target
from mlmon.stores.search.connection import NDJSON, Connection
from mlmon.stores.search.scan import Pit

BATCH: Final = 500
"""Documents in one page; each has a whole line in it."""
_MOST_REASONS: Final = 1_000
_FORBIDDEN: Final = 403
_GONE: Final = frozenset({200, 404})


class Kept(Struct, frozen=True, kw_only=True):
    """A document as the cluster has it, and the index it is in."""

    index: str
    id: str
    source: Document


class Stream:
    """One data stream; one that is not there is empty. Safe for threads."""

    def __init__(self, connection: Connection, pit: Pit, name: str) -> None:
        """Nothing is sent yet."""
        self._connection, self._pit, self.name = connection, pit, name

    def is_open(self) -> bool:
        """Whether this user may look; at what is not there everybody may.

        Raises:
            StoreUnreachableError: the cluster does not answer.

        """
        path = target(self.name, "_search", size="0", **ABSENT_IS_EMPTY)
        return send(self._connection, "GET", path).status != _FORBIDDEN

    def counts(self) -> dict[str, int]:
        """How many documents there are, by `error.type`; what was written a moment ago is in it.

        Raises:
            StoreError: this user may not look.

        """
        self._refresh()
        body = {"size": 0, "aggs": {"by": {"terms": {"field": schema.ERROR_TYPE, "size": _MOST_REASONS}}}}
        path = target(self.name, "_search", **ABSENT_IS_EMPTY, **WHOLE)
        found = search(self._connection, path, body).get("aggregations", {})
        return {each["key"]: each["doc_count"] for each in found.get("by", {}).get("buckets", ())}

    def read(self) -> Iterator[list[Kept]]:
        """All documents as they are now, oldest first.

        Raises:
            StoreError: this user may not look.

        """
        self._refresh()
        asked = Scan(dataset=Dataset.APP, batch_size=BATCH)
        for found in scan.hits(self._connection, self._pit, self.name, asked):
            yield [Kept(index=hit["_index"], id=hit["_id"], source=hit["_source"]) for hit in found]

    def remove(self, gone: Sequence[Kept]) -> None:
        """Delete documents for good; one that is gone already does no harm.

        Raises:
            StoreError: this user may not, or the cluster could not; those left are met by the next reading.

        """
        if not gone:
            return
        lines = [msgspec.json.encode({"delete": {"_index": it.index, "_id": it.id}}) for it in gone]
        answer = self._connection.send("POST", "/_bulk", b"\n".join(lines) + b"\n", kind=NDJSON)
        if not answer.is_well:
            refuse(self._connection, answer)
        failed = [it["delete"] for it in answer.json()["items"] if it["delete"]["status"] not in _GONE]
        if failed:
            raise StoreError(
                f"{self._connection.url} did not delete {len(failed)} of {len(gone)} dead letters of "
                f"{self.name}: {failed[0].get('error', {}).get('reason', failed[0]['status'])}. "
                "The role mlmon_operator allows it; see docs/elasticsearch.md."
            )

    def _refresh(self) -> None:
        ask_if_allowed(self._connection, "POST", target(self.name, "_refresh", **ABSENT_IS_EMPTY))
