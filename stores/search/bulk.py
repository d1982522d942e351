"""Writing to a cluster in bulk: few large requests, two in flight, and an answer for each document.

A document that is there already is a duplicate. What the cluster has no room for now is sent again, later and
less at once. What it refuses is sent once more with its troublesome members unindexed, and if that does not
help it is reported with the cluster's reason, while its neighbours go on.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Protocol
from urllib.parse import quote

from msgspec import Struct, field
from msgspec.structs import replace

from mlmon.core import clock as clocks
from mlmon.core.clock import Clock
from mlmon.core.errors import StoreError, StoreUnreachableError
from mlmon.core.event import Event
from mlmon.core.store import Refused
from mlmon.stores.search import lines as ndjson
from mlmon.stores.search import set_aside, verdicts
from mlmon.stores.search.connection import NDJSON, Connection, Response
from mlmon.stores.search.lines import Lines
from mlmon.stores.search.verdicts import Item, Verdict

IN_FLIGHT: Final = 2
MOST_EVENTS: Final = 4_000
MOST_BYTES: Final = 5 << 20
"""Of one request; larger ones gain nothing and hold much memory at both ends."""
CREATE: Final = "create"
"""The operation that leaves a document which is there as it is."""
LEAST_EVENTS: Final = 100
"""A batch is not cut smaller to fill the second request, nor shrunk further when the cluster pushes back."""
PATIENCE_S: Final = 60.0
_FIRST_PAUSE_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 5.0
REFUSED: Final = "store_refused"
"""Why such an event is a dead letter."""
_OK: Final = 200
_BAD: Final = 400
_INVALID: Final = "Validation Failed"
"""How a cluster begins to say that one of many documents is formally wrong, and so takes none."""
_NOT_FOUND: Final = 404
_BLOCKED: Final = "cluster_block_exception"
_TOO_LARGE: Final = 413
_SHUT: Final = frozenset({401, 403})
_OVERLOADED: Final = frozenset({429, 500, 502, 503, 504})


class Target(Struct, frozen=True, kw_only=True):
    """Where documents go, and whether one that is there stays (`create`) or gives way (`index`)."""

    index: str
    operation: str
    query: str = ""

    @property
    def path(self) -> str:
        """The endpoint."""
        return f"/{quote(self.index)}/_bulk?filter_path={verdicts.FILTER}{self.query}"


class Before(Protocol):
    """Knows what an index does not: which events the stream that it belongs to has from before."""

    def __call__(self, stream: str, events: Sequence[Event], *, is_again: bool) -> Collection[str]:
        """The ids of those events; `is_again` says that they were sent before and no answer came."""


def _nothing_before(stream: str, events: Sequence[Event], *, is_again: bool) -> Collection[str]:  # noqa: ARG001
    return ()


class Delivered(Struct, kw_only=True):
    """What became of lines: how many are new, and the places of those that were there or were refused."""

    stored: int = 0
    repeated: list[int] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)


class _Trouble(Struct, kw_only=True):
    """What keeps lines waiting: how often in a row, since when, why; whether an answer was ever lost."""

    began: float
    pauses: int = 0
    why: str = ""
    is_unreachable: bool = False
    has_lost_answer: bool = False


class Bulk:
    """Delivers lines to a cluster. `deliver` is for one thread at a time."""

    def __init__(
        self,
        connection: Connection,
        *,
        before: Before = _nothing_before,
        clock: Clock = clocks.system,
        in_flight: int = IN_FLIGHT,
        patience_s: float = PATIENCE_S,
    ) -> None:
        """Nothing is sent yet; `patience_s` is how long lines may wait for a cluster that takes none."""
        self._connection = connection
        self._before = before
        self._clock = clock
        self._in_flight = in_flight
        self._patience_s = patience_s
        self._pool = ThreadPoolExecutor(in_flight, thread_name_prefix="mlmon-bulk")
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._last_us = 0
        self._most = self._ceiling = MOST_EVENTS

    def deliver(self, target: Target, lines: Lines) -> Delivered:
        """Send lines until each is stored, there already, or refused.

        Raises:
            StoreError: the cluster did not take them; sending them again is safe.
            StoreUnreachableError: it did not answer.

        """
        parts = list(_cut(lines, self._in_flight, self._most))
        if len(parts) <= 1:
            results: Iterable[Delivered] = [self._deliver(target, part) for part in parts]
        else:
            results = [
                each.result() for each in [self._pool.submit(self._deliver, target, part) for part in parts]
            ]
        return _together(results)

    def close(self) -> None:
        """Give up what waits, and end the threads; a second call does no harm."""
        self._closing.set()
        self._pool.shutdown()

    def _deliver(self, target: Target, lines: Lines) -> Delivered:
        done = Delivered()
        trouble = _Trouble(began=time.monotonic())
        while lines:
            most = self._most
            now, later = lines.part(0, most), lines.part(most, len(lines))
            again = self._attempt(target, now, done, trouble)
            if len(again) < len(now):
                trouble.began, trouble.pauses = time.monotonic(), 0
            lines = again + later
            if trouble.why and lines:
                self._pause(trouble, len(lines))
        return done

    def _attempt(self, target: Target, lines: Lines, done: Delivered, trouble: _Trouble) -> Lines:
        """Send lines once; give back those to send again, with the reason in `trouble`."""
        trouble.why, trouble.is_unreachable = "", False
        try:
            lines = self._unknown(target, lines, done, trouble)
            return self._sent(target, lines, done, trouble) if lines else Lines()
        except StoreUnreachableError as error:
            trouble.why, trouble.is_unreachable = str(error), True
            return lines

    def _unknown(self, target: Target, lines: Lines, done: Delivered, trouble: _Trouble) -> Lines:
        """The lines that no earlier index of a stream has; the others are done."""
        if target.operation != CREATE:
            return lines
        there = self._before(target.index, lines.events, is_again=trouble.has_lost_answer)
        if not there:
            return lines
        for place, event in lines:
            if event.id in there:
                _is_there(place, done, trouble)
        return lines.but(there)

    def _sent(self, target: Target, lines: Lines, done: Delivered, trouble: _Trouble) -> Lines:
        body = ndjson.payload(lines.events, operation=target.operation, ingested_ns=self._moment())
        try:
            response = self._connection.send("POST", target.path, body, kind=NDJSON)
        except StoreUnreachableError:
            trouble.has_lost_answer = True
            raise
        if response.status == _OK and verdicts.is_fine(response.body):
            done.stored += len(lines)
            self._adapt(len(lines), is_pushed_back=False)
            return Lines()
        if response.status == _OK:
            return self._sort(target, lines, self._items(response, len(lines)), done, trouble)
        why = verdicts.whole(response.body)
        if response.status == _BAD and _INVALID in why:
            return self._searched(target, lines, why, done, trouble)
        return self._refused_whole(lines, response.status, why, done, trouble)

    def _items(self, response: Response, count: int) -> list[Item]:
        try:
            return verdicts.read(response.body, count)
        except ValueError as error:
            raise StoreError(
                f"What answers at {self._connection.url} is no Elasticsearch or OpenSearch: {error}. "
                "Check store.url."
            ) from None

    def _sort(
        self, target: Target, lines: Lines, items: list[Item], done: Delivered, trouble: _Trouble
    ) -> Lines:
        again = list[tuple[int, Event]]()
        for (place, event), item in zip(lines, items, strict=True):
            match item.verdict:
                case Verdict.STORED:
                    done.stored += 1
                case Verdict.THERE:
                    _is_there(place, done, trouble)
                case Verdict.AGAIN:
                    again.append((place, event))
                    trouble.why = _why(item)
                case Verdict.REFUSED:
                    again += _softened(place, event, item, done)
                case Verdict.STUCK:
                    raise self._stuck(target, item)
        self._adapt(len(lines), is_pushed_back=any(item.is_pushed_back for item in items))
        return Lines.of(again)

    def _searched(self, target: Target, lines: Lines, why: str, done: Delivered, trouble: _Trouble) -> Lines:
        """Find by halves the line for which all were refused, such as one of too long an id; refuse it."""
        if len(lines) == 1:
            done.refused.append(Refused(place=lines.places[0], reason=REFUSED, detail=why))
            return Lines()
        middle = len(lines) // 2
        again = self._attempt(target, lines.part(0, middle), done, trouble)
        return again + self._attempt(target, lines.part(middle, len(lines)), done, trouble)

    def _refused_whole(
        self, lines: Lines, status: int, why: str, done: Delivered, trouble: _Trouble
    ) -> Lines:
        if status == _TOO_LARGE and len(lines) == 1:
            detail = f"The cluster takes no event of {len(lines.events[0].body)} bytes: {why}."
            done.refused.append(Refused(place=lines.places[0], reason=REFUSED, detail=detail))
            return Lines()
        if status == _TOO_LARGE:
            self._most = self._ceiling = len(lines) // 2
            return lines
        if status in _OVERLOADED:
            self._adapt(len(lines), is_pushed_back=True)
            trouble.why = f"{status}, {why}"
            return lines
        raise self._shut(status, why)

    def _adapt(self, count: int, *, is_pushed_back: bool) -> None:
        """Half as much at once for a cluster that has too much to do, and slowly more again."""
        if is_pushed_back:
            self._most = max(min(self._most, count) // 2, LEAST_EVENTS)
        else:
            self._most = min(self._most + LEAST_EVENTS, self._ceiling)

    def _pause(self, trouble: _Trouble, count: int) -> None:
        """Wait, longer each time and never as long as another writer does.

        Raises:
            StoreError, StoreUnreachableError: patience is at its end, or the writer is being closed.

        """
        waited_s = time.monotonic() - trouble.began
        if waited_s >= self._patience_s or self._closing.is_set():
            raise self._given_up(trouble, count, waited_s)
        longest_s = min(_FIRST_PAUSE_S * 2**trouble.pauses, _LONGEST_PAUSE_S)
        trouble.pauses += 1
        self._closing.wait(random.uniform(longest_s / 2, longest_s))  # noqa: S311 - spreads writers, hides nothing

    def _given_up(self, trouble: _Trouble, count: int, waited_s: float) -> StoreError:
        if trouble.is_unreachable:
            return StoreUnreachableError(trouble.why)
        return StoreError(
            f"The cluster {self._connection.url} took none of {count} documents for {waited_s:.0f} s: "
            f"{trouble.why}. Nothing is lost; see what it lacks with: mlmon doctor"
        )

    def _stuck(self, target: Target, item: Item) -> StoreError:
        if item.status == _NOT_FOUND:
            return StoreError(
                f"The cluster {self._connection.url} has no place for {target.index}: {_why(item)}. "
                "Make it with: mlmon setup"
            )
        if item.error is not None and item.error.type == _BLOCKED:
            return StoreError(
                f"The index {target.index} takes no writes: {_why(item)}. Lift the block, or free disk space "
                "where that is its reason; nothing is lost, it will be sent again."
            )
        return self._shut(item.status, _why(item))

    def _shut(self, status: int, why: str) -> StoreError:
        if status in _SHUT:
            return StoreError(
                f"The cluster {self._connection.url} does not let this writer in ({status}): {why}. "
                "Check its key or user, and that it has the role of a writer; see docs/elasticsearch.md."
            )
        return StoreError(
            f"The cluster {self._connection.url} refused a bulk request ({status}): {why}. "
            "Find what is wrong with: mlmon doctor"
        )

    def _moment(self) -> int:
        """A time of ingestion in nanoseconds, later by at least a microsecond than the one before."""
        with self._lock:
            self._last_us = max(self._clock() // 1000, self._last_us + 1)
            return self._last_us * 1000


def _is_there(place: int, done: Delivered, trouble: _Trouble) -> None:
    if trouble.has_lost_answer:
        done.stored += 1  # most likely by the request whose answer was lost
    else:
        done.repeated.append(place)


def _softened(place: int, event: Event, item: Item, done: Delivered) -> list[tuple[int, Event]]:
    """The document in a form that may be taken, in a list; none where there is no other form."""
    for soften in (set_aside.hard_names, set_aside.all_members):
        body = soften(event.body)
        if body is not None:
            return [(place, replace(event, body=body))]
    done.refused.append(Refused(place=place, reason=REFUSED, detail=_why(item)))
    return []


def _why(item: Item) -> str:
    return f"status {item.status}" if item.error is None else item.error.text


def _cut(lines: Lines, ways: int, most: int) -> Iterator[Lines]:
    """The lines in parts that fill the requests in flight, and none of which is too large."""
    count = max(min(-(-len(lines) // ways), most), LEAST_EVENTS)
    for first in range(0, len(lines), count):
        part = lines.part(first, first + count)
        if sum([len(event.body) for event in part.events]) <= MOST_BYTES:
            yield part
        else:
            yield from _cut_by_size(part)


def _cut_by_size(lines: Lines) -> Iterator[Lines]:
    first = size = 0
    for last, event in enumerate(lines.events):
        if last > first and size + len(event.body) > MOST_BYTES:
            yield lines.part(first, last)
            first, size = last, 0
        size += len(event.body)
    yield lines.part(first, len(lines))


def _together(results: Iterable[Delivered]) -> Delivered:
    total = Delivered()
    for each in results:
        total.stored += each.stored
        total.repeated += each.repeated
        total.refused += each.refused
    return total
