"""What the parts of mlmon report of themselves, as data: producers, collectors and analyzers.

A report holds counters, which only grow from the start of a part to its end, and gauges, which say how it is
now. The last report of a part therefore says all that the ones before it said, and a lost one costs nothing.
Reports take no sequence number of their own, so that they never look like a prediction that was lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import msgspec
from msgspec import Struct

from mlmon.core import schema
from mlmon.core.clock import isoformat
from mlmon.core.event import Document
from mlmon.core.schema import Dataset


class Part(StrEnum):
    """Who reports."""

    PRODUCER = "producer"
    COLLECTOR = "collector"
    ANALYZERS = "analyzers"


# What a report counts.
EMITTED: Final = "emitted"
"""Events that took a sequence number."""
SAMPLED_OUT: Final = "sampled_out"
SENT: Final = "sent"
ACKNOWLEDGED: Final = "acknowledged"
RECEIVED: Final = "received"
STORED: Final = "stored"
DUPLICATES: Final = "duplicates"
DEAD_LETTERED: Final = "dead_lettered"
RETRIES: Final = "retries"
MISUSED: Final = "misused"
ADOPTED: Final = "adopted"
FAILED: Final = "failed"
TURNED_AWAY: Final = "turned_away"
PASSES: Final = "passes"
INFERENCES: Final = "inferences"
JOINED: Final = "joined"
WINDOWS: Final = "windows"
METRICS: Final = "metrics"
FINDINGS: Final = "findings"
DROPPED: Final = "dropped_"
"""The start of a counter's name; the reason follows: `dropped_spool_full`."""
REFUSED: Final = "refused_"
"""As `DROPPED`, for what a collector did not let in: `refused_no_key`."""

# How a part is now.
QUEUED: Final = "queued"
SPOOL_BYTES: Final = "spool_bytes"
OLDEST_SECONDS: Final = "oldest_seconds"
CONNECTIONS: Final = "connections"
WAITING_BYTES: Final = "waiting_bytes"
WRITE_P50_SECONDS: Final = "write_p50_seconds"
WRITE_P99_SECONDS: Final = "write_p99_seconds"
DISK_FREE_BYTES: Final = "disk_free_bytes"
MODELS: Final = "models"
PASS_SECONDS: Final = "pass_seconds"  # noqa: S105 - a pass of the jobs
STAGE_SECONDS: Final = "stage_seconds_"
"""The start of a gauge's name; the stage follows."""
LAG_SECONDS: Final = "lag_seconds"
SUCCESS_AGE_SECONDS: Final = "success_age_seconds"
ENDED: Final = "ended"
"""A gauge: 1 in the last report of a part that stopped in order, 0 in the others."""

FAILURE: Final = "a pass failed"
"""How the message of a report begins that tells of a pass that failed; the reason follows."""


class Report(Struct, frozen=True, kw_only=True):
    """One report of one part. `id` names the part in one process, `number` counts its reports from 0."""

    part: Part
    id: str
    number: int
    at: datetime
    started: datetime
    counters: Mapping[str, float] = {}
    gauges: Mapping[str, float] = {}
    message: str = ""


def by_reason(counters: Mapping[str, float], prefix: str = DROPPED) -> dict[str, int]:
    """The counters of one kind that were not 0, by reason.

    >>> by_reason({"emitted": 9, "dropped_spool_full": 2, "dropped_refused": 0})
    {'spool_full': 2}
    """
    return {
        name.removeprefix(prefix): int(value)
        for name, value in counters.items()
        if name.startswith(prefix) and value
    }


def dataset_of(part: Part) -> Dataset:
    """Where a part's reports are kept: each dataset has one kind of writer."""
    return Dataset.JOB if part is Part.ANALYZERS else Dataset.HEALTH


def to_document(report: Report, more: Mapping[str, Any] | None = None) -> Document:
    """The flat document of a report; `more` has further fields, such as the service and the host."""
    dataset = dataset_of(report.part)
    return {
        **(more or {}),
        schema.TIMESTAMP: isoformat(report.at),
        schema.LOG_LEVEL: "info",
        schema.MESSAGE: report.message or f"a report of the {report.part}",
        schema.ECS_VERSION: schema.ECS_VERSION_WRITTEN,
        schema.SCHEMA: schema.SCHEMA_VERSION,
        schema.EVENT_ID: f"{report.id}-health-{report.number}",
        schema.EVENT_KIND: "metric",
        schema.EVENT_DATASET: str(dataset),
        schema.PRODUCER_ID: report.id,
        schema.HEALTH_PART: str(report.part),
        schema.HEALTH_STARTED: isoformat(report.started),
        schema.HEALTH_COUNTERS: {name: float(value) for name, value in report.counters.items()},
        schema.HEALTH_GAUGES: {name: float(value) for name, value in report.gauges.items()},
    }


def from_document(document: Mapping[str, Any]) -> Report:
    """The report a stored document holds; dates may be datetimes or text.

    Raises:
        msgspec.ValidationError: the document is no report.

    """
    fields = {
        "part": document[schema.HEALTH_PART],
        "id": document[schema.PRODUCER_ID],
        "number": int(document[schema.EVENT_ID].rpartition("-")[2]),
        "at": document[schema.TIMESTAMP],
        "started": document[schema.HEALTH_STARTED],
        "counters": document.get(schema.HEALTH_COUNTERS) or {},
        "gauges": document.get(schema.HEALTH_GAUGES) or {},
        "message": document.get(schema.MESSAGE) or "",
    }
    return msgspec.convert(fields, Report)
