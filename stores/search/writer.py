"""The writer of a cluster: events go to data streams, results to the index of their month."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

from mlmon.core import clock as clocks
from mlmon.core.clock import Clock
from mlmon.core.errors import StoreError, UsageError
from mlmon.core.event import Event
from mlmon.core.result import Result, dataset_of, identity, to_document
from mlmon.core.schema import Dataset
from mlmon.core.store import Refused, Written
from mlmon.stores.search import lines as ndjson
from mlmon.stores.search import names, stamping, verdicts
from mlmon.stores.search.bulk import CREATE, PATIENCE_S, Bulk, Target
from mlmon.stores.search.connection import Connection
from mlmon.stores.search.earlier import Earlier
from mlmon.stores.search.lines import Line

_NO_TEMPLATE: Final = "no matching index template"
BAD_NAMESPACE: Final = "bad_namespace"
"""The reason of an event whose namespace cannot be part of an index's name."""


class ClusterWriter:
    """Writes events and results. For one thread at a time; any number of writers on a cluster is fine."""

    def __init__(
        self,
        connection: Connection,
        *,
        engine: str,
        namespace: str = names.DEFAULT,
        stream_per_model: bool = False,
        clock: Clock = clocks.system,
        patience_s: float = PATIENCE_S,
    ) -> None:
        """Nothing is sent yet.

        Raises:
            UsageError: the namespace cannot be part of an index's name.

        """
        self._namespace = names.checked(namespace)
        self._stream_per_model = stream_per_model
        self._bulk = Bulk(connection, before=Earlier(connection).ids, clock=clock, patience_s=patience_s)
        self._connection = connection
        # Without a template a stream would silently become an index with guessed types.
        self._can_require = engine == "elasticsearch"
        self._query = stamping.UNSTAMPED + ("&require_data_stream=true" if self._can_require else "")
        self._known: set[str] = set()

    def write(self, events: Sequence[Event]) -> Written:
        """Append events; see `mlmon.core.store.Writer`.

        Those that the cluster refuses are named in what this returns, and the others are stored.

        Raises:
            StoreError: the cluster did not take them; writing them again is safe.
            StoreUnreachableError: it did not answer.

        """
        targets, refused = self._by_stream(events)
        stored = 0
        repeated: list[int] = []
        for stream, lines in targets.items():
            if not self._can_require and stream not in self._known:
                self._make(stream)
            target = Target(index=stream, operation=CREATE, query=self._query)
            done = self._bulk.deliver(target, lines)
            stored += done.stored
            repeated += done.repeated
            refused += done.refused
        return Written(
            stored=stored,
            duplicates=len(repeated),
            repeated=tuple(sorted(repeated)),
            refused=tuple(sorted(refused, key=lambda each: each.place)),
        )

    def _make(self, stream: str) -> None:
        """Make a data stream where it is not there, on an engine that would make an index of it by itself.

        Raises:
            StoreError: there is no template for it.

        """
        response = self._connection.send("PUT", f"/_data_stream/{quote(stream)}")
        why = "" if response.is_well else verdicts.whole(response.body)
        if _NO_TEMPLATE in why:
            raise StoreError(
                f"The cluster {self._connection.url} has no place for {stream}: {why}. "
                "Make it with: mlmon setup"
            )
        self._known.add(stream)  # a refusal of any other kind is told by the write itself

    def _by_stream(self, events: Sequence[Event]) -> tuple[dict[str, list[Line]], list[Refused]]:
        groups: dict[tuple[Dataset, str, str | None], list[Line]] = {}
        last, lines = None, list[Line]()
        for place, event in enumerate(events):
            model = event.model if self._stream_per_model else None
            key = (event.dataset, event.namespace or self._namespace, model)
            if key != last:  # neighbours mostly go to one stream, and to compare is cheaper than to look up
                last, lines = key, groups.setdefault(key, [])
            lines.append(ndjson.of_event(place, event))
        targets: dict[str, list[Line]] = {}
        refused: list[Refused] = []
        for (dataset, namespace, model), lines in groups.items():
            try:
                targets[names.stream(dataset, names.checked(namespace), model)] = lines
            except UsageError as error:
                refused += [
                    Refused(place=line.place, reason=BAD_NAMESPACE, detail=str(error)) for line in lines
                ]
        return targets, refused

    def put(self, results: Sequence[Result]) -> None:
        """Store results; the last of an identity replaces the others.

        Raises:
            StoreError: as for `write`; also where the cluster refuses one of them.

        """
        last = {identity(result): result for result in results}
        targets: dict[str, list[Line]] = {}
        for place, result in enumerate(last.values()):
            index = names.month_index(dataset_of(result), self._namespace, result.window.start)
            targets.setdefault(index, []).append(ndjson.of_document(place, to_document(result)))
        for index, lines in targets.items():
            done = self._bulk.deliver(Target(index=index, operation="index"), lines)
            if done.refused:
                first = done.refused[0]
                raise StoreError(
                    f"The cluster refused {len(done.refused)} results for {index}, the first because: "
                    f"{first.detail}. Renew its templates with: mlmon setup"
                )

    def close(self) -> None:
        """Free the threads; a second call does no harm."""
        self._bulk.close()
