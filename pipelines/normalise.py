"""Log lines of other tools, turned into app-log documents: nested ECS, Logstash's formatter, plain JSON logs.

Nothing is thrown away: what the schema has no place for becomes a label, as text. A line without an id gets
one; see `mlmon.pipelines.naming`. It gets no number: numbers are for producers that count, and a gap in them
is a loss.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from mlmon.core import schema
from mlmon.core.clock import Clock, isoformat, to_text
from mlmon.core.event import Document, flatten
from mlmon.core.schema import Dataset, Type

LEVELS: Final = {
    "trace": "debug", "debug": "debug", "info": "info", "information": "info", "notice": "info",
    "warn": "warning", "warning": "warning", "error": "error", "err": "error", "severe": "error",
    "critical": "critical", "fatal": "critical", "alert": "critical", "emergency": "critical",
}  # fmt: skip
"""What other tools call a level, in lower case, and what it is here."""

ALIASES: Final = {
    "timestamp": schema.TIMESTAMP, "asctime": schema.TIMESTAMP, "time": schema.TIMESTAMP,
    "level": schema.LOG_LEVEL, "levelname": schema.LOG_LEVEL, "severity": schema.LOG_LEVEL,
    "msg": schema.MESSAGE,
    "logger": schema.LOG_LOGGER, "logger_name": schema.LOG_LOGGER, "name": schema.LOG_LOGGER,
    "host": schema.HOST_NAME, "logsource": schema.HOST_NAME,
    "pid": schema.PROCESS_PID, "process": schema.PROCESS_PID,
    "path": schema.LOG_FILE, "line": schema.LOG_LINE, "lineno": schema.LOG_LINE,
    "func_name": schema.LOG_FUNCTION, "funcName": schema.LOG_FUNCTION, "exc_info": schema.ERROR_STACK,
    "stack_trace": schema.ERROR_STACK, "trace_id": schema.TRACE_ID, "span_id": schema.SPAN_ID,
}  # fmt: skip
"""Names that other tools give to fields of ours."""

_IDS: Final = frozenset({schema.EVENT_ID, schema.INFERENCE_ID, schema.MODEL_NAME})
_MOST_ID_CHARACTERS: Final = 512
NESTING_LOST: Final = ("extra", "@metadata")
"""Objects whose members count as if they stood at the top."""
EPOCH_MS: Final = 10**11
"""A number above this is in milliseconds, below it in seconds: the year 5138 against March 1973."""


OWN: Final = frozenset(
    field.name
    for field in schema.FIELDS.values()
    if field.name.startswith("mlmon.") and Dataset.APP not in field.datasets
)
"""What no log line has: with one of these a line is an event of ours, and wrong without its dataset."""


def normalise(raw: Mapping[str, Any], *, name: Callable[[bool], str], clock: Clock) -> Document:
    """The flat document of any JSON object: an event of ours that came nested, else an app log.

    `name` gives the id of a line that has none, and is told whether the line says when it was written.

    >>> from mlmon.core import clock
    >>> line = {"level": "WARNING", "message": "cold", "host": "a", "shard": 7}
    >>> found = normalise(line, name=lambda _: "n", clock=lambda: 0)
    >>> found[schema.LOG_LEVEL], found[schema.HOST_NAME], found[schema.LABELS]
    ('warning', 'a', {'shard': '7'})
    """
    flat = flatten(dict(raw))
    if flat.get(schema.EVENT_DATASET) in tuple(Dataset) or not OWN.isdisjoint(flat):
        return flat
    return _app_log(flat, name=name, clock=clock)


def names_bytes(nested: Mapping[str, Any], prefix: int = 0) -> int:
    """How long the names of the flat form are together; a hostile line could make them vast.

    >>> names_bytes({"log": {"level": "info", "logger": "a"}})
    19
    """
    total = 0
    for key, value in nested.items():
        size = prefix + len(key)
        total += names_bytes(value, size + 1) if isinstance(value, dict) else size
    return total


def _app_log(flat: Document, *, name: Callable[[bool], str], clock: Clock) -> Document:
    document: Document = {schema.EVENT_DATASET: str(Dataset.APP)}
    labels: dict[str, str] = {}
    is_dated = False
    for key, value in flat.items():
        known = _name_of(key)
        fitted = _fit(known, value) if known is not None and known not in document else None
        if known is not None and fitted is not None:
            document[known] = fitted
            is_dated = is_dated or (known == schema.TIMESTAMP and _is_fine(value))
        elif value is not None:
            short = _label(key)
            labels[key if short in labels else short] = _text(value)
    document.setdefault(schema.TIMESTAMP, to_text(clock()))
    document.setdefault(schema.LOG_LEVEL, "info")
    document.setdefault(schema.MESSAGE, "")
    if schema.EVENT_ID not in document:
        document[schema.EVENT_ID] = name(is_dated)
    if labels:
        document[schema.LABELS] = document.get(schema.LABELS, {}) | labels
    return document


def _name_of(key: str) -> str | None:
    bare = key
    for prefix in NESTING_LOST:
        bare = bare.removeprefix(f"{prefix}.")
    name = ALIASES.get(bare, bare)
    field = schema.FIELDS.get(name)
    return name if field is not None and Dataset.APP in field.datasets else None


def _fit(name: str, value: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
    """The value as the field wants it, or None where it does not fit and must become a label."""
    if name == schema.LOG_LEVEL:
        return LEVELS.get(str(value).lower())
    kind = schema.FIELDS[name].type
    if kind is Type.DATE:
        return moment(value)
    if kind in (Type.KEYWORD, Type.TEXT):
        return _words(name, _text(value)) if isinstance(value, (str, int, float)) else None
    if kind is Type.LONG:
        return (
            value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63 else None
        )
    if kind is Type.KEYWORD_MAP and isinstance(value, dict):
        return {key: _text(each) for key, each in value.items() if each is not None}
    return value if kind is Type.KEYWORD_LIST and _is_words(value) else None


def _words(name: str, text: str) -> str | None:
    return text if name not in _IDS or 0 < len(text) <= _MOST_ID_CHARACTERS else None


def _is_words(value: Any) -> bool:  # noqa: ANN401 - whatever JSON holds
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def moment(value: Any) -> str | None:  # noqa: ANN401 - whatever JSON holds
    """A time in the form documents carry, from ISO 8601, logging's asctime or an epoch number.

    One without a zone is taken as UTC.

    >>> moment("2013-03-01 10:00:00,123"), moment(1362132000), moment("soon")
    ('2013-03-01T10:00:00.123000Z', '2013-03-01T10:00:00.000000Z', None)
    """
    try:
        if isinstance(value, str):
            read = datetime.fromisoformat(value.strip().replace(",", "."))
            return isoformat(read if read.tzinfo else read.replace(tzinfo=UTC))
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return isoformat(datetime.fromtimestamp(value / 1000 if abs(value) > EPOCH_MS else value, tz=UTC))
    except (ValueError, OverflowError, OSError):
        return None
    return None


def _is_fine(value: Any) -> bool:  # noqa: ANN401 - whatever JSON holds
    """Whether a time says more than the second, so that equal lines of one moment are one line sent twice.

    >>> _is_fine("2013-03-01 10:00:00,123"), _is_fine("2013-03-01T10:00:00Z"), _is_fine(1362132000123)
    (True, False, True)
    """
    if isinstance(value, str):
        return "." in value or "," in value
    return isinstance(value, float) or abs(value) > EPOCH_MS


def _label(key: str) -> str:
    for prefix in (*NESTING_LOST, schema.LABELS):
        key = key.removeprefix(f"{prefix}.")
    return key


def _text(value: Any) -> str:  # noqa: ANN401 - whatever JSON holds
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
