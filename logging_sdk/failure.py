"""An exception as the fields of an event."""

from __future__ import annotations

import traceback

from mlmon.core import schema
from mlmon.core.event import Document
from mlmon.logging_sdk.encode import MAX_LONG_TEXT, cut


def error_fields(error: BaseException) -> Document:
    """Type, message and stack of an exception; of a long stack the end, where it happened."""
    return {
        schema.ERROR_TYPE: _name(type(error)),
        schema.ERROR_MESSAGE: _message(error),
        schema.ERROR_STACK: _stack(error),
    }


def _name(kind: type[BaseException]) -> str:
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _message(error: BaseException) -> str | None:
    try:
        return cut(str(error), MAX_LONG_TEXT)
    except Exception:  # noqa: BLE001 - an exception of the host may not know its own text
        return None


def _stack(error: BaseException) -> str | None:
    try:
        return cut("".join(traceback.format_exception(error))[-MAX_LONG_TEXT:], MAX_LONG_TEXT)
    except Exception:  # noqa: BLE001 - as above
        return None
