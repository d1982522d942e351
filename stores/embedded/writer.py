"""The writer of one group: appends events and results to its tail, each event once."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from mlmon.core import schema
from mlmon.core.clock import Clock, to_ns, to_text
from mlmon.core.errors import StoreError
from mlmon.core.event import Document, Event
from mlmon.core.schema import Dataset
from mlmon.core.store import Written
from mlmon.stores.embedded import layout, locks, recall, tail
from mlmon.stores.embedded.engine import Engine
from mlmon.stores.embedded.layout import Group
from mlmon.stores.embedded.seen import Seen
from mlmon.stores.embedded.tail import Tail
from mlmon.stores.embedded.upkeep import Upkeep

ROLL_ROWS: Final = 65_536
ROLL_BYTES: Final = 64 << 20
ROLL_AGE_S: Final = 60.0
ROLL_PAUSE_S: Final = 10.0
"""How long after a new tail could not be made none is tried."""
MAX_EVENT_BYTES: Final = 15 << 20
"""A line must fit into one of DuckDB's buffers."""

_log: Final = logging.getLogger("mlmon.store")
_BRACE: Final = ord("{")
_INGESTED_KEY: Final = b'"' + schema.EVENT_INGESTED.encode() + b'"'


class GroupWriter:
    """Holds the lock of a group from its making to its close. For one thread at a time."""

    def __init__(
        self, root: Path, group: Group, engine: Engine, clock: Clock, roll_rows: int = ROLL_ROWS
    ) -> None:
        """Take the lock, repair what a crash left, and recall the stored ids.

        Raises:
            StoreLockedError: another process writes to the group.

        """
        self._root, self._group, self._engine, self._clock = root, group, engine, clock
        self._roll_rows = roll_rows
        self._tail: Tail | None = None
        self._rows = 0
        self._born = 0.0
        self._next_try = 0.0
        self._ingested_us = 0
        self._seen = Seen()
        self._lock = locks.acquire(root, group)
        try:
            self.upkeep = Upkeep(root, group, engine.memory_limit)
            self.torn_bytes = self._recover()
        except BaseException:
            locks.release(self._lock)
            raise

    def _recover(self) -> int:
        """Cut torn ends off, remove what was never listed, recall ids; return how many bytes were torn."""
        listed = self.upkeep.manifest
        live = {it.file for it in listed.segments} | {it.file for it in listed.retired}
        for dataset in Dataset:
            if layout.group_of(dataset) is self._group:
                for path in (self._root / "segments" / str(dataset)).glob("*.*"):
                    if path.with_suffix(".parquet").relative_to(self._root).as_posix() not in live:
                        path.unlink()
        for path in (self._root / "new").glob(f"{self._group}-*"):
            path.unlink()
        with self._engine.cursor() as cursor:
            recall.from_segments(cursor, self._root, listed, self._seen)
        self._ingested_us = max((it.last_ingested for it in listed.segments), default=0)
        return sum(self._recover_tail(number) for number in listed.tails)

    def _recover_tail(self, number: int) -> int:
        path = layout.tail_path(self._root, self._group, number)
        torn = tail.repair(path)
        Tail(path).close()  # sets the durable length anew
        last = recall.from_lines(path.read_bytes().splitlines(), self._seen)
        if last:
            self._ingested_us = max(self._ingested_us, to_ns(datetime.fromisoformat(last)) // 1000)
        return torn

    def write(self, events: Sequence[Event]) -> Written:
        """Append the events that are new, durably.

        Raises:
            StoreError, StoreFullError: nothing of the batch was kept.

        """
        new, ids = self._seen.fresh(events)
        if new:
            self._append(_bare(new))
            self._seen.update(ids)
            self._roll_where_due()
        return Written(
            stored=len(new), duplicates=len(events) - len(new), repeated=tuple(_left_out(events, new))
        )

    def put(self, documents: Sequence[Document]) -> None:
        """Append results; the last of an id is the one that counts.

        Raises:
            StoreError, StoreFullError: nothing of the batch was kept.

        """
        last = {document[schema.EVENT_ID]: document for document in documents}
        if last:
            self._append([msgspec.json.encode(document)[1:] for document in last.values()])
            self._roll_where_due()

    def _append(self, bodies: list[bytes]) -> None:
        """Write one line a body; a body is a JSON object without its opening brace. The list is used up."""
        count = len(bodies)
        ingested_us = max(self._clock() // 1000, self._ingested_us + 1)
        head = b'{"%s":"%s",' % (schema.EVENT_INGESTED.encode(), to_text(ingested_us * 1000).encode())
        bodies[0] = head + bodies[0]
        bodies[-1] += b"\n"
        with layout.disk_errors(f"Writing {count} documents to the store {self._root}"):
            if self._tail is None:
                self._tail = self.upkeep.new_tail()
                self._rows, self._born = 0, time.monotonic()
            self._tail.append((b"\n" + head).join(bodies))
        self._ingested_us = ingested_us
        self._rows += count

    def _roll_where_due(self) -> None:
        """Roll a tail that is large or old enough; where that fails it grows on and no write fails."""
        now = time.monotonic()
        if self._tail is None or now < self._next_try:
            return
        due = self._rows >= self._roll_rows or self._tail.size >= ROLL_BYTES
        if due or now - self._born >= ROLL_AGE_S:
            try:
                self.roll()
            except StoreError as error:
                if not self._next_try:
                    _log.warning("%s Writing goes on in the old one; it is tried again.", error)
                self._next_try = now + ROLL_PAUSE_S

    def roll(self) -> None:
        """Let the tail become segments, in the background; writing goes on in a new one.

        Raises:
            StoreError, StoreFullError: no new tail could be made; the old one is as it was.

        """
        if self._tail is not None and self._rows:
            with layout.disk_errors(f"Making a new tail in the store {self._root}"):
                following = self.upkeep.new_tail()
            self._tail.close()
            self._tail = following
            self._rows, self._born, self._next_try = 0, time.monotonic(), 0.0

    def close(self) -> None:
        """Roll what is left, finish, and free the lock; a second call does no harm."""
        if self._lock < 0:
            return
        try:
            self.roll()
        finally:
            if self._tail is not None:
                self._tail.close()
            self.upkeep.close()
            locks.release(self._lock)
            self._lock = -1


def _left_out(events: Sequence[Event], kept: Sequence[Event]) -> Iterator[int]:
    """The places of the events that are not among those kept, which come in the same order."""
    if len(events) == len(kept):
        return
    following = iter(kept)
    expected = next(following, None)
    for place, event in enumerate(events):
        if event is expected:
            expected = next(following, None)
        else:
            yield place


def _bare(events: Sequence[Event]) -> list[bytes]:
    """The bodies of events without their opening braces, and without times of ingestion of their own."""
    bodies = [event.body for event in events]
    if max(map(len, bodies)) > MAX_EVENT_BYTES:
        raise _too_large(next(event for event in events if len(event.body) > MAX_EVENT_BYTES))
    # Nearly always nothing is to be mended, and one look at all of them is cheaper than one at each.
    if _INGESTED_KEY in b"".join(bodies) or not all([body[0] == _BRACE for body in bodies]):  # noqa: C419 - faster
        bodies = [_mended(body) for body in bodies]
    return [body[1:] for body in bodies]


def _too_large(event: Event) -> StoreError:
    return StoreError(
        f"The event {event.id} has {len(event.body)} bytes, and a store takes at most {MAX_EVENT_BYTES}. "
        "Leave it out of the batch."
    )


def _mended(body: bytes) -> bytes:
    if _INGESTED_KEY in body:
        document = msgspec.json.decode(body)
        document.pop(schema.EVENT_INGESTED, None)
        body = msgspec.json.encode(document)
    return body.lstrip()
