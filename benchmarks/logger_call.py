"""What a call of the logger costs its caller, against serialising a record of 21 fields and keeping it."""

import importlib.util
import statistics
from collections import deque
from pathlib import Path
from types import ModuleType

import orjson

from mlmon.logging_sdk import ModelLogger

NAME = "logger_call"
PEER = "orjson.dumps + deque.append"
GOAL = 2.5

CALLS = 5_000
ROUNDS = 15


def _shared() -> ModuleType:
    spec = importlib.util.spec_from_file_location("_record", Path(__file__).with_name("_record.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run() -> tuple[float, str]:
    """Interleave both in one run; the ratio is of the medians of the single calls."""
    shared = _shared()
    log = ModelLogger("flight-delay", version="2013.03", ship=shared.Sink())
    kept: deque[bytes] = deque()
    ours: list[int] = []
    floor: list[int] = []
    record, features = shared.RECORD, shared.FEATURES
    for _ in range(ROUNDS):
        kept.clear()
        floor += shared.timed(lambda: kept.append(orjson.dumps(record)), CALLS)
        ours += shared.timed(
            lambda: log.predicted(features, label="late", score=0.8123456, duration_ns=1_234_560), CALLS
        )
        log.flush()
    log.close()
    half_us = statistics.median(ours) / 1000
    note = f"ModelLogger.predicted, 12 features; p50 {half_us:.1f} us, p99.9 {shared.tail_us(ours):.0f} us"
    return statistics.median(ours) / statistics.median(floor), note
