"""What a call of the logger costs its caller, against serialising a record of 21 fields and keeping it."""

import statistics
from collections import deque
from collections.abc import Callable, Sequence
from time import perf_counter_ns

import orjson

from mlmon.logging_sdk import ModelLogger
from mlmon.logging_sdk.transport import Receipt

NAME = "logger_call"
PEER = "orjson.dumps + deque.append"
GOAL = 2.5

CALLS = 5_000
ROUNDS = 15
FEATURES = {f"feature_{index:02d}": index * 1.2345678901 + 0.1 for index in range(12)}
RECORD = {
    **FEATURES,
    "model": "flight-delay",
    "version": "2013.03",
    "trace": "0af7651916cd43dd8448eb211c80319c",
    "id": "0af7651916cd43dd8448eb211c80319d",
    "prediction": "late",
    "label": "on_time",
    "probability": 0.8123456,
    "latency": 1.23456,
    "event": "inference",
}


class Sink:
    """Takes everything at once, so that the shipping thread runs and delivers."""

    is_acknowledged = True

    def send(self, records: Sequence[bytes]) -> Receipt:
        """Join the batch, as a wire would."""
        b"\n".join(records)
        return Receipt()

    def close(self) -> None:
        """Nothing to free."""


def run() -> tuple[float, str]:
    """Interleave both in one run; the ratio is of the medians of the single calls."""
    log = ModelLogger("flight-delay", version="2013.03", ship=Sink())
    kept: deque[bytes] = deque()
    ours: list[int] = []
    floor: list[int] = []
    for _ in range(ROUNDS):
        kept.clear()
        floor += _timed(lambda: kept.append(orjson.dumps(RECORD)))
        ours += _timed(lambda: log.predicted(FEATURES, label="late", score=0.8123456, duration_ns=1_234_560))
        log.flush()
    log.close()
    worst_us = sorted(ours)[len(ours) * 999 // 1000] / 1000
    half_us = statistics.median(ours) / 1000
    note = f"ModelLogger.predicted, 12 features; p50 {half_us:.1f} us, p99.9 {worst_us:.0f} us"
    return statistics.median(ours) / statistics.median(floor), note


def _timed(call: Callable[[], object]) -> list[int]:
    taken = []
    for _ in range(CALLS):
        started = perf_counter_ns()
        call()
        taken.append(perf_counter_ns() - started)
    return taken
