"""A handler for the standard `logging`: ordinary records become the events that a ModelLogger writes.

For `logging.config.dictConfig`:

    "handlers": {"mlmon": {"class": "mlmon.logging_sdk.Handler", "model": "flight-delay",
                           "version": "2013.03", "ship": "http://127.0.0.1:5959"}}
"""

from __future__ import annotations

import logging
from threading import get_ident
from typing import Any, Final

from mlmon.logging_sdk import records
from mlmon.logging_sdk.logger import ModelLogger
from mlmon.logging_sdk.misuse import LOGGER
from mlmon.logging_sdk.records import KEY

_OWN: Final = LOGGER.name


class Handler(logging.Handler):
    """Sends records as events; an inference is logged with `extra={"mlmon": {"features": ..., ...}}`.

    Under that key stand the arguments of `ModelLogger.predicted`. The options are those of `ModelLogger`, or
    `logger` is one to log by. What the shipping thread and the SDK themselves log is left out, so that a
    failing wire does not feed itself.
    """

    def __init__(
        self,
        model: str = "",
        *,
        logger: ModelLogger | None = None,
        level: int | str = 0,
        **options: Any,  # noqa: ANN401
    ) -> None:
        super().__init__(level.upper() if isinstance(level, str) else level)
        self.logger = logger or ModelLogger(model, **options)
        self._served = self.logger.served
        self._shipper = self.logger.shipper
        self._is_owner = logger is None

    def handle(self, record: logging.LogRecord) -> Any:  # noqa: ANN401 - logging's own type, by version
        """Write a record that the filters let through. It takes no lock: the logger is safe for threads."""
        passed: Any = self.filter(record) if self.filters else record
        if passed:
            self.emit(record if passed is True else passed)  # from Python 3.12 on, a filter may give another
        return passed

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record; the record is not changed."""
        try:
            given = record.__dict__.get(KEY)
            if type(given) is dict:  # nobody logs an inference but the host
                self._served.log(int(record.created * 1e9 + 500), **given)  # to the nearest microsecond
            elif not (str(record.name).startswith(_OWN) or get_ident() == self._shipper.thread_id):
                records.write(self.logger, record)
        except Exception:  # noqa: BLE001 - logging's own way of telling
            self.handleError(record)

    def createLock(self) -> None:  # noqa: N802 - logging's name
        """Take no lock: the logger is safe for threads."""
        self.lock = None

    def flush(self) -> None:
        """Do nothing: the shipping thread sends at once, and `logging` flushes often."""

    def close(self) -> None:
        """Send what is left, where the handler made its logger."""
        if self._is_owner:
            self.logger.close()
        super().close()
