"""Which events are in a data stream already, in an index before the one that it writes to now.

A cluster refuses an id twice within one index only, and a stream begins a new index now and then. An event
that is sent again after that would be stored a second time. But whatever is in an index before is older than
the index now: so only events from before its beginning are asked for, and mostly there are none.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from msgspec import Struct

from mlmon.core import schema
from mlmon.core.errors import StoreUnreachableError
from mlmon.core.event import Event
from mlmon.stores.search import asking, filters
from mlmon.stores.search.asking import ABSENT_IS_EMPTY
from mlmon.stores.search.compile import Body
from mlmon.stores.search.connection import ANSWER_S, Connection

CLOCKS: Final = timedelta(minutes=5)
"""A producer's clock may be so much ahead of the cluster's."""
LEAST_S: Final = 1.0
"""So long what is known of a stream is believed, where nothing speaks against it."""
SHARE: Final = 0.01
"""Looking at a stream takes no more of the time than this."""
_MILLISECOND: Final = timedelta(milliseconds=1)
_CREATED: Final = "index.creation_date"
_MOST_FOUND: Final = 10_000
_NUMBER: Final = re.compile(r"-(\d+)$")
_FORBIDDEN: Final = 403
_TOO_MUCH: Final = frozenset({429})
"""To a search an index whose shards are lost answers 503, for days perhaps; that is not waited for."""


class Generation(Struct, frozen=True, kw_only=True):
    """One of the indices of a stream: its name, and when it began by the cluster's clock."""

    index: str
    began: datetime


class _Known(Struct, kw_only=True):
    """What was seen of a stream, until when it is believed, and the ids that were asked for since.

    `since_s` is when its last index was seen first. Moments are those of a clock that only goes forward.
    """

    generations: Sequence[Generation]
    since_s: float
    until_s: float
    ids: set[str]


class Earlier:
    """Knows the indices of the streams that are written to. Safe for several threads."""

    def __init__(self, connection: Connection) -> None:
        """Nothing is asked yet."""
        self._connection = connection
        self._lock = threading.Lock()
        self._known: dict[str, _Known] = {}
        self._may_ask = True

    def ids(self, stream: str, events: Sequence[Event], *, is_again: bool = False) -> Collection[str]:
        """The ids of events that an earlier index of the stream has; `is_again` says they were sent before.

        None where this user may not read. What a lost shard had is not known, and is written anew.

        Raises:
            StoreUnreachableError: the cluster did not answer, or has too much to do.

        """
        if not self._may_ask:
            return ()
        known = self._of(stream, events, is_again=is_again)
        suspects = _older(events, known.generations)
        return self._found(known, suspects) if suspects else ()

    def _of(self, stream: str, events: Sequence[Event], *, is_again: bool) -> _Known:
        """What is known of a stream; looked at anew where an id comes a second time."""
        ids = [event.id for event in events]
        with self._lock:
            known = self._known.get(stream)
            if known is None or is_again or time.monotonic() >= known.until_s or _has_any(known.ids, ids):
                known = self._known[stream] = self._look(stream, known)
                known.ids.update(ids)
            return known

    def _look(self, stream: str, before: _Known | None) -> _Known:
        """The indices of a stream, oldest first."""
        began_s = time.monotonic()
        path = asking.target(stream, "_settings", _CREATED, flat_settings="true", **ABSENT_IS_EMPTY)
        told = self._answer("GET", path, wait_for=asking.BUSY)
        made = {name: int(of["settings"][_CREATED]) for name, of in told.items() if of.get("settings")}
        generations = [
            Generation(index=name, began=filters.EARLIEST + made[name] * _MILLISECOND)
            for name in sorted(made, key=_number)
        ]
        now_s = time.monotonic()
        is_same = before is not None and before.generations[-1:] == generations[-1:]
        return _Known(
            generations=generations,
            since_s=before.since_s if before is not None and is_same else began_s,
            until_s=now_s + max(LEAST_S, (now_s - began_s) / SHARE),
            ids=set(),
        )

    def _found(self, known: _Known, suspects: Sequence[Event]) -> Collection[str]:
        """The ids of those that are in an index but the last, of what was written to in their time."""
        times = [event.timestamp for event in suspects]
        first, last = min(times), max(times)
        indices = ",".join(
            before.index for before, after in pairwise(known.generations) if first < after.began + CLOCKS
        )
        if time.monotonic() < known.since_s + ANSWER_S:
            # What came last to an index may not be visible yet; who may not refresh misses some seconds.
            asking.send(self._connection, "POST", asking.target(indices, "_refresh", **ABSENT_IS_EMPTY))
        path = asking.target(
            indices, "_search", filter_path="hits.hits._id", pre_filter_shard_size="1", **ABSENT_IS_EMPTY
        )
        time_ = filters.during(schema.TIMESTAMP, first - _MILLISECOND, last + _MILLISECOND)
        body = _body([event.id for event in suspects], time_)
        found = self._answer("POST", path, body, wait_for=_TOO_MUCH)
        return {hit["_id"] for hit in found.get("hits", {}).get("hits", ())}

    def _answer(self, method: str, path: str, body: Body | None = None, *, wait_for: Collection[int]) -> Body:
        """What the cluster says; nothing where it refuses, since the write itself will hear why.

        Raises:
            StoreUnreachableError: it said one of the statuses that pass.

        """
        answer = asking.send(self._connection, method, path, body)
        if answer.status in wait_for:
            raise StoreUnreachableError(
                f"The cluster {self._connection.url} cannot say what it has (status {answer.status}). "
                "Nothing is lost; see what it lacks with: mlmon doctor"
            )
        if answer.status == _FORBIDDEN:
            self._may_ask = False
        told: Body = answer.json() if answer.is_well else {}
        return told


def _has_any(known: set[str], ids: list[str]) -> bool:
    """Add ids to those that are known; whether any was there, or comes twice."""
    expected = len(known) + len(ids)
    known.update(ids)
    return len(known) < expected


def _older(events: Sequence[Event], generations: Sequence[Generation]) -> list[Event]:
    """The events that are older than the index that is written to; none where there is none before it."""
    if len(generations) <= 1:
        return []
    first, end = filters.EARLIEST, generations[-1].began + CLOCKS
    return [event for event in events if first < event.timestamp < end]


def _body(ids: list[str], time_: filters.Clause) -> Body:
    """The search for ids. An event has one time whenever it is sent, so most indices need not be opened."""
    query = {"bool": {"filter": [{"ids": {"values": ids}}, time_]}}
    return {"size": _MOST_FOUND, "_source": False, "track_total_hits": False, "query": query}


def _number(index: str) -> tuple[int, str]:
    """The place of an index in its stream, also where lifecycle has put words before its name."""
    found = _NUMBER.search(index)
    return (int(found[1]) if found else 0, index)
