"""What Logstash's pipelines refused, as dead letters: documents of a stream in the cluster.

A letter leaves the stream when its event is stored, or when it is dropped. So a replay that is ended half-way
and run again stores nothing twice: its event has the same id in every replay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Protocol

from msgspec import structs

from mlmon.core import schema
from mlmon.core.clock import isoformat
from mlmon.core.errors import InvalidEventError
from mlmon.core.event import Document, Event, flatten
from mlmon.pipelines import discards, rewrite
from mlmon.pipelines.deadletter import DeadLetter, Head, disk_errors
from mlmon.pipelines.logstash.rules import ORIGINAL
from mlmon.pipelines.origin import origin_of
from mlmon.pipelines.pipeline import Sink
from mlmon.pipelines.replay import Replayed, event_of
from mlmon.pipelines.rewrite import Selection
from mlmon.pipelines.tally import of_dropped

SOURCE: Final = "logstash"


class Kept(Protocol):
    """A document as the cluster has it."""

    @property
    def source(self) -> Document:
        """What was written."""


class Stream(Protocol):
    """The stream of dead letters; see `mlmon.stores.search.letters.Stream`."""

    def read(self) -> Iterator[Sequence[Kept]]:
        """All documents, oldest first."""

    def remove(self, gone: Sequence[Any]) -> None:
        """Delete documents for good."""


class Shelf:
    """The letters of a stream; what is dropped is remembered in a folder, beside what a collector's lost."""

    def __init__(self, stream: Stream, folder: Path) -> None:
        """Nothing is read yet; the folder need not be there."""
        self._stream, self._folder = stream, folder

    def heads(self) -> Iterator[Head]:
        """See `mlmon.pipelines.letters.Shelf`."""
        for letter in self.read():
            yield Head(**{name: getattr(letter, name) for name in Head.__struct_fields__})

    def read(self) -> Iterator[DeadLetter]:
        """See `mlmon.pipelines.letters.Shelf`."""
        for page in self._stream.read():
            yield from (letter_of(kept.source) for kept in page)

    def dropped(self) -> dict[str, int]:
        """Nothing: the folder, which remembers it, tells of it."""
        return {}

    def replay(
        self,
        selection: Selection,
        validator: Callable[[bytes], Event],
        sink: Sink,
        *,
        advance: Callable[[int], None],
    ) -> Replayed:
        """Send the letters selected to a store; what is refused again stays as it is.

        Raises:
            StoreError, WireError: a cluster or the store did not do its part; what was not done stays.

        """
        done = Replayed()
        for page in self._stream.read():
            chosen = _chosen(page, selection)
            done = done.plus(self._send(chosen, validator, sink))
            advance(len(chosen))
        return done

    def _send(
        self, chosen: Sequence[tuple[Kept, DeadLetter]], validator: Callable[[bytes], Event], sink: Sink
    ) -> Replayed:
        done = Replayed()
        sent: list[Kept] = []
        events: list[Event] = []
        for kept, letter in chosen:
            try:
                events.append(event_of(letter, validator))
            except InvalidEventError as error:
                done.refused[error.reason] += 1
            else:
                sent.append(kept)
        if not events:
            return done
        written = sink.write(events)
        done.refused.update(refused.reason for refused in written.refused)
        done.stored, done.duplicates = written.stored, written.duplicates
        done.refused_there = len(events) - written.stored - written.duplicates - len(written.refused)
        stay = {refused.place for refused in written.refused}
        self._stream.remove([kept for place, kept in enumerate(sent) if place not in stay])
        return done

    def drop(self, selection: Selection, *, advance: Callable[[int], None]) -> int:
        """Remove the letters selected, and remember whose events they were; return how many.

        Raises:
            StoreError: the cluster did not remove them, or the folder cannot be written.

        """
        total = 0
        with disk_errors(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
        with rewrite.upkeep(self._folder):
            for page in self._stream.read():
                chosen = _chosen(page, selection)
                gone = of_dropped((letter for _, letter in chosen), pending="")
                discards.save(self._folder, discards.added(discards.load(self._folder), gone))
                self._stream.remove([kept for kept, _ in chosen])
                advance(len(chosen))
                total += len(chosen)
        return total


def _chosen(page: Sequence[Kept], selection: Selection) -> list[tuple[Kept, DeadLetter]]:
    return [(kept, letter) for kept in page if (letter := letter_of(kept.source)) in selection]


def letter_of(source: Document) -> DeadLetter:
    """The letter that a document of the stream is.

    >>> letter_of({"@timestamp": "2013-03-01T10:00:00Z", "error": {"type": "not_json"}}).reason
    'not_json'
    """
    document = flatten(source)
    body = str(document.get(ORIGINAL, ""))
    return DeadLetter(
        id=str(document.get(schema.EVENT_ID, "")),
        at=isoformat(datetime.fromisoformat(document[schema.TIMESTAMP])),
        reason=str(document.get(schema.ERROR_TYPE, "")),
        detail=str(document.get(schema.ERROR_MESSAGE, "")),
        source=SOURCE,
        body=body,
        **structs.asdict(origin_of(body.encode())),
    )
