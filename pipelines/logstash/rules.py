"""What Logstash's filter holds a line against: one table, made from the schema and the collector's own words.

The filter in Logstash reads it as JSON (`rules.json`), and `effect` reads it here. So a field that is new in
the schema is checked by both, and neither knows a field's name by itself.
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Struct

from mlmon.core import schema
from mlmon.core.schema import LOGGED, Dataset, Field, Type
from mlmon.pipelines import normalise, wrapped
from mlmon.pipelines.validate import Limits

TAKEN: Final = (*LOGGED, Dataset.HEALTH)
"""What may come over a wire; the rest is computed by the jobs."""

DEAD_LETTER_TAG: Final = "mlmon_dead_letter"
DEAD_LETTER_STREAM: Final = "deadletter"
"""Behind the dataset of app logs, so that the templates and roles for these hold for it too."""
ORIGINAL: Final = "event.original"
"""Where a dead letter has its line: a field of ECS that is kept and not indexed."""
UNINDEXED: Final = "mlmon.unindexed"
"""Where clusters keep members of families whose names they refuse; the stores use the same."""
LONGEST_ID: Final = 512
_IDS: Final = frozenset({schema.EVENT_ID, schema.INFERENCE_ID, schema.MODEL_NAME})


class Check(Struct, frozen=True, kw_only=True):
    """What one field of a dataset must be. An id has from 1 to `LONGEST_ID` characters."""

    type: Type
    required: bool
    is_id: bool


class Rules(Struct, frozen=True, kw_only=True):
    """The whole table. Sizes in bytes, times in seconds."""

    max_event_bytes: int
    max_future_s: float
    longest_id: int
    longest_namespace: int
    most_nesting: int
    epoch_ms_above: int
    namespace: str
    names: dict[str, str]
    fields: dict[str, dict[str, Check]]
    known: list[str]
    own: list[str]
    datasets: list[str]
    app: str
    levels: dict[str, str]
    aliases: dict[str, str]
    nesting_lost: list[str]
    families: list[str]
    unindexed: str
    dead_letter_tag: str
    dead_letter_stream: str
    line_mark: str


MOST_NESTING: Final = 900
"""Levels. Less than any reader on the way bears, so that what is stored can be read."""
_LONGEST_NAMESPACE: Final = 100
_NAMED: Final = {
    "timestamp": schema.TIMESTAMP,
    "level": schema.LOG_LEVEL,
    "message": schema.MESSAGE,
    "id": schema.EVENT_ID,
    "dataset": schema.EVENT_DATASET,
    "ingested": schema.EVENT_INGESTED,
    "labels": schema.LABELS,
    "namespace": schema.NAMESPACE,
    "error_type": schema.ERROR_TYPE,
    "error_message": schema.ERROR_MESSAGE,
    "original": ORIGINAL,
}


def rules(*, namespace: str, limits: Limits | None = None) -> Rules:
    """The table for events whose namespace is this one where they name none."""
    allowed = limits or Limits()
    return Rules(
        max_event_bytes=allowed.max_event_bytes,
        max_future_s=allowed.max_future.total_seconds(),
        longest_id=LONGEST_ID,
        longest_namespace=_LONGEST_NAMESPACE,
        most_nesting=MOST_NESTING,
        epoch_ms_above=normalise.EPOCH_MS,
        namespace=namespace,
        names=_NAMED,
        fields={str(dataset): _checks(dataset) for dataset in TAKEN},
        known=list(schema.FIELDS),
        own=sorted(normalise.OWN),
        datasets=[str(dataset) for dataset in Dataset],
        app=str(Dataset.APP),
        levels=normalise.LEVELS,
        aliases=normalise.ALIASES,
        nesting_lost=[f"{prefix}." for prefix in normalise.NESTING_LOST],
        families=[field.name for field in schema.FIELDS.values() if field.is_open],
        unindexed=UNINDEXED,
        dead_letter_tag=DEAD_LETTER_TAG,
        dead_letter_stream=DEAD_LETTER_STREAM,
        line_mark=wrapped.MARK,
    )


def _checks(dataset: Dataset) -> dict[str, Check]:
    fields = (field for field in schema.fields_of(dataset) if field.name != schema.EVENT_DATASET)
    return {field.name: _check(field, dataset) for field in fields}


def _check(field: Field, dataset: Dataset) -> Check:
    return Check(type=field.type, required=dataset in field.required, is_id=field.name in _IDS)


def to_json(table: Rules) -> str:
    """The table as the filter in Logstash reads it."""
    return msgspec.json.format(msgspec.json.encode(table), indent=1).decode() + "\n"
