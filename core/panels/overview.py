"""All models at a glance."""

from __future__ import annotations

from typing import Final

from mlmon.core import schema
from mlmon.core.metric import HEADLINES
from mlmon.core.panel import AUTO, MODEL, Kind, Panel, Ratio, Unit
from mlmon.core.panels.columns import NAME, NO_OUTCOMES, TIME, VALUE, N, metrics
from mlmon.core.panels.service import ERROR_RATE
from mlmon.core.query import Count, Distinct, Equals, Max, Mean, Query, Terms, TimeBucket
from mlmon.core.result import State
from mlmon.core.schema import Dataset

_FAILED: Final = Equals(schema.EVENT_OUTCOME, "failure")
_NONE: Final = "No inferences in this time. Do they arrive? mlmon doctor"

MODELS: Final = Panel(
    id="models",
    title="How is each model?",
    kind=Kind.TABLE,
    query=Query(
        dataset=Dataset.INFERENCE,
        by={MODEL: Terms(schema.MODEL_NAME)},
        measures={
            N: Count(),
            "failed": Count(where=_FAILED),
            "latency": Mean(schema.EVENT_DURATION),
            "versions": Distinct(schema.MODEL_VERSION),
            "last": Max(schema.TIMESTAMP),
        },
    ),
    x=MODEL,
    y=(N, "error_rate", "latency", "versions", "last"),
    ratios={"error_rate": Ratio(over="failed", under=N)},
    thresholds=ERROR_RATE,
    empty=_NONE,
)

TRAFFIC_BY_MODEL: Final = Panel(
    id="traffic-by-model",
    title="How much is each model asked?",
    kind=Kind.BARS,
    query=Query(
        dataset=Dataset.INFERENCE,
        by={TIME: TimeBucket(AUTO), MODEL: Terms(schema.MODEL_NAME)},
        measures={N: Count()},
    ),
    x=TIME,
    y=(N,),
    series=MODEL,
    unit=Unit.COUNT,
    empty=_NONE,
)

HEADLINE: Final = Panel(
    id="headline",
    title="How good is each model? ROC AUC, accuracy or mean absolute error",
    kind=Kind.LINES,
    query=metrics(HEADLINES),
    x=TIME,
    y=(VALUE,),
    series=NAME,
    empty=NO_OUTCOMES,
)


def _number(id_: str, title: str, query: Query, unit: Unit = Unit.COUNT) -> Panel:
    [column] = query.measures
    return Panel(id=id_, title=title, kind=Kind.NUMBER, query=query, x=column, y=(column,), unit=unit)


NUMBERS: Final = (
    _number(
        "how-many-models",
        "Models",
        Query(dataset=Dataset.INFERENCE, measures={N: Distinct(schema.MODEL_NAME)}),
    ),
    _number("how-many-inferences", "Inferences", Query(dataset=Dataset.INFERENCE, measures={N: Count()})),
    _number("how-many-outcomes", "Outcomes", Query(dataset=Dataset.OUTCOME, measures={N: Count()})),
    _number(
        "how-many-findings",
        "Findings that fire",
        Query(
            dataset=Dataset.FINDING,
            where=Equals(schema.FINDING_STATE, str(State.FIRING)),
            measures={N: Count()},
        ),
    ),
)
