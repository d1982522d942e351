"""Dead letters, wherever they lie, as someone meets them who works with them."""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, Protocol

from mlmon.core.clock import isoformat
from mlmon.core.errors import UsageError, nearest
from mlmon.core.event import Event
from mlmon.core.window import Window
from mlmon.pipelines import deadletter, discards, drop, replay, tally, validate
from mlmon.pipelines.deadletter import DeadLetter, Head
from mlmon.pipelines.pipeline import Sink
from mlmon.pipelines.replay import Replayed
from mlmon.pipelines.rewrite import Selection
from mlmon.pipelines.tally import Group

_OF_A_FILE: Final = "Mend the row and load the file again: mlmon outcomes load FILE. Then drop the letter."
ADVICE: Final = {
    validate.NOT_JSON: "Mend the sender: a line is one whole JSON object. "
    "What was cut off cannot be mended here; drop it.",
    validate.NOT_UTF8: "Mend the encoding of the sender and let it send again. Then drop the letter.",
    validate.NOT_VALID: "Mend the field in the sender that the detail names. "
    "If a newer mlmon knows it, replay.",
    validate.TOO_DEEP: "Let the sender send flat documents. Then drop the letter.",
    validate.TOO_LARGE: "Send less, or raise collector.max_event_bytes and replay. "
    "Over tcp and Beats only the first bytes are kept: let the sender send those again.",
    validate.IN_THE_FUTURE: "Set the clock of the sender's host. Replay when that time has come.",
    "not_indexed": "The cluster refused what Logstash sent; the detail says why. Mend that, then replay.",
    "filter_failed": "Logstash's filter failed at it, which is a fault of mlmon: report it. Then replay.",
    "no_id": _OF_A_FILE,
    "no_outcome": _OF_A_FILE,
}
"""What to do about a reason."""


class Shelf(Protocol):
    """A place where letters lie: a collector's folder, or the stream of a cluster that Logstash writes to."""

    def heads(self) -> Iterator[Head]:
        """Every letter without its record, oldest first."""

    def read(self) -> Iterator[DeadLetter]:
        """Every letter, oldest first."""

    def dropped(self) -> dict[str, int]:
        """How many were dropped so far, by reason."""

    def replay(
        self,
        selection: Selection,
        validator: Callable[[bytes], Event],
        sink: Sink,
        *,
        advance: Callable[[int], None],
    ) -> Replayed:
        """Send the letters that are meant to a store; what is refused again stays."""

    def drop(self, selection: Selection, *, advance: Callable[[int], None]) -> int:
        """Remove the letters that are meant for good; return how many."""


class Folder:
    """The letters of a collector; see `mlmon.pipelines.deadletter`."""

    def __init__(self, path: Path) -> None:
        """The folder need not be there."""
        self._path = path

    def heads(self) -> Iterator[Head]:
        """See `Shelf`."""
        return deadletter.heads(self._path)

    def read(self) -> Iterator[DeadLetter]:
        """See `Shelf`."""
        return deadletter.read(self._path)

    def dropped(self) -> dict[str, int]:
        """See `Shelf`."""
        return discards.load(self._path).reasons

    def replay(
        self,
        selection: Selection,
        validator: Callable[[bytes], Event],
        sink: Sink,
        *,
        advance: Callable[[int], None],
    ) -> Replayed:
        """See `mlmon.pipelines.replay.replay`."""
        return replay.replay(self._path, selection, validator, sink, advance=advance)

    def drop(self, selection: Selection, *, advance: Callable[[int], None]) -> int:
        """See `mlmon.pipelines.drop.drop`."""
        return drop.drop(self._path, selection, advance=advance)


class Letters:
    """The letters of all places. Reading needs no lock; a replay or drop runs beside whoever adds letters."""

    def __init__(self, *shelves: Shelf, unseen: str = "") -> None:
        """Nothing is read yet. `unseen` says which letters are not among these, and why."""
        self._shelves, self.unseen = shelves, unseen

    @staticmethod
    def advice(reason: str) -> str:
        """What a reason means and what to do about it.

        >>> Letters.advice("not_utf8")
        'The line is not UTF-8. Mend the encoding of the sender and let it send again. Then drop the letter.'
        """
        what = ADVICE.get(reason, "Mend what the detail names. Then replay, or drop the letter.")
        return f"{validate.REASONS[reason]} {what}" if reason in validate.REASONS else what

    def selection(self, *, reason: str | None = None, span: Window | None = None) -> Selection:
        """Which letters are meant: of a reason, and refused within a time.

        Raises:
            UsageError: a reason that no letter has.

        """
        there = self.by_reason(Selection()) if reason is not None else {}
        if there and reason not in there:
            raise UsageError(
                f"No letter has the reason '{reason}'. There are: {', '.join(sorted(there))}."
                f"{nearest(str(reason), there)}"
            )
        if span is None:
            return Selection(reason=reason)
        return Selection(reason=reason, since=isoformat(span.start), until=isoformat(span.end))

    def by_reason(self, selection: Selection) -> Counter[str]:
        """How many letters are meant, by reason."""
        return Counter(head.reason for head in self._heads() if head in selection)

    def groups(self, selection: Selection) -> list[Group]:
        """The letters that are meant, by what was wrong; the largest group first."""
        return tally.groups(head for head in self._heads() if head in selection)

    def read(self, selection: Selection) -> Iterator[DeadLetter]:
        """The letters that are meant, oldest first."""
        found = heapq.merge(*(shelf.read() for shelf in self._shelves), key=lambda letter: letter.at)
        return (letter for letter in found if letter in selection)

    def dropped(self) -> Counter[str]:
        """How many were dropped so far, by reason."""
        return sum((Counter(shelf.dropped()) for shelf in self._shelves), Counter())

    def replay(
        self,
        selection: Selection,
        validator: Callable[[bytes], Event],
        sink: Sink,
        advance: Callable[[int], None],
    ) -> Replayed:
        """Send the letters that are meant to a store, place by place; what is refused again stays."""
        done = Replayed()
        for shelf in self._shelves:
            done = done.plus(shelf.replay(selection, validator, sink, advance=advance))
        return done

    def drop(self, selection: Selection, advance: Callable[[int], None]) -> int:
        """Remove the letters that are meant for good; return how many."""
        return sum(shelf.drop(selection, advance=advance) for shelf in self._shelves)

    def _heads(self) -> Iterator[Head]:
        return itertools.chain.from_iterable(shelf.heads() for shelf in self._shelves)
