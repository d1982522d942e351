"""A python-json-logger formatter that writes the same events, for any handler of the standard `logging`."""

from __future__ import annotations

import logging
from typing import Any

from pythonjsonlogger.core import BaseJsonFormatter

from mlmon.core import schema
from mlmon.logging_sdk import records
from mlmon.logging_sdk.encode import labels, text
from mlmon.logging_sdk.fork import renew_in_child
from mlmon.logging_sdk.identity import Identity, default_environment, default_service
from mlmon.logging_sdk.producer import Producer
from mlmon.logging_sdk.redact import Rule, TextRule, redactor


class Formatter(BaseJsonFormatter):
    """Formats a record as one event, one line of JSON. Safe for threads.

    `static_fields` of python-json-logger become labels of each event. `redact` takes the rules of
    `mlmon.logging_sdk.redact`; the other options are those of `ModelLogger`.
    """

    def __init__(
        self,
        *_: Any,  # noqa: ANN401 - what dictConfig passes: a format, which is not used
        model: str = "",
        version: str | None = None,
        service: str | None = None,
        environment: str | None = None,
        namespace: str | None = None,
        redact: tuple[Rule | TextRule, ...] = (),
        static_fields: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(static_fields=static_fields)
        identity = Identity(
            model=model,
            version=text(version),
            service=service or default_service(),
            environment=environment or default_environment(),
            namespace=namespace,
        )
        self._producer = Producer(identity, redactor(redact) if redact else None)
        renew_in_child(self._producer)

    def format(self, record: logging.LogRecord) -> str:
        """One event, without a line's end; the record is not changed."""
        body = records.body_of(record)
        if self.static_fields:
            body[schema.LABELS] = {**labels(self.static_fields), **body.get(schema.LABELS, {})}
        return self._producer.write(records.kind_of(record), records.at_ns(record), body).decode()
