"""The slowest calls while records are shipped, against a QueueHandler whose QueueListener formats them."""

import logging
from logging.handlers import QueueHandler, QueueListener
from queue import SimpleQueue

import _record
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


def run() -> tuple[float, str]:
    """Interleave both in one run, each with its thread at work; the ratio is of the 99.9th percentiles."""
    log = ModelLogger("flight-delay", version="2013.03", ship=_record.Sink())
    features, flat = _record.FEATURES, _record.RECORD
    ours: list[int] = []
    theirs: list[int] = []
    for _ in range(ROUNDS):
        ours += _record.timed(
            lambda: log.predicted(features, label="late", score=0.8123456, duration_ns=1_234_560), CALLS
        )
        log.flush()
        theirs += _queued(flat)
    log.close()
    worst_us, peer_us = _record.tail_us(ours), _record.tail_us(theirs)
    return worst_us / peer_us, f"p99.9 {worst_us:.0f} us against {peer_us:.0f} us, while shipping"


def _queued(flat: dict[str, object]) -> list[int]:
    sent = Sent()
    sent.setFormatter(OrjsonFormatter())
    queue: SimpleQueue[object] = SimpleQueue()
    logger = logging.Logger("queued", logging.INFO)  # noqa: LOG001 - out of the tree, so that none inherits
    logger.addHandler(QueueHandler(queue))
    listener = QueueListener(queue, sent)
    listener.start()
    taken: list[int] = _record.timed(lambda: logger.info("predicted", extra=flat), CALLS)
    listener.stop()
    return taken
