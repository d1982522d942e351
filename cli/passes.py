"""Passes of the jobs until told to stop: one that fails is told, and the next tries again."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import TYPE_CHECKING

from mlmon.cli import wiring_analyze
from mlmon.cli.output import note
from mlmon.core.config import Config
from mlmon.core.errors import StoreError
from mlmon.core.store import Store
from mlmon.core.window import parse_duration

if TYPE_CHECKING:
    from mlmon.cli.wiring_analyze import Partition, Pass

Each = Callable[["Pass", list[str]], None]
"""What is done after a pass; it hears what the pass has to note that was not noted before."""


def run(
    store: Store,
    config: Config,
    stop: Event,
    each: Each,
    *,
    must_begin: bool = False,
    partition: Partition | None = None,
) -> None:
    """Passes every `analyze.every`; where `each` fails at the store, the pass failed.

    Raises:
        StoreError: with `must_begin`, no pass went well yet, so the store may be the wrong one.

    """
    every, reporter = parse_duration(config.analyze.every), wiring_analyze.job_reporter()
    noted: set[str] = set()
    while not stop.is_set():
        try:
            for done in wiring_analyze.analyze_forever(
                store, config, every, stop, reporter, partition=partition
            ):
                must_begin = False
                each(done, _unheard(done, noted))
        except StoreError as error:
            if must_begin:
                raise
            note(f"A pass failed: {error} The next one begins where this one did.")
            stop.wait(every.total_seconds())


def _unheard(done: Pass, noted: set[str]) -> list[str]:
    fresh = [sentence for sentence in done.notes if sentence not in noted]
    noted.update(fresh)
    return fresh
