"""The lines behind a point."""

from __future__ import annotations

from typing import Final

from mlmon.core import schema
from mlmon.core.panel import AUTO, Kind, Listing, Panel, Unit
from mlmon.core.panels.columns import TIME, N
from mlmon.core.query import Count, Equals, Query, Scan, Terms, TimeBucket
from mlmon.core.schema import Dataset

LEVELS: Final = Panel(
    id="log-levels",
    title="How much is logged, at which level?",
    kind=Kind.BARS,
    query=Query(
        dataset=Dataset.APP,
        by={TIME: TimeBucket(AUTO), "level": Terms(schema.LOG_LEVEL)},
        measures={N: Count()},
    ),
    x=TIME,
    y=(N,),
    series="level",
    unit=Unit.COUNT,
    empty="No log lines in this time.",
)

APP: Final = Listing(
    id="app-logs",
    title="Log lines, newest first",
    scan=Scan(
        dataset=Dataset.APP,
        newest_first=True,
        fields=(
            schema.LOG_LEVEL, schema.MODEL_NAME, schema.MESSAGE, schema.LOG_LOGGER, schema.ERROR_MESSAGE,
            schema.SERVICE_NAME, schema.INFERENCE_ID, schema.TRACE_ID,
        ),
    ),
    empty='No log lines in this time. Write some: log.warning("weather missing", extra={"origin": "JFK"})',
)  # fmt: skip

FAILED: Final = Listing(
    id="failed-inferences",
    title="Failed inferences, newest first",
    scan=Scan(
        dataset=Dataset.INFERENCE,
        where=Equals(schema.EVENT_OUTCOME, "failure"),
        newest_first=True,
        fields=(
            schema.MODEL_NAME, schema.MODEL_VERSION, schema.ERROR_TYPE, schema.ERROR_MESSAGE,
            schema.SERVICE_NAME, schema.INFERENCE_ID, schema.TRACE_ID,
        ),
    ),
    empty="No inference failed in this time.",
)  # fmt: skip

MISTAKES: Final = Listing(
    id="wrong-predictions",
    title="Wrong predictions, newest first",
    scan=Scan(
        dataset=Dataset.EVALUATION,
        where=Equals(schema.EVALUATION_CORRECT, False),  # noqa: FBT003 - a value, not a switch
        newest_first=True,
        fields=(
            schema.MODEL_NAME, schema.PREDICTION_LABEL, schema.PREDICTION_SCORE, schema.OUTCOME_LABEL,
            schema.EVALUATION_LOSS, schema.INFERENCE_ID,
        ),
    ),
    empty="No prediction is known to be wrong in this time.",
)  # fmt: skip
