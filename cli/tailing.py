"""What a person hears of the files that the collector follows."""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from mlmon.cli import units
from mlmon.cli.output import note

if TYPE_CHECKING:
    from threading import Event

    from mlmon.cli.wiring_collect import Tail

_TELL_EVERY_S: Final = 5.0
_MANY_BYTES: Final = 8 << 20
"""Less than this is read before anybody would ask."""


def lines(patterns: Sequence[str]) -> Iterator[str]:
    """What is followed, one line a pattern."""
    for pattern in patterns:
        count = len(glob.glob(pattern, recursive=True))  # noqa: PTH207 - as the collector does
        there = units.counted(count, "file") if count else "not there yet"
        yield f"{'tail':<10} {pattern} ({there})"


def catching_up(tail: Tail | None, stop: Event, tell: Callable[[str], None] = note) -> None:
    """Tell every few seconds how far it is, until all that there was is read, or it is time to stop."""
    was_behind = False
    while tail is not None and not stop.wait(_TELL_EVERY_S):
        counters = tail.counters
        if counters.waiting_bytes <= (0 if was_behind else _MANY_BYTES):
            if was_behind:
                tell(f"tail: caught up, {units.counted(counters.lines, 'line')} read.")
            return
        was_behind = True
        tell(far(tail))


def far(tail: Tail) -> str:
    """How far it is: what is read, of how much, in how many files."""
    counters = tail.counters
    total = counters.read_bytes + counters.waiting_bytes
    return (
        f"tail: {units.size_bytes(counters.read_bytes)} of {units.size_bytes(total)} read, "
        f"{units.counted(counters.lines, 'line')}, {units.counted(counters.files, 'file')}."
    )
