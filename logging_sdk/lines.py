"""Ordinary leveled lines: their levels, and what a line says of where it was logged."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from types import FrameType
from typing import Any, Final

from mlmon.core import schema
from mlmon.core.errors import UsageError, nearest
from mlmon.core.event import Document
from mlmon.logging_sdk.context import active, current_trace
from mlmon.logging_sdk.encode import MAX_LONG_TEXT, cut, labels, text
from mlmon.logging_sdk.failure import error_fields
from mlmon.logging_sdk.misuse import Misuse
from mlmon.logging_sdk.producer import LINES, Kind
from mlmon.logging_sdk.recorder import add_trace

_NUMBERED: Final = {10: "debug", 20: "info", 30: "warning", 40: "error", 50: "critical"}


def body_of_line(
    message: str, caller: FrameType, extra: Mapping[str, Any] | None, error: BaseException | None
) -> Document:
    """The body of a line: message, origin, error, labels, and the inference and trace it was logged in."""
    body: Document = {
        schema.MESSAGE: cut(message, MAX_LONG_TEXT),
        schema.LOG_LOGGER: caller.f_globals.get("__name__"),
        schema.LOG_FILE: caller.f_code.co_filename,
        schema.LOG_LINE: caller.f_lineno,
        schema.LOG_FUNCTION: caller.f_code.co_qualname,
    }
    if error is not None:
        body.update(error_fields(error))
    if extra:
        body[schema.LABELS] = labels(extra)
    add_scope(body)
    return body


def kind_of_level(level: str | int, misuse: Misuse | None) -> Kind:
    """The kind of a line by its level; a number between two levels is the lower one.

    Raises:
        UsageError: the level is unknown, and there is nobody to note the misuse.

    """
    if isinstance(level, int):
        return LINES[_NUMBERED[max(10, min(50, level // 10 * 10))]]
    with suppress(KeyError, AttributeError):
        return LINES[{"warn": "warning", "fatal": "critical"}.get(level.lower(), level.lower())]
    name = text(level) or ""
    message = f"The level '{name}' is unknown. Allowed: {', '.join(LINES)}.{nearest(name, LINES)}"
    if misuse is None:
        raise UsageError(message)
    misuse.note("level", f"{message} The line is logged as info.")
    return LINES["info"]


def add_scope(body: Document) -> None:
    """Add the id of the active inference and the trace to the body of a line."""
    scope = active.get()
    if scope is not None and scope.inference_id is not None:
        body[schema.INFERENCE_ID] = scope.inference_id
    trace = current_trace()
    if trace is not None:
        add_trace(body, trace)
