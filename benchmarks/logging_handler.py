"""What an inference by the standard `logging` costs its caller, against formatters of the same record."""

import importlib.util
import logging
import statistics
from collections import deque
from pathlib import Path
from types import ModuleType

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


def _shared() -> ModuleType:
    spec = importlib.util.spec_from_file_location("_record", Path(__file__).with_name("_record.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _logger(name: str, handler: logging.Handler) -> logging.Logger:
    logger = logging.Logger(name, logging.INFO)  # noqa: LOG001 - out of the tree, so that none inherits
    logger.addHandler(handler)
    return logger


def run() -> tuple[float, str]:
    """Interleave all in one run; the ratios are of the medians of the single calls."""
    shared = _shared()
    handler = Handler("flight-delay", version="2013.03", ship=shared.Sink())
    ours = _logger("ours", handler)
    json_logger = _logger("json", Kept(OrjsonFormatter("%(asctime)s %(levelname)s %(name)s %(message)s")))
    logstash = _logger("logstash", Kept(LogstashFormatter()))
    nothing = _logger("nothing", Nothing())
    inference = {"mlmon": {"features": shared.FEATURES, **shared.PREDICTED}}
    flat = shared.RECORD
    taken: dict[str, list[int]] = {"ours": [], "json": [], "logstash": [], "nothing": []}
    for _ in range(ROUNDS):
        taken["json"] += shared.timed(lambda: json_logger.info("predicted", extra=flat), CALLS)
        taken["ours"] += shared.timed(lambda: ours.info("predicted", extra=inference), CALLS)
        taken["logstash"] += shared.timed(lambda: logstash.info("predicted", extra=flat), CALLS)
        taken["nothing"] += shared.timed(lambda: nothing.info("predicted", extra=inference), CALLS)
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
