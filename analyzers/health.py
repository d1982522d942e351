"""What the jobs report of themselves: how long a pass took, what it did, and how far behind they are."""

from __future__ import annotations

import os
import socket
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Final

from mlmon.analyzers import cursor as cursors
from mlmon.analyzers.jobs import Pass, cursor_name
from mlmon.analyzers.partition import Partition, own, parts_of
from mlmon.core import clock as clocks
from mlmon.core import event, health, schema
from mlmon.core.clock import Clock
from mlmon.core.errors import StoreError
from mlmon.core.event import Document
from mlmon.core.health import Part, Report
from mlmon.core.query import Min, Query, Terms
from mlmon.core.schema import Dataset
from mlmon.core.store import Reader, Store
from mlmon.core.window import Window

APART: Final = timedelta(seconds=10)
"""Passes that are quicker than this do not all report."""


def lags_s(reader: Reader, now: datetime) -> dict[str, float]:
    """For how long the oldest inference that no pass has seen yet has been stored, by model, in seconds.

    A model of which all is seen is not there. It grows where passes are slow, and where none run. Where the
    models are parted among processes, each is seen as far as its part has come.
    """
    name = cursor_name(Dataset.INFERENCE)
    whole = cursors.load(reader, name).mark
    of = parts_of(reader, f"cursor/{name}")
    if not of:
        return _since(reader, now, whole)
    lags: dict[str, float] = {}
    for part in (Partition(number=number, of=of) for number in range(1, of + 1)):
        mark = max(filter(None, (whole, cursors.load(reader, own(name, part)).mark)), default=None)
        lags |= {model: lag for model, lag in _since(reader, now, mark).items() if part.holds(model)}
    return lags


def _since(reader: Reader, now: datetime, seen: datetime | None) -> dict[str, float]:
    start = cursors.BEGINNING if seen is None else seen + cursors.RESOLUTION
    rows = reader.query(
        Query(
            dataset=Dataset.INFERENCE,
            window=Window(start=start, end=cursors.END),
            time=schema.EVENT_INGESTED,
            by={"model": Terms(schema.MODEL_NAME)},
            measures={"oldest": Min(schema.EVENT_INGESTED)},
        )
    )
    return {row["model"]: max(0.0, (now - row["oldest"]).total_seconds()) for row in rows}


def lag_s(reader: Reader, now: datetime) -> float:
    """The longest of `lags_s`; 0 where all is seen."""
    return max(lags_s(reader, now).values(), default=0.0)


class Reporter:
    """Writes the reports of the jobs of this process; its counts begin with it. For one thread."""

    def __init__(self, *, clock: Clock = clocks.system, apart: timedelta = APART) -> None:
        self._clock = clock
        self._apart = apart
        self._id = token_hex(6)
        self._fields = _fields()
        self._started = self._succeeded = clocks.to_datetime(clock())
        self._counters: Counter[str] = Counter()
        self._gauges: Mapping[str, float] = {}
        self._number = 0
        self._told_at: datetime | None = None

    def passed(self, store: Store, done: Pass, *, is_last: bool = False) -> None:
        """Report a pass that ended well.

        Raises:
            StoreError: the report could not be written; the next one says the same.

        """
        now = self._succeeded = clocks.to_datetime(self._clock())
        self._counters.update(
            {
                health.PASSES: 1,
                health.INFERENCES: done.inferences,
                health.JOINED: done.outcomes.joined,
                health.WINDOWS: done.windows,
                health.METRICS: done.metrics,
                health.FINDINGS: done.findings,
            }
        )
        self._gauges = _gauges(done)
        if is_last or self._told_at is None or now - self._told_at >= self._apart:
            self._tell(store, now, "a pass ended well", is_last=is_last)

    def failed(self, store: Store, error: Exception) -> None:
        """Report a pass that failed, where the store takes the report."""
        self._counters[health.FAILED] += 1
        self._tell_if_it_can(store, f"{health.FAILURE}: {error}", is_last=False)

    def ended(self, store: Store) -> None:
        """Report that no more passes come, where the store takes the report."""
        if self._counters:
            self._tell_if_it_can(store, "the analyzers stopped in order", is_last=True)

    def _tell_if_it_can(self, store: Store, message: str, *, is_last: bool) -> None:
        try:
            self._tell(store, clocks.to_datetime(self._clock()), message, is_last=is_last)
        except StoreError:
            return  # what failed the pass mostly fails its report too

    def _tell(self, store: Store, now: datetime, message: str, *, is_last: bool) -> None:
        report = Report(
            part=Part.ANALYZERS,
            id=self._id,
            number=self._number,
            at=now,
            started=self._started,
            counters=self._counters,
            gauges={
                **self._gauges,
                health.LAG_SECONDS: lag_s(store, now),
                health.SUCCESS_AGE_SECONDS: (now - self._succeeded).total_seconds(),
                health.ENDED: float(is_last),
            },
            message=message,
        )
        store.write([event.encode(health.to_document(report, self._fields))])
        self._number += 1
        self._told_at = now


def reported(passes: Iterable[Pass], store: Store, reporter: Reporter) -> Iterator[Pass]:
    """The passes as they come, each reported, and their end.

    Raises:
        StoreError: as the passes do; that is reported too, where it can be.

    """
    try:
        for done in passes:
            reporter.passed(store, done)
            yield done
    except StoreError as error:
        reporter.failed(store, error)
        raise
    reporter.ended(store)


def _gauges(done: Pass) -> dict[str, float]:
    """The time of a pass, in all and by stage; an analyzer's sizes of windows are one stage."""
    stages: defaultdict[str, float] = defaultdict(float)
    for stage, seconds in done.seconds.items():
        stages[f"{health.STAGE_SECONDS}{stage.partition(' ')[0]}"] += seconds
    return {
        health.MODELS: done.models,
        health.PASS_SECONDS: round(sum(done.seconds.values()), 6),
        **{name: round(seconds, 6) for name, seconds in stages.items()},
    }


def _fields() -> Document:
    return {schema.HOST_NAME: socket.gethostname(), schema.PROCESS_PID: os.getpid()}
