"""The writer of a cluster: events go to data streams, results to the index of their month."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Final
from urllib.parse import quote

import msgspec

from mlmon.core import clock as clocks
from mlmon.core.clock import Clock
from mlmon.core.errors import StoreError, UsageError
from mlmon.core.event import Event
from mlmon.core.result import Result, dataset_of, identity, to_document
from mlmon.core.store import Refused, Written
from mlmon.stores.search import names, stamping, verdicts
from mlmon.stores.search.bulk import CREATE, PATIENCE_S, Bulk, Target
from mlmon.stores.search.connection import Connection
from mlmon.stores.search.earlier import Earlier
from mlmon.stores.search.lines import Lines

_encode: Final = msgspec.json.Encoder().encode
_NO_TEMPLATE: Final = "no matching index template"
_STREAM: Final = attrgetter("dataset", "namespace")
_MODEL_TOO: Final = attrgetter("dataset", "namespace", "model")
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

    def _by_stream(self, events: Sequence[Event]) -> tuple[dict[str, Lines], list[Refused]]:
        targets: dict[str, Lines] = {}
        refused: list[Refused] = []
        for event, lines in self._alike(events):
            model = event.model if self._stream_per_model else None
            try:
                namespace = names.checked(event.namespace or self._namespace)
            except UsageError as error:
                why = str(error)
                refused += [Refused(place=at, reason=BAD_NAMESPACE, detail=why) for at in lines.places]
            else:
                stream = names.stream(event.dataset, namespace, model)
                targets[stream] = targets.get(stream, Lines()) + lines
        return targets, refused

    def _alike(self, events: Sequence[Event]) -> Iterator[tuple[Event, Lines]]:
        """The events that go to one stream, with one of them; a few such groups may go to the same."""
        groups: dict[object, tuple[Event, Lines]] = {}
        place = 0
        for key, run in groupby(events, _MODEL_TOO if self._stream_per_model else _STREAM):
            together = list(run)  # neighbours mostly go to one stream, so most is done for many at once
            _, lines = groups.setdefault(key, (together[0], Lines()))
            lines.events += together
            lines.places += range(place, place := place + len(together))
        yield from groups.values()

    def put(self, results: Sequence[Result]) -> None:
        """Store results; the last of an identity replaces the others.

        Raises:
            StoreError: as for `write`; also where the cluster refuses one of them.

        """
        last = {identity(result): result for result in results}
        targets: dict[str, list[Event]] = {}
        for name, result in last.items():
            index = names.month_index(dataset_of(result), self._namespace, result.window.start)
            targets.setdefault(index, []).append(_event(name, result))
        for index, events in targets.items():
            done = self._bulk.deliver(Target(index=index, operation="index"), Lines.of(enumerate(events)))
            if done.refused:
                first = done.refused[0]
                raise StoreError(
                    f"The cluster refused {len(done.refused)} results for {index}, the first because: "
                    f"{first.detail}. Renew its templates with: mlmon setup"
                )

    def close(self) -> None:
        """Free the threads; a second call does no harm."""
        self._bulk.close()


def _event(name: str, result: Result) -> Event:
    """A result in the form in which documents are sent."""
    return Event(
        id=name,
        dataset=dataset_of(result),
        timestamp=result.window.start,
        model=result.model,
        producer=None,
        sequence=None,
        body=_encode(to_document(result)),
    )
