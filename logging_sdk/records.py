"""A `logging.LogRecord` as the body of an event; the record stays as it is."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final

from mlmon.core import schema
from mlmon.core.event import Document
from mlmon.logging_sdk.encode import MAX_LONG_TEXT, cut, labels
from mlmon.logging_sdk.failure import error_fields
from mlmon.logging_sdk.lines import add_scope, kind_of_level
from mlmon.logging_sdk.logger import ModelLogger

KEY: Final = "mlmon"
"""The key of `extra` that holds an inference: arguments of `ModelLogger.predicted`."""

_OWN: Final = frozenset((*logging.makeLogRecord({}).__dict__, "message", "asctime", "taskName", KEY))


def write(logger: ModelLogger, record: logging.LogRecord, static: Mapping[str, Any] | None = None) -> None:
    """Log a record by a logger: the inference in it, else a line. `static` are labels of each line."""
    at_ns = int(record.created * 1e6 + 0.5) * 1000
    given = record.__dict__.get(KEY)
    if type(given) is dict and "timestamp" not in given:
        logger.predicted(timestamp=at_ns, **given)
    elif isinstance(given, Mapping):
        logger.predicted(**{"timestamp": at_ns, **given})
    else:
        logger.write_line(kind_of_level(record.levelno, None), at_ns, body_of(record, static or {}))


def body_of(record: logging.LogRecord, static: Mapping[str, Any]) -> Document:
    """The body of a line: message, origin, error, what was in `extra` as labels, inference and trace."""
    body: Document = {
        schema.MESSAGE: cut(message_of(record), MAX_LONG_TEXT),
        schema.LOG_LOGGER: record.name,
        schema.LOG_FILE: record.pathname,
        schema.LOG_LINE: record.lineno,
        schema.LOG_FUNCTION: record.funcName,
    }
    if record.exc_info and record.exc_info[1] is not None:
        body.update(error_fields(record.exc_info[1]))
    extra = {**static, **{name: value for name, value in record.__dict__.items() if name not in _OWN}}
    if isinstance(record.msg, Mapping):
        extra = {**{name: value for name, value in record.msg.items() if name != "message"}, **extra}
    if extra:
        body[schema.LABELS] = labels(extra)
    add_scope(body)
    return body


def message_of(record: logging.LogRecord) -> str:
    """The record's text; where its arguments do not fit, the text as it was written."""
    if isinstance(record.msg, Mapping):
        return str(record.msg.get("message", ""))
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - a wrong call of the host must not cost its line
        return f"{record.msg} {record.args}"
