"""Ending by a signal: what runs is told, finishes what it has, and then ends."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from types import FrameType


@contextmanager
def stopping() -> Iterator[Event]:
    """Give an event that SIGTERM and Ctrl-C set, while the block runs.

    After the block a Ctrl-C is raised as the KeyboardInterrupt it was, so that the exit code says so; a
    second Ctrl-C is raised at once. For the main thread only.
    """
    stop, interrupted = Event(), Event()

    def told(number: int, _: FrameType | None) -> None:
        if number == signal.SIGINT:
            if interrupted.is_set():
                raise KeyboardInterrupt
            interrupted.set()
        stop.set()

    before = {number: signal.signal(number, told) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if interrupted.is_set():
        raise KeyboardInterrupt
