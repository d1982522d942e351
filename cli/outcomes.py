"""Outcomes from the rows of a file, as events whose ids are made from what they say."""

from __future__ import annotations

import hashlib
import math
from datetime import UTC, datetime
from typing import Any, Final

from msgspec import Struct

from mlmon.cli.rows import Row
from mlmon.core import schema
from mlmon.core.clock import isoformat
from mlmon.core.errors import InvalidEventError
from mlmon.core.event import Document, Event, encode
from mlmon.core.schema import Dataset

SOURCE: Final = "file"


class Columns(Struct, frozen=True, kw_only=True):
    """Which column of a file holds what; what is None is not there."""

    id: str
    label: str | None = None
    value: str | None = None
    observed_at: str | None = None


def to_event(row: Row, columns: Columns, *, model: str, revision: int, now: datetime) -> Event:
    """The outcome that a row tells. Its id is the same whenever the row is read.

    Raises:
        InvalidEventError: what is missing or wrong in the row.

    """
    if row.problem is not None:
        raise InvalidEventError("not_valid", row.problem)
    name = _text(row.values.get(columns.id))
    if name is None:
        raise InvalidEventError("no_id", f"Column '{columns.id}' is empty.")
    document = _truth(row, columns)
    observed_at = _observed_at(row, columns)
    told = (model, name, *map(str, document.values()), str(observed_at), str(revision))
    digest = hashlib.blake2b("\0".join(told).encode(), digest_size=16).hexdigest()
    moment = isoformat(observed_at or now)
    return encode(
        document
        | {
            schema.TIMESTAMP: moment,
            schema.EVENT_ID: f"outcome-{digest}",
            schema.EVENT_KIND: "event",
            schema.EVENT_DATASET: str(Dataset.OUTCOME),
            schema.LOG_LEVEL: "info",
            schema.MESSAGE: f"turned out {next(iter(document.values()))}",
            schema.ECS_VERSION: schema.ECS_VERSION_WRITTEN,
            schema.SCHEMA: schema.SCHEMA_VERSION,
            schema.MODEL_NAME: model,
            schema.INFERENCE_ID: name,
            schema.OUTCOME_OBSERVED_AT: moment,
            schema.OUTCOME_REVISION: revision,
            schema.OUTCOME_SOURCE: SOURCE,
        }
    )


def _truth(row: Row, columns: Columns) -> Document:
    label = _text(row.values.get(columns.label)) if columns.label else None
    if label is not None:
        return {schema.OUTCOME_LABEL: label}
    if columns.value is None or row.values.get(columns.value) is None:
        missing = columns.label or columns.value
        raise InvalidEventError("no_outcome", f"Column '{missing}' is empty.")
    return {schema.OUTCOME_VALUE: _number(row.values[columns.value], columns.value)}


def _text(value: Any) -> str | None:  # noqa: ANN401 - whatever a file holds
    """A key or class as text: a whole float is a whole number, as files mix them up."""
    if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _number(value: Any, column: str) -> float:  # noqa: ANN401 - whatever a file holds
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise InvalidEventError(
            "not_valid", f"Column '{column}' holds {value!r}, which is no number."
        ) from None
    if not math.isfinite(number):
        raise InvalidEventError("not_valid", f"Column '{column}' holds {value!r}, which is not finite.")
    return number


def _observed_at(row: Row, columns: Columns) -> datetime | None:
    value = row.values.get(columns.observed_at) if columns.observed_at else None
    if value is None:
        return None
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        raise InvalidEventError(
            "not_valid", f"Column '{columns.observed_at}' holds {value!r}, which is no ISO 8601 time."
        ) from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
