"""The dead letters of one folder, as someone meets them who works with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from mlmon.core.clock import isoformat
from mlmon.core.errors import UsageError, nearest
from mlmon.core.event import Event
from mlmon.core.window import Window
from mlmon.pipelines import deadletter, discards, drop, replay, tally, validate
from mlmon.pipelines.deadletter import DeadLetter
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
    "no_id": _OF_A_FILE,
    "no_outcome": _OF_A_FILE,
}
"""What to do about a reason."""


class Letters:
    """Reading needs no lock; a replay or a drop runs alone, beside whoever adds letters."""

    def __init__(self, path: Path) -> None:
        self.path = path

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
        there = deadletter.by_reason(self.path) if reason is not None else {}
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
        return Counter(head.reason for head in deadletter.heads(self.path) if head in selection)

    def groups(self, selection: Selection) -> list[Group]:
        """The letters that are meant, by what was wrong; the largest group first."""
        return tally.groups(head for head in deadletter.heads(self.path) if head in selection)

    def read(self, selection: Selection) -> Iterator[DeadLetter]:
        """The letters that are meant, oldest first."""
        return (letter for letter in deadletter.read(self.path) if letter in selection)

    def dropped(self) -> dict[str, int]:
        """How many were dropped so far, by reason."""
        return discards.load(self.path).reasons

    def replay(
        self,
        selection: Selection,
        validator: Callable[[bytes], Event],
        sink: Sink,
        advance: Callable[[int], None],
    ) -> Replayed:
        """See `mlmon.pipelines.replay.replay`."""
        return replay.replay(self.path, selection, validator, sink, advance=advance)

    def drop(self, selection: Selection, advance: Callable[[int], None]) -> int:
        """See `mlmon.pipelines.drop.drop`."""
        return drop.drop(self.path, selection, advance=advance)
