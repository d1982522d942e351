"""The columns of the answers that panels are drawn from, and the question for metrics most of them ask."""

from __future__ import annotations

from typing import Final

from mlmon.core import schema
from mlmon.core.panel import AUTO
from mlmon.core.query import (
    AllOf,
    Count,
    Equals,
    Filter,
    Key,
    Max,
    Measure,
    Min,
    OneOf,
    Query,
    Terms,
    TimeBucket,
)
from mlmon.core.schema import Dataset

TIME: Final = "time"
NAME: Final = "metric"
SUBJECT: Final = "subject"
VALUE: Final = "value"
LOW: Final = "low"
HIGH: Final = "high"
N: Final = "n"
COVERAGE: Final = "coverage"
FINAL: Final = "final"
SEGMENT: Final = "segment"

_STATED: Final[dict[str, Measure]] = {
    VALUE: Max(schema.RESULT_VALUE),
    LOW: Min(schema.RESULT_LOW),
    HIGH: Max(schema.RESULT_HIGH),
    N: Max(schema.RESULT_N),
    COVERAGE: Max(schema.METRIC_COVERAGE),
    FINAL: Count(where=Equals(schema.METRIC_FINAL, True)),  # noqa: FBT003 - a value, not a switch
}

RUN_ANALYZE: Final = "No results in this time. Run: mlmon analyze"
NO_OUTCOMES: Final = (
    "No outcomes in this time. Send them with log.outcome(inference_id, label=...) "
    "or: mlmon outcomes load FILE"
)


def metrics(names: tuple[str, ...], *more: Filter, subjects: bool = False, segments: bool = False) -> Query:
    """The metrics of some names over time; one row a name, window and, where asked, subject or segment."""
    by: dict[str, Key] = {TIME: TimeBucket(AUTO), NAME: Terms(schema.METRIC_NAME)}
    if subjects:
        by[SUBJECT] = Terms(schema.RESULT_SUBJECT)
    if segments:
        by[SEGMENT] = Terms(schema.RESULT_SEGMENT)
    alone = () if subjects else (Equals(schema.RESULT_SUBJECT, ""),)
    where = AllOf((OneOf(schema.METRIC_NAME, names), *alone, *more))
    return Query(dataset=Dataset.METRIC, where=where, by=by, measures=_STATED)
