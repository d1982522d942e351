"""Whether every event arrived, and where the others are."""

from __future__ import annotations

from typing import Final

from mlmon.core import schema
from mlmon.core.panel import ALL, AUTO, MODEL, Kind, Panel, Unit
from mlmon.core.panels.columns import NAME, SUBJECT, TIME, VALUE, N
from mlmon.core.query import AllOf, Count, Equals, Max, Min, OneOf, Query, Sum, Terms, TimeBucket
from mlmon.core.schema import Dataset

_ANALYZER: Final = "delivery"
_OF_ALL_TIME: Final = AllOf((Equals(schema.RESULT_ANALYZER, _ANALYZER), Equals(schema.WINDOW_SIZE, ALL)))
_NOT_COUNTED: Final = "Nothing is counted yet. Run: mlmon analyze"

PLACES: Final = Panel(
    id="places",
    title="Where are all events?",
    kind=Kind.TABLE,
    query=Query(
        dataset=Dataset.METRIC,
        where=_OF_ALL_TIME,
        by={NAME: Terms(schema.METRIC_NAME)},
        measures={
            VALUE: Sum(schema.RESULT_VALUE),
            "since": Min(schema.WINDOW_START),
            "until": Max(schema.WINDOW_END),
        },
    ),
    x=NAME,
    y=(VALUE, "since", "until"),
    unit=Unit.COUNT,
    size=ALL,
    empty=_NOT_COUNTED,
)

UNKNOWN: Final = Panel(
    id="unknown",
    title="Whose events are not all there?",
    kind=Kind.TABLE,
    query=Query(
        dataset=Dataset.METRIC,
        where=AllOf((_OF_ALL_TIME, OneOf(schema.METRIC_NAME, ("missing", "dropped", "dead_lettered")))),
        by={
            MODEL: Terms(schema.MODEL_NAME),
            SUBJECT: Terms(schema.RESULT_SUBJECT),
            NAME: Terms(schema.METRIC_NAME),
        },
        measures={VALUE: Sum(schema.RESULT_VALUE), N: Sum(schema.RESULT_N)},
    ),
    x=MODEL,
    y=(VALUE, N),
    unit=Unit.COUNT,
    size=ALL,
    empty=_NOT_COUNTED,
)

LOSSES: Final = Panel(
    id="losses",
    title="On which days did losses come to light?",
    kind=Kind.BARS,
    query=Query(
        dataset=Dataset.FINDING,
        where=Equals(schema.RESULT_ANALYZER, _ANALYZER),
        by={TIME: TimeBucket(AUTO), "state": Terms(schema.FINDING_STATE)},
        measures={N: Count()},
    ),
    x=TIME,
    y=(N,),
    series="state",
    unit=Unit.COUNT,
    empty="No losses came to light in this time.",
)
