"""What a call of the logger costs its caller, against serialising a record of 21 fields and keeping it."""

import statistics
from collections import deque

import _record
import orjson

from mlmon.logging_sdk import ModelLogger

NAME = "logger_call"
PEER = "orjson.dumps + deque.append"
GOAL = 2.5

CALLS = 5_000
ROUNDS = 15


def run() -> tuple[float, str]:
    """Interleave both in one run; the ratio is of the medians of the single calls."""
    log = ModelLogger("flight-delay", version="2013.03", ship=_record.Sink())
    kept: deque[bytes] = deque()
    ours: list[int] = []
    floor: list[int] = []
    record, features = _record.RECORD, _record.FEATURES
    for _ in range(ROUNDS):
        kept.clear()
        floor += _record.timed(lambda: kept.append(orjson.dumps(record)), CALLS)
        ours += _record.timed(
            lambda: log.predicted(features, label="late", score=0.8123456, duration_ns=1_234_560), CALLS
        )
        log.flush()
    log.close()
    half_us = statistics.median(ours) / 1000
    note = f"ModelLogger.predicted, 12 features; p50 {half_us:.1f} us, p99.9 {_record.tail_us(ours):.0f} us"
    return statistics.median(ours) / statistics.median(floor), note
