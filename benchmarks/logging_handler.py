"""What an inference by the standard `logging` costs its caller, against formatters of the same record."""

import logging
import statistics
from collections import deque

import _record
from logstash_async.formatter import LogstashFormatter
from pythonjsonlogger.orjson import OrjsonFormatter

from mlmon.logging_sdk import Handler

NAME = "logging_handler"
PEER = "python-json-logger with orjson, kept in a deque"
GOAL = 0.45
LOGSTASH_GOAL = 0.20

CALLS = 3_000
ROUNDS = 11


class Kept(logging.Handler):
    """Formats each record and keeps the text."""

    def __init__(self, formatter: logging.Formatter) -> None:
        super().__init__()
        self.setFormatter(formatter)
        self.texts: deque[str | bytes] = deque(maxlen=CALLS)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the record's text."""
        self.texts.append(self.format(record))


class Nothing(logging.Handler):
    """Does nothing with a record: what `logging` itself costs."""

    def handle(self, record: logging.LogRecord) -> bool:  # noqa: ARG002 - the base's name
        """Leave the record alone."""
        return True


def _logger(name: str, handler: logging.Handler) -> logging.Logger:
    logger = logging.Logger(name, logging.INFO)  # noqa: LOG001 - out of the tree, so that none inherits
    logger.addHandler(handler)
    return logger


def run() -> tuple[float, str]:
    """Interleave all in one run; the ratios are of the medians of the single calls."""
    handler = Handler("flight-delay", version="2013.03", ship=_record.Sink())
    ours = _logger("ours", handler)
    json_logger = _logger("json", Kept(OrjsonFormatter("%(asctime)s %(levelname)s %(name)s %(message)s")))
    logstash = _logger("logstash", Kept(LogstashFormatter()))
    nothing = _logger("nothing", Nothing())
    inference = {"mlmon": {"features": _record.FEATURES, **_record.PREDICTED}}
    flat = _record.RECORD
    taken: dict[str, list[int]] = {"ours": [], "json": [], "logstash": [], "nothing": []}
    for _ in range(ROUNDS):
        taken["json"] += _record.timed(lambda: json_logger.info("predicted", extra=flat), CALLS)
        taken["ours"] += _record.timed(lambda: ours.info("predicted", extra=inference), CALLS)
        taken["logstash"] += _record.timed(lambda: logstash.info("predicted", extra=flat), CALLS)
        taken["nothing"] += _record.timed(lambda: nothing.info("predicted", extra=inference), CALLS)
        handler.logger.flush()
    handler.close()
    half = {name: statistics.median(one) for name, one in taken.items()}
    to_logstash = half["ours"] / half["logstash"]
    note = (
        f"Handler, an inference of 12 features; p50 {half['ours'] / 1000:.1f} us, of which "
        f"{half['nothing'] / 1000:.1f} us in logging itself; "
        f"{to_logstash:.2f} of python-logstash-async's LogstashFormatter (goal {LOGSTASH_GOAL})"
    )
    return half["ours"] / half["json"], note
