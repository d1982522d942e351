"""A python-json-logger formatter that writes the same events, for any handler of the standard `logging`."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from threading import local
from typing import Any

from pythonjsonlogger.core import BaseJsonFormatter

from mlmon.core.errors import UsageError
from mlmon.logging_sdk import records
from mlmon.logging_sdk.logger import ModelLogger


class _Page(local):
    """Holds the event that a thread has just written."""

    event = b""

    def append(self, record: bytes, level: int) -> None:  # noqa: ARG002 - what a basket takes
        """Keep an event until it is taken."""
        self.event = record

    def extend(self, records: Sequence[bytes], level: int) -> None:
        """Keep the last of several events."""
        for record in records:
            self.append(record, level)

    def take(self) -> str:
        """The event as text; empty where none was written."""
        event, self.event = self.event, b""
        return event.decode()


class Formatter(BaseJsonFormatter):
    """Formats a record as one event, one line of JSON. Safe for threads.

    The options are those of `ModelLogger`, save `ship` and `sample`. An inference stands under
    `extra={"mlmon": {...}}`, as for `Handler`. `static_fields` of python-json-logger become labels of lines.

    Raises:
        UsageError: an option that cannot be meant.

    """

    def __init__(
        self,
        *_: Any,  # noqa: ANN401 - what dictConfig passes: a format, which is not used
        model: str = "",
        static_fields: dict[str, Any] | None = None,
        **options: Any,  # noqa: ANN401 - those of ModelLogger
    ) -> None:
        super().__init__(static_fields=static_fields)
        if wrong := {"ship", "sample"} & set(options):
            raise UsageError(
                f"A Formatter takes no {min(wrong)}=: it writes each record. Use a Handler for that."
            )
        self._page = _Page()
        self._logger = ModelLogger(model, ship="stdout:", **options)
        self._logger.keep_in(self._page)

    def format(self, record: logging.LogRecord) -> str:
        """One event, without a line's end; the record is not changed."""
        records.write(self._logger, record, self.static_fields)
        return self._page.take()
