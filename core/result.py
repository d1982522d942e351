"""What analyzers report: a metric is one number, a finding is one verdict with its evidence.

Both are documents of a store too. Their ids are made from what they speak of, so that stating a window
again replaces what was said of it.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final

import msgspec
from msgspec import Struct

from mlmon.core import schema
from mlmon.core.clock import isoformat
from mlmon.core.schema import Dataset
from mlmon.core.window import Window

REFERENCE: Final = "reference"
"""As the size of a metric's window: what the reference says, for whoever draws it behind the model's own."""


class Severity(StrEnum):
    """How much a finding matters."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class State(StrEnum):
    """Whether a finding still holds."""

    FIRING = "firing"
    RESOLVED = "resolved"


class Metric(Struct, frozen=True, kw_only=True):
    """One number, with what it rests on.

    `subject` is the feature or class that it speaks of, empty where it speaks of the model. `segment` is
    `field=value`, empty for all traffic; `version` is empty for all versions together. `low` and `high`
    are the 95 % interval, None where the metric has none. `coverage` is the share of the window's
    inferences with an outcome, None where outcomes play no part.
    """

    analyzer: str
    model: str
    name: str
    window: Window
    size: str
    value: float | None
    n: float
    version: str = ""
    segment: str = ""
    subject: str = ""
    low: float | None = None
    high: float | None = None
    coverage: float | None = None
    final: bool = True

    @property
    def label(self) -> str:
        """The name with its subject: `psi[distance]`."""
        return f"{self.name}[{self.subject}]" if self.subject else self.name


class Finding(Struct, frozen=True, kw_only=True):
    """One verdict, with the value that decided, the bound it was held against, and the evidence.

    `metric` names the number that decided; `message` is one sentence for a person; `evidence` holds
    whatever a chart of it needs, as plain JSON values.
    """

    analyzer: str
    model: str
    metric: str
    window: Window
    size: str
    value: float | None
    bound: float | None
    n: float
    message: str
    severity: Severity = Severity.WARNING
    state: State = State.FIRING
    version: str = ""
    segment: str = ""
    subject: str = ""
    low: float | None = None
    high: float | None = None
    evidence: dict[str, Any] = {}

    @property
    def label(self) -> str:
        """The metric with its subject: `psi[distance]`."""
        return f"{self.metric}[{self.subject}]" if self.subject else self.metric


Result = Metric | Finding

_EVENT_KIND: Final = {Dataset.METRIC: "metric", Dataset.FINDING: "alert"}


@lru_cache(maxsize=1024)
def _text(moment: datetime) -> str:
    """As `isoformat`; many results share a window."""
    return isoformat(moment)


def dataset_of(result: Result) -> Dataset:
    """Where a result is kept."""
    return Dataset.METRIC if isinstance(result, Metric) else Dataset.FINDING


def identity(result: Result) -> str:
    """The id of a result: the same for the same model, window, segment and name, whatever its value."""
    name = result.name if isinstance(result, Metric) else result.metric
    parts = (
        dataset_of(result), result.analyzer, result.model, result.version, result.segment,
        name, result.subject, result.size, _text(result.window.start),
    )  # fmt: skip
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()


def is_open(finding: Finding, last: datetime | None) -> bool:
    """Whether a finding still holds: it fires, and no later window of its size is over.

    `last` is when the model last served; None where it never did, and then nothing holds.
    """
    if finding.state is not State.FIRING or last is None:
        return False
    window = finding.window
    return finding.size == "all" or window.end + (window.end - window.start) > last


def to_document(result: Result) -> dict[str, Any]:
    """The flat document of a metric or finding."""
    dataset = dataset_of(result)
    document = {
        schema.TIMESTAMP: _text(result.window.start),
        schema.EVENT_ID: identity(result),
        schema.EVENT_DATASET: str(dataset),
        schema.EVENT_KIND: _EVENT_KIND[dataset],
        schema.SCHEMA: schema.SCHEMA_VERSION,
        schema.RESULT_ANALYZER: result.analyzer,
        schema.MODEL_NAME: result.model,
        schema.MODEL_VERSION: result.version,
        schema.RESULT_SEGMENT: result.segment,
        schema.RESULT_SUBJECT: result.subject,
        schema.WINDOW_START: _text(result.window.start),
        schema.WINDOW_END: _text(result.window.end),
        schema.WINDOW_SIZE: result.size,
        schema.RESULT_VALUE: result.value,
        schema.RESULT_N: result.n,
        schema.RESULT_LOW: result.low,
        schema.RESULT_HIGH: result.high,
    }
    return document | (_of_metric(result) if isinstance(result, Metric) else _of_finding(result))


def _of_metric(metric: Metric) -> dict[str, Any]:
    return {
        schema.METRIC_NAME: metric.name,
        schema.METRIC_COVERAGE: metric.coverage,
        schema.METRIC_FINAL: metric.final,
    }


def _of_finding(finding: Finding) -> dict[str, Any]:
    return {
        schema.METRIC_NAME: finding.metric,
        schema.MESSAGE: finding.message,
        schema.FINDING_BOUND: finding.bound,
        schema.FINDING_SEVERITY: str(finding.severity),
        schema.FINDING_STATE: str(finding.state),
        schema.FINDING_EVIDENCE: msgspec.json.encode(finding.evidence).decode(),
    }


def from_document(document: dict[str, Any]) -> Result:
    """The metric or finding a stored document holds; dates may be datetimes or text.

    Raises:
        msgspec.ValidationError: the document is no result.

    """
    is_metric = document[schema.EVENT_DATASET] == Dataset.METRIC
    fields: dict[str, Any] = {
        "analyzer": document[schema.RESULT_ANALYZER],
        "model": document[schema.MODEL_NAME],
        "name" if is_metric else "metric": document[schema.METRIC_NAME],
        "window": {"start": document[schema.WINDOW_START], "end": document[schema.WINDOW_END]},
        "size": document[schema.WINDOW_SIZE],
        "value": document.get(schema.RESULT_VALUE),
        "n": document[schema.RESULT_N],
        "version": document.get(schema.MODEL_VERSION) or "",
        "segment": document.get(schema.RESULT_SEGMENT) or "",
        "subject": document.get(schema.RESULT_SUBJECT) or "",
        "low": document.get(schema.RESULT_LOW),
        "high": document.get(schema.RESULT_HIGH),
    }
    if is_metric:
        fields |= {"coverage": document.get(schema.METRIC_COVERAGE), "final": document[schema.METRIC_FINAL]}
        return msgspec.convert(fields, Metric)
    fields |= {
        "bound": document.get(schema.FINDING_BOUND),
        "message": document[schema.MESSAGE],
        "severity": document[schema.FINDING_SEVERITY],
        "state": document[schema.FINDING_STATE],
        "evidence": msgspec.json.decode(document[schema.FINDING_EVIDENCE]),
    }
    return msgspec.convert(fields, Finding)
