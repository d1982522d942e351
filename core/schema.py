"""The one list of fields: every name, type and meaning an event or a result may carry.

Index templates, table definitions, validation and the table in the documentation are all rendered
from :data:`FIELDS`. Elsewhere a field is named by its constant here, never by a string.

A document is flat: a declared field is one dotted key (`"mlmon.model.name"`), as ecs-logging allows and
Elasticsearch expands. An open family, such as the features of a model, is one object under a
dotted key (`"mlmon.features.numeric": {"temp": 1.5}`); `member` names one of its members.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from msgspec import Struct

SCHEMA_VERSION: Final = 1
"""Raised when a stored document of an older version would be misread."""

ECS_VERSION_WRITTEN: Final = "8.17.0"
"""The Elastic Common Schema version whose meanings the ECS fields follow."""


class Type(StrEnum):
    """How a field is stored and what may be asked of it."""

    DATE = "date"
    KEYWORD = "keyword"
    TEXT = "text"
    LONG = "long"
    DOUBLE = "double"
    BOOLEAN = "boolean"
    KEYWORD_LIST = "keyword_list"
    DOUBLE_MAP = "double_map"
    KEYWORD_MAP = "keyword_map"


class Dataset(StrEnum):
    """The kinds of documents a store keeps; the value of `event.dataset`."""

    INFERENCE = "mlmon.inference"
    OUTCOME = "mlmon.outcome"
    EVALUATION = "mlmon.evaluation"
    APP = "mlmon.app"
    HEALTH = "mlmon.health"
    JOB = "mlmon.job"
    METRIC = "mlmon.metric"
    FINDING = "mlmon.finding"


EVENTS: Final = (
    Dataset.INFERENCE,
    Dataset.OUTCOME,
    Dataset.EVALUATION,
    Dataset.APP,
    Dataset.HEALTH,
    Dataset.JOB,
)
"""Append-only datasets: what happened.

