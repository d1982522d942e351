"""What was found, when, and of whom."""

from __future__ import annotations

from typing import Final

from mlmon.core import schema
from mlmon.core.panel import AUTO, MODEL, Kind, Listing, Panel, Unit
from mlmon.core.panels.columns import NAME, SUBJECT, TIME, VALUE, N
from mlmon.core.query import Count, Equals, Max, Query, Scan, Terms, TimeBucket
from mlmon.core.result import State
from mlmon.core.schema import Dataset

_NONE: Final = "Nothing found in this time."
_FIRING: Final = Equals(schema.FINDING_STATE, str(State.FIRING))

FOUND: Final = Panel(
    id="found",
    title="What was found, and when?",
    kind=Kind.BARS,
    query=Query(
        dataset=Dataset.FINDING,
        where=_FIRING,
        by={TIME: TimeBucket(AUTO), "severity": Terms(schema.FINDING_SEVERITY)},
        measures={N: Count()},
    ),
    x=TIME,
    y=(N,),
    series="severity",
    unit=Unit.COUNT,
    empty=_NONE,
)

BY_MODEL: Final = Panel(
    id="found-by-model",
    title="Of which model, by whom?",
    kind=Kind.HEATMAP,
    query=Query(
        dataset=Dataset.FINDING,
        where=_FIRING,
        by={"analyzer": Terms(schema.RESULT_ANALYZER), MODEL: Terms(schema.MODEL_NAME)},
        measures={N: Count()},
    ),
    x="analyzer",
    y=(MODEL,),
    series=N,
    unit=Unit.COUNT,
    empty=_NONE,
)

BY_SUBJECT: Final = Panel(
    id="found-by-subject",
    title="What fires most?",
    kind=Kind.TABLE,
    query=Query(
        dataset=Dataset.FINDING,
        where=_FIRING,
        by={
            MODEL: Terms(schema.MODEL_NAME),
            NAME: Terms(schema.METRIC_NAME),
            SUBJECT: Terms(schema.RESULT_SUBJECT),
            "severity": Terms(schema.FINDING_SEVERITY),
        },
        measures={N: Count(), VALUE: Max(schema.RESULT_VALUE), "last": Max(schema.WINDOW_END)},
    ),
    x=MODEL,
    y=(N, VALUE, "last"),
    empty=_NONE,
)

FINDINGS: Final = Listing(
    id="findings",
    title="Findings, newest first",
    scan=Scan(
        dataset=Dataset.FINDING,
        newest_first=True,
        fields=(
            schema.MODEL_NAME, schema.FINDING_SEVERITY, schema.FINDING_STATE, schema.MESSAGE,
            schema.RESULT_VALUE, schema.FINDING_BOUND, schema.RESULT_N, schema.WINDOW_SIZE, schema.WINDOW_END,
        ),
    ),
    empty=_NONE,
)  # fmt: skip
