"""What a collector reports of itself: what became of what came in, what waits, how quick the disk is."""

from __future__ import annotations

import logging
import os
import shutil
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from threading import Event, Thread
from typing import Final

import msgspec
from msgspec import Struct

from mlmon.core import clock as clocks
from mlmon.core import health, schema
from mlmon.core.clock import Clock
from mlmon.core.errors import MlmonError
from mlmon.core.health import Part, Report
from mlmon.pipelines.pipeline import Pipeline

EVERY_S: Final = 60.0
_MOST_WAIT_S: Final = 10.0
_log: Final = logging.getLogger("mlmon.collector")


class Seen(Struct, frozen=True, kw_only=True):
    """What the doors know: open connections, and how many requests or connections they refused, by reason."""

    connections: int = 0
    refused: Mapping[str, int] = {}


def _closed() -> Seen:
    return Seen()


class Watch:
    """Makes the reports of one collector. `doors` may be set once they are open. Safe for threads."""

    def __init__(self, pipeline: Pipeline, folder: Path, *, clock: Clock = clocks.system) -> None:
        """`folder` is on the disk whose free room is told."""
        self.doors: Callable[[], Seen] = _closed
        self._pipeline = pipeline
        self._folder = folder
        self._clock = clock
        self._id = token_hex(6)
        self._started = clocks.to_datetime(clock())
        self._numbers = 0

    def report(self, *, is_last: bool = False) -> Report:
        """How it is now."""
        counters, doors = self._pipeline.counters(), self.doors()
        refused = {health.REFUSED + "wrong_namespace": counters.wrong_namespace}
        refused |= {health.REFUSED + reason: number for reason, number in doors.refused.items()}
        dead = {
            f"{health.DEAD_LETTERED}_{reason}": number for reason, number in counters.dead_lettered.items()
        }
        return Report(
            part=Part.COLLECTOR,
            id=self._id,
            number=self._numbers,
            at=clocks.to_datetime(self._clock()),
            started=self._started,
            counters={
                health.RECEIVED: counters.received,
                health.STORED: counters.stored,
                health.DUPLICATES: counters.duplicates,
                health.FAILED: counters.failed,
                health.TURNED_AWAY: counters.turned_away,
                **dead,
                **refused,
            },
            gauges={
                health.CONNECTIONS: doors.connections,
                health.WAITING_BYTES: counters.bytes_waiting,
                health.OLDEST_SECONDS: round(counters.oldest_s, 3),
                **_times(self._pipeline.write_times_s()),
                health.DISK_FREE_BYTES: shutil.disk_usage(self._folder).free,
                health.ENDED: float(is_last),
            },
            message=f"{counters.received:,} lines received, {counters.stored:,} stored, "
            f"{counters.bytes_waiting:,} bytes waiting",
        )

    def write(self, *, is_last: bool = False) -> None:
        """Write a report into the store, by way of the pipeline. What fails is said in the log and left."""
        fields = {schema.HOST_NAME: socket.gethostname(), schema.PROCESS_PID: os.getpid()}
        try:
            document = health.to_document(self.report(is_last=is_last), fields)
            self._numbers += 1
            self._pipeline.report(msgspec.json.encode(document)).result(timeout=_MOST_WAIT_S)
        except TimeoutError:
            _log.warning("A report of the collector was not written: no answer within %d s.", _MOST_WAIT_S)
        except (MlmonError, OSError) as error:
            _log.warning("A report of the collector was not written: %s", error)


@contextmanager
def reporting(watch: Watch, *, every_s: float = EVERY_S) -> Iterator[None]:
    """Have reports written on a thread, one every so often, and a last one at the end of the block."""
    stop = Event()

    def run() -> None:
        while not stop.wait(every_s):
            watch.write()

    thread = Thread(target=run, name="mlmon-report", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        watch.write(is_last=True)


def _times(taken_s: Sequence[float]) -> dict[str, float]:
    """The median and the 99th percentile of some times; none of none."""
    if not taken_s:
        return {}
    ranked = sorted(taken_s)
    last = len(ranked) - 1
    return {
        health.WRITE_P50_SECONDS: round(ranked[last // 2], 6),
        health.WRITE_P99_SECONDS: round(ranked[round(last * 0.99)], 6),
    }
