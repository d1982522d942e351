"""Sending dead letters through validation again, after what was wrong has been mended.

A letter leaves the folder when its event is durable. Its event has the same id in every replay, so that one
that is killed half-way and run again stores nothing twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final

import msgspec
from msgspec import Struct, structs

from mlmon.core import schema
from mlmon.core.errors import InvalidEventError
from mlmon.core.event import Event, decode, encode
from mlmon.pipelines import rewrite
from mlmon.pipelines.deadletter import LOADED, DeadLetter, line_of
from mlmon.pipelines.pipeline import Sink
from mlmon.pipelines.rewrite import Selection
from mlmon.pipelines.scope import scoped

_MOST_EVENTS: Final = 5_000
_MOST_BYTES: Final = 4 << 20


class Replayed(Struct, kw_only=True):
    """What became of the letters selected.

    `refused_there` were refused by the collector that they were sent through, which keeps new letters of
    them. `of_files` were left: rows of a file, which no wire brought.
    """

    stored: int = 0
    duplicates: int = 0
    refused_there: int = 0
    refused: Counter[str] = msgspec.field(default_factory=Counter)
    of_files: int = 0

    def plus(self, other: Replayed) -> Replayed:
        """Both together."""
        return Replayed(
            stored=self.stored + other.stored,
            duplicates=self.duplicates + other.duplicates,
            refused_there=self.refused_there + other.refused_there,
            refused=self.refused + other.refused,
            of_files=self.of_files + other.of_files,
        )


def replay(
    path: Path,
    selection: Selection,
    validate: Callable[[bytes], Event],
    sink: Sink,
    *,
    advance: Callable[[int], None] = lambda _: None,
) -> Replayed:
    """Send the letters selected to a store; what is refused again stays, with the reason it has now.

    Raises:
        StoreLockedError: another process replays or drops.
        StoreError, WireError: the folder or the store cannot be written; what was not done stays.

    """
    run = _Run(selection, validate, sink, advance)
    with rewrite.upkeep(path) as sealed:
        for file in sealed:
            if rewrite.holds(file, selection):
                with rewrite.anew(file) as kept:
                    run.file(file, kept)
                rewrite.commit(file)
    return run.done


class _Run:
    """One replay: what it has done so far, and the events that wait to be sent together."""

    def __init__(
        self,
        selection: Selection,
        validate: Callable[[bytes], Event],
        sink: Sink,
        advance: Callable[[int], None],
    ) -> None:
        self._selection, self._validate, self._sink, self._advance = selection, validate, sink, advance
        self._events: list[Event] = []
        self._letters: list[DeadLetter] = []
        self._size = 0
        self.done = Replayed()

    def file(self, file: Path, kept: BinaryIO) -> None:
        """Send the letters of a file; those that stay are written to `kept`."""
        for line, letter in rewrite.letters(file):
            if letter is None or letter not in self._selection:
                kept.write(line)
            elif letter.source == LOADED:
                self.done.of_files += 1
                self._advance(1)
                kept.write(line)
            else:
                self._take(letter, kept)
        self._send(kept)

    def _take(self, letter: DeadLetter, kept: BinaryIO) -> None:
        try:
            event = event_of(letter, self._validate)
        except InvalidEventError as error:
            self._keep(letter, error.reason, str(error), kept)
            self._advance(1)
            return
        self._events.append(event)
        self._letters.append(letter)
        self._size += len(event.body)
        if self._size >= _MOST_BYTES or len(self._events) >= _MOST_EVENTS:
            self._send(kept)

    def _send(self, kept: BinaryIO) -> None:
        if not self._events:
            return
        written = self._sink.write(self._events)
        for refused in written.refused:
            self._keep(self._letters[refused.place], refused.reason, refused.detail, kept)
        done, all_of_them = self.done, len(self._events)
        done.stored += written.stored
        done.duplicates += written.duplicates
        done.refused_there += all_of_them - written.stored - written.duplicates - len(written.refused)
        self._advance(all_of_them)
        self._events, self._letters, self._size = [], [], 0

    def _keep(self, letter: DeadLetter, reason: str, detail: str, kept: BinaryIO) -> None:
        self.done.refused[reason] += 1
        kept.write(line_of(structs.replace(letter, reason=reason, detail=detail)))


def event_of(letter: DeadLetter, validate: Callable[[bytes], Event]) -> Event:
    """The event of a letter; one whose record has no id gets the letter's own.

    Raises:
        InvalidEventError: it is still none.

    """
    record = letter.record
    event = validate(record)
    if letter.namespace is not None:
        event = scoped(event, letter.namespace)
    if event.id == letter.event_id or event.id.encode() in record:
        return event
    document = decode(event) | {schema.EVENT_ID: f"letter-{letter.name}"}
    if event.producer is not None and event.producer.encode() not in record:
        del document[schema.PRODUCER_ID]
        document.pop(schema.EVENT_SEQUENCE, None)
    return encode(document)
