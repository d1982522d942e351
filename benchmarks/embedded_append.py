"""Appending events durably, each id checked, 5,000 at a time, against a rate of 300,000 events/s."""

import random
import tempfile
import time
from pathlib import Path

import _embedded

from mlmon.stores.embedded import open_store

NAME = "embedded_append"
PEER = "a rate of 300,000 events/s"
GOAL = 1.0
RATE = 300_000
EVENTS = 500_000


def run() -> tuple[float, str]:
    """Write with one fsync a batch while the background rolls; making the events is not counted."""
    random_ = random.Random(1)  # noqa: S311 - the same events on every run
    seconds = 0.0
    with tempfile.TemporaryDirectory(prefix="mlmon-bench-") as name:
        store = open_store(Path(name))
        for first in range(0, EVENTS, _embedded.BATCH):
            events = [_embedded.event(number, random_) for number in range(first, first + _embedded.BATCH)]
            start = time.perf_counter()
            store.write(events)
            seconds += time.perf_counter() - start
        store.close()
    return RATE * seconds / EVENTS, f"{EVENTS / seconds:,.0f} events/s of about 560 bytes, rolling meanwhile"
