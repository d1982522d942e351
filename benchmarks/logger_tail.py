"""The slowest calls while records are shipped, against a QueueHandler whose QueueListener formats them."""

import importlib.util
import logging
from logging.handlers import QueueHandler, QueueListener
from pathlib import Path
from queue import SimpleQueue
from types import ModuleType

from pythonjsonlogger.orjson import OrjsonFormatter

from mlmon.logging_sdk import ModelLogger

NAME = "logger_tail"
PEER = "QueueHandler + QueueListener with python-json-logger and orjson"
GOAL = 1 / 50

CALLS = 4_000
ROUNDS = 9


class Sent(logging.Handler):
    """Formats each record in the listener's thread."""

    def emit(self, record: logging.LogRecord) -> None:
        """Make the record's text."""
        self.format(record)


def _shared() -> ModuleType:
    spec = importlib.util.spec_from_file_location("_record", Path(__file__).with_name("_record.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run() -> tuple[float, str]:
    """Interleave both in one run, each with its thread at work; the ratio is of the 99.9th percentiles."""
    shared = _shared()
    log = ModelLogger("flight-delay", version="2013.03", ship=shared.Sink())
    features, flat = shared.FEATURES, shared.RECORD
    ours: list[int] = []
    theirs: list[int] = []
    for _ in range(ROUNDS):
        ours += shared.timed(
            lambda: log.predicted(features, label="late", score=0.8123456, duration_ns=1_234_560), CALLS
        )
        log.flush()
        theirs += _queued(shared, flat)
    log.close()
    worst_us, peer_us = shared.tail_us(ours), shared.tail_us(theirs)
    return worst_us / peer_us, f"p99.9 {worst_us:.0f} us against {peer_us:.0f} us, while shipping"


def _queued(shared: ModuleType, flat: dict[str, object]) -> list[int]:
    sent = Sent()
    sent.setFormatter(OrjsonFormatter())
    queue: SimpleQueue[object] = SimpleQueue()
    logger = logging.Logger("queued", logging.INFO)  # noqa: LOG001 - out of the tree, so that none inherits
    logger.addHandler(QueueHandler(queue))
    listener = QueueListener(queue, sent)
    listener.start()
    taken: list[int] = shared.timed(lambda: logger.info("predicted", extra=flat), CALLS)
    listener.stop()
    return taken