Producers and collectors report of themselves in `HEALTH`, the analyzers in `JOB`, because each dataset has
one kind of writer.
"""

LOGGED: Final = (Dataset.INFERENCE, Dataset.OUTCOME, Dataset.APP)
"""What producers number, so that a gap is a loss."""

RESULTS: Final = (Dataset.METRIC, Dataset.FINDING)
"""Datasets whose documents have deterministic ids and replace themselves when stated again."""

_ALL: Final = (*EVENTS, *RESULTS)
_SERVED: Final = (Dataset.INFERENCE, Dataset.EVALUATION)
_TRUTH: Final = (Dataset.OUTCOME, Dataset.EVALUATION)
_INFERENCE: Final = (Dataset.INFERENCE,)
_OUTCOME: Final = (Dataset.OUTCOME,)
_EVALUATION: Final = (Dataset.EVALUATION,)
_METRIC: Final = (Dataset.METRIC,)
_FINDING: Final = (Dataset.FINDING,)
_SELF: Final = (Dataset.HEALTH, Dataset.JOB)


class Field(Struct, frozen=True, kw_only=True):
    """One row of the schema."""

    name: str
    type: Type
    about: str
    unit: str
    datasets: tuple[Dataset, ...]
    required: tuple[Dataset, ...]

    @property
    def is_open(self) -> bool:
        """Whether the field is an object whose members are not declared."""
        return self.type in (Type.DOUBLE_MAP, Type.KEYWORD_MAP)


_table: dict[str, Field] = {}


def _field(
    name: str,
    type: Type,  # noqa: A002 - the column's name
    about: str,
    *,
    on: Iterable[Dataset] = _ALL,
    required: Iterable[Dataset] = (),
    unit: str = "",
) -> str:
    _table[name] = Field(
        name=name, type=type, about=about, unit=unit, datasets=tuple(on), required=tuple(required)
    )
    return name


TIMESTAMP = _field(
    "@timestamp", Type.DATE, "When it happened; for a result, where its window starts.", required=_ALL
)
LOG_LEVEL = _field(
    "log.level", Type.KEYWORD, "debug, info, warning, error or critical.", on=EVENTS, required=EVENTS
)
MESSAGE = _field("message", Type.TEXT, "What a person reads.")
ECS_VERSION = _field("ecs.version", Type.KEYWORD, "The Elastic Common Schema version followed.", on=EVENTS)
EVENT_ID = _field(
    "event.id", Type.KEYWORD, "Unique and stable: a document sent twice is stored once.", required=_ALL
)
EVENT_KIND = _field("event.kind", Type.KEYWORD, "event, metric or alert, as ECS defines them.")
EVENT_DATASET = _field("event.dataset", Type.KEYWORD, "Which kind of document this is.", required=_ALL)
EVENT_OUTCOME = _field(
    "event.outcome", Type.KEYWORD, "success, failure or unknown.", on=EVENTS, required=_INFERENCE
)
EVENT_SEQUENCE = _field(
    "event.sequence", Type.LONG, "Counts one producer's events from 0; a gap is a loss.", on=EVENTS
)
EVENT_DURATION = _field("event.duration", Type.LONG, "How long the inference took.", on=_SERVED, unit="ns")
EVENT_INGESTED = _field(
    "event.ingested", Type.DATE, "When the store made it durable; jobs keep their cursor on it."
)
SERVICE_NAME = _field("service.name", Type.KEYWORD, "The service that serves the model.", on=EVENTS)
SERVICE_VERSION = _field("service.version", Type.KEYWORD, "The release of that service.", on=EVENTS)
SERVICE_ENVIRONMENT = _field("service.environment", Type.KEYWORD, "production, staging and so on.", on=EVENTS)
TRACE_ID = _field("trace.id", Type.KEYWORD, "W3C trace id of the request.", on=EVENTS)
SPAN_ID = _field("span.id", Type.KEYWORD, "W3C span id within the trace.", on=EVENTS)
ERROR_TYPE = _field("error.type", Type.KEYWORD, "Class of the exception.", on=EVENTS)
ERROR_MESSAGE = _field("error.message", Type.TEXT, "Text of the exception.", on=EVENTS)
ERROR_STACK = _field("error.stack_trace", Type.TEXT, "Stack of the exception.", on=EVENTS)
HOST_NAME = _field("host.name", Type.KEYWORD, "The machine.", on=EVENTS)
PROCESS_PID = _field("process.pid", Type.LONG, "The process.", on=EVENTS)
LOG_LOGGER = _field("log.logger", Type.KEYWORD, "Name of the logger.", on=EVENTS)
LOG_FILE = _field("log.origin.file.name", Type.KEYWORD, "Source file of the log call.", on=(Dataset.APP,))
LOG_LINE = _field("log.origin.file.line", Type.LONG, "Line of the log call.", on=(Dataset.APP,))
LOG_FUNCTION = _field("log.origin.function", Type.KEYWORD, "Function of the log call.", on=(Dataset.APP,))
LABELS = _field("labels", Type.KEYWORD_MAP, "The caller's own words: whatever was in `extra`.", on=EVENTS)
NAMESPACE = _field("data_stream.namespace", Type.KEYWORD, "Team or environment that owns the event.")
SCHEMA = _field("mlmon.schema_version", Type.LONG, "Version of this list the document was written by.")
PRODUCER_ID = _field(
    "mlmon.producer.id", Type.KEYWORD, "The logger, in one process, that wrote it.", on=EVENTS
)

MODEL_NAME = _field("mlmon.model.name", Type.KEYWORD, "The model.", required=(*_SERVED, *_TRUTH, *RESULTS))
MODEL_VERSION = _field("mlmon.model.version", Type.KEYWORD, "Its version.")
MODEL_RUN_ID = _field("mlmon.model.run_id", Type.KEYWORD, "The training run behind the version.", on=EVENTS)
ENDPOINT = _field("mlmon.deployment.endpoint", Type.KEYWORD, "default, canary or shadow.", on=EVENTS)
VARIANT = _field("mlmon.deployment.variant", Type.KEYWORD, "Arm of an experiment.", on=EVENTS)
TASK = _field("mlmon.task", Type.KEYWORD, "binary, multiclass, regression or ranking.", on=_SERVED)
INFERENCE_ID = _field(
    "mlmon.inference.id",
    Type.KEYWORD,
    "Joins an inference with its outcome.",
    on=(*_SERVED, Dataset.OUTCOME, Dataset.APP),
    required=(*_SERVED, Dataset.OUTCOME),
)
ITEM_INDEX = _field("mlmon.inference.item_index", Type.LONG, "Row of the batch, from 0.", on=_SERVED)
BATCH_SIZE = _field("mlmon.inference.batch_size", Type.LONG, "Rows in the batch.", on=_SERVED, unit="rows")
SAMPLE_WEIGHT = _field(
    "mlmon.inference.sample_weight",
    Type.DOUBLE,
    "How many inferences this one stands for; 1 if absent.",
    on=_SERVED,
)
PREDICTION_LABEL = _field("mlmon.prediction.label", Type.KEYWORD, "The predicted class.", on=_SERVED)
PREDICTION_VALUE = _field("mlmon.prediction.value", Type.DOUBLE, "The predicted number.", on=_SERVED)
PREDICTION_SCORE = _field(
    "mlmon.prediction.score",
    Type.DOUBLE,
    "Probability of the positive class (binary) or of the label.",
    on=_SERVED,
)
PREDICTION_PROBABILITIES = _field(
    "mlmon.prediction.probabilities", Type.DOUBLE_MAP, "Probability of each class.", on=_SERVED
)
PREDICTION_THRESHOLD = _field(
    "mlmon.prediction.threshold", Type.DOUBLE, "Score from which the positive class is predicted.", on=_SERVED
)
POSITIVE_LABEL = _field(
    "mlmon.prediction.positive_label", Type.KEYWORD, "The class whose probability the score is.", on=_SERVED
)
FEATURES_NUMERIC = _field(
    "mlmon.features.numeric", Type.DOUBLE_MAP, "Numeric inputs of the model.", on=_INFERENCE
)
FEATURES_CATEGORICAL = _field(
    "mlmon.features.categorical", Type.KEYWORD_MAP, "Categorical inputs of the model.", on=_INFERENCE
)
SEGMENT = _field(
    "mlmon.segment", Type.KEYWORD_MAP, "What to compare within: carrier, region, tier.", on=_SERVED
)

OUTCOME_LABEL = _field("mlmon.outcome.label", Type.KEYWORD, "The true class.", on=_TRUTH)
OUTCOME_VALUE = _field("mlmon.outcome.value", Type.DOUBLE, "The true number.", on=_TRUTH)
OUTCOME_OBSERVED_AT = _field(
    "mlmon.outcome.observed_at", Type.DATE, "When the truth became known.", on=_TRUTH
)
OUTCOME_REVISION = _field(
    "mlmon.outcome.revision", Type.LONG, "0 at first; a correction has a higher one and wins.", on=_TRUTH
)
OUTCOME_RETRACTED = _field(
    "mlmon.outcome.retracted",
    Type.BOOLEAN,
    "True where the outcome is withdrawn and nothing replaces it.",
    on=_OUTCOME,
)
OUTCOME_SOURCE = _field("mlmon.outcome.source", Type.KEYWORD, "Where the truth came from.", on=_TRUTH)

EVALUATION_CORRECT = _field(
    "mlmon.evaluation.correct", Type.BOOLEAN, "Whether the predicted class was the true one.", on=_EVALUATION
)
EVALUATION_ERROR = _field(
    "mlmon.evaluation.error",
    Type.DOUBLE,
    "Prediction minus truth: a number's error, or score minus 1 or 0 for a class.",
    on=_EVALUATION,
)
EVALUATION_LOSS = _field(
    "mlmon.evaluation.loss",
    Type.DOUBLE,
    "Log loss of a class (nats), absolute error of a number.",
    on=_EVALUATION,
)
EVALUATION_DELAY = _field(
    "mlmon.evaluation.delay", Type.LONG, "From the inference to its outcome.", on=_EVALUATION, unit="ns"
)
EVALUATION_WEIGHT = _field(
    "mlmon.evaluation.weight",
    Type.DOUBLE,
    "Sample weight, negative where this withdraws an earlier evaluation; sums of it count.",
    on=_EVALUATION,
    required=_EVALUATION,
)
REDACTION_FIELDS = _field(
    "mlmon.redaction.fields", Type.KEYWORD_LIST, "What was removed or masked.", on=EVENTS
)
REDACTION_COUNT = _field("mlmon.redaction.count", Type.LONG, "How many values were.", on=EVENTS)

HEALTH_PART = _field(
    "mlmon.health.part",
    Type.KEYWORD,
    "Which part of mlmon reports of itself: producer, collector or analyzers.",
    on=_SELF,
    required=_SELF,
)
HEALTH_STARTED = _field("mlmon.health.started", Type.DATE, "Since when it counts.", on=_SELF)
HEALTH_COUNTERS = _field(
    "mlmon.health.counters",
    Type.DOUBLE_MAP,
    "What it has counted since then: emitted, sampled_out, dropped_REASON and so on.",
    on=_SELF,
)
HEALTH_GAUGES = _field(
    "mlmon.health.gauges", Type.DOUBLE_MAP, "How it is now: queued, lag_seconds and so on.", on=_SELF
)

RESULT_ANALYZER = _field("mlmon.result.analyzer", Type.KEYWORD, "Who computed it.", on=RESULTS)
RESULT_SUBJECT = _field(
    "mlmon.result.subject", Type.KEYWORD, "The feature or class it speaks of.", on=RESULTS
)
RESULT_SEGMENT = _field(
    "mlmon.result.segment", Type.KEYWORD, "`field=value`, or empty for all traffic.", on=RESULTS
)
WINDOW_START = _field("mlmon.window.start", Type.DATE, "Start of the window, within.", on=RESULTS)
WINDOW_END = _field("mlmon.window.end", Type.DATE, "End of the window, not within.", on=RESULTS)
WINDOW_SIZE = _field(
    "mlmon.window.size",
    Type.KEYWORD,
    "1h, 1d, 7d, 30d, month or all; reference for what the reference says.",
    on=RESULTS,
)
RESULT_VALUE = _field("mlmon.result.value", Type.DOUBLE, "The number.", on=RESULTS)
RESULT_N = _field("mlmon.result.n", Type.DOUBLE, "How many events it rests on.", on=RESULTS)
RESULT_LOW = _field("mlmon.result.low", Type.DOUBLE, "Lower end of the 95 % interval.", on=RESULTS)
RESULT_HIGH = _field("mlmon.result.high", Type.DOUBLE, "Upper end of the 95 % interval.", on=RESULTS)
METRIC_NAME = _field(
    "mlmon.metric.name", Type.KEYWORD, "accuracy, recall, latency_p95 and so on.", on=RESULTS
)
METRIC_COVERAGE = _field(
    "mlmon.metric.coverage", Type.DOUBLE, "Share of the window's inferences that have an outcome.", on=_METRIC
)
METRIC_FINAL = _field(
    "mlmon.metric.final", Type.BOOLEAN, "Whether late outcomes may still change it.", on=_METRIC
)
FINDING_BOUND = _field("mlmon.finding.bound", Type.DOUBLE, "What the value was held against.", on=_FINDING)
FINDING_SEVERITY = _field("mlmon.finding.severity", Type.KEYWORD, "info, warning or critical.", on=_FINDING)
FINDING_STATE = _field("mlmon.finding.state", Type.KEYWORD, "firing or resolved.", on=_FINDING)
FINDING_EVIDENCE = _field("mlmon.finding.evidence", Type.TEXT, "JSON: the numbers that decided.", on=_FINDING)

FIELDS: Final[Mapping[str, Field]] = MappingProxyType(_table)
"""Every declared field by its name, in the order of the documentation."""


def member(family: str, name: str) -> str:
    """The field name of one member of an open family.

    >>> member(FEATURES_NUMERIC, "temp")
    'mlmon.features.numeric.temp'
    """
    return f"{family}.{name}"


def family_of(name: str) -> tuple[Field, str] | None:
    """The open family a field name belongs to and the member's name; None for a declared or unknown field.

    >>> family, key = family_of("mlmon.segment.carrier")
    >>> family.name, key
    ('mlmon.segment', 'carrier')
    """
    for field in FIELDS.values():
        if field.is_open and name.startswith(f"{field.name}."):
            return field, name[len(field.name) + 1 :]
    return None


def type_of(name: str) -> Type | None:
    """The type of a declared field or of a family's member; None where the name is unknown."""
    if name in FIELDS:
        return FIELDS[name].type
    family = family_of(name)
    if family is None:
        return None
    return Type.DOUBLE if family[0].type is Type.DOUBLE_MAP else Type.KEYWORD


def fields_of(dataset: Dataset) -> tuple[Field, ...]:
    """The fields that documents of one dataset may carry."""
    return tuple(field for field in FIELDS.values() if dataset in field.datasets)
