"""Dropping dead letters for good, and remembering whose events they were."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from mlmon.pipelines import discards, rewrite
from mlmon.pipelines.deadletter import DeadLetter
from mlmon.pipelines.rewrite import Selection
from mlmon.pipelines.tally import of_dropped


def drop(path: Path, selection: Selection, *, advance: Callable[[int], None] = lambda _: None) -> int:
    """Remove the letters selected; return how many. Ended half-way it can be run again, and counts each once.

    Raises:
        StoreLockedError: another process replays or drops.
        StoreError: the folder cannot be written.

    """
    total = 0
    with rewrite.upkeep(path) as sealed:
        for file in sealed:
            if selection != Selection() and not rewrite.holds(file, selection):
                continue
            with rewrite.anew(file) as kept:
                gone = of_dropped(_dropped(file, selection, kept, advance), pending=file.name)
            rewrite.commit(file, discards.added(discards.load(path), gone))
            total += sum(gone.reasons.values())
    return total


def _dropped(
    file: Path, selection: Selection, kept: BinaryIO, advance: Callable[[int], None]
) -> Iterator[DeadLetter]:
    """The letters that go; the others, and lines that nobody can read, are kept."""
    for line, letter in rewrite.letters(file):
        if letter is None:
            if selection != Selection():
                kept.write(line)
        elif letter in selection:
            advance(1)
            yield letter
        else:
            kept.write(line)
