"""How good the predictions are: a measure over time and by segment, and what is behind it."""

from __future__ import annotations

from typing import Final

from mlmon.core import schema
from mlmon.core.metric import unit_of, words
from mlmon.core.panel import Kind, Panel, Unit
from mlmon.core.panels.columns import HIGH, LOW, NO_OUTCOMES, SEGMENT, TIME, VALUE, N, metrics
from mlmon.core.query import Count, NumberBucket, Query, Sum, Terms
from mlmon.core.schema import Dataset

WEIGHT: Final = "weight"
SCORE: Final = "score"
PREDICTED: Final = "predicted"
OBSERVED: Final = "observed"
ERROR_SUM: Final = "error_sum"
SCORE_SUM: Final = "score_sum"

SCORE_STEP: Final = 0.05
"""Width of the bins of the score histogram and of the calibration curve."""


def performance(metric: str) -> Panel:
    """One measure of quality over time, with its interval."""
    return Panel(
        id="performance",
        title=f"How good are the predictions? {words(metric)}",
        kind=Kind.INTERVAL,
        query=metrics((metric,)),
        x=TIME,
        y=(VALUE,),
        low=LOW,
        high=HIGH,
        unit=unit_of(metric),
        empty=NO_OUTCOMES,
    )


def segments(metric: str) -> Panel:
    """One measure of quality by segment, at the start and at the end of the time shown."""
    return Panel(
        id="segments",
        title=f"Which segments got worse? {words(metric)}",
        kind=Kind.DOTS,
        query=metrics((metric,), segments=True),
        x=VALUE,
        y=(SEGMENT,),
        low=LOW,
        high=HIGH,
        unit=unit_of(metric),
        empty="No segments with results. Log some: log.inference(features=x, segment={'carrier': 'UA'})",
    )


OUTCOMES: Final = Panel(
    id="coverage",
    title="How many outcomes have arrived?",
    kind=Kind.INTERVAL,
    query=metrics(("coverage",)),
    x=TIME,
    y=(VALUE,),
    unit=Unit.RATIO,
    empty=NO_OUTCOMES,
)

CONFUSION: Final = Panel(
    id="confusion",
    title="What is taken for what?",
    kind=Kind.CONFUSION,
    query=Query(
        dataset=Dataset.EVALUATION,
        by={OBSERVED: Terms(schema.OUTCOME_LABEL), PREDICTED: Terms(schema.PREDICTION_LABEL)},
        measures={N: Sum(schema.EVALUATION_WEIGHT)},
    ),
    x=PREDICTED,
    y=(OBSERVED,),
    series=N,
    unit=Unit.COUNT,
    empty=NO_OUTCOMES,
)

CALIBRATION: Final = Panel(
    id="calibration",
    title="Do scores come true as often as they say?",
    kind=Kind.CALIBRATION,
    # The observed share is the score minus its error, so no label needs to be known here.
    query=Query(
        dataset=Dataset.EVALUATION,
        by={
            SCORE: NumberBucket(schema.PREDICTION_SCORE, SCORE_STEP),
            WEIGHT: Terms(schema.EVALUATION_WEIGHT),
        },
        measures={
            N: Count(),
            ERROR_SUM: Sum(schema.EVALUATION_ERROR),
            SCORE_SUM: Sum(schema.PREDICTION_SCORE),
        },
    ),
    x=SCORE,
    y=(N, ERROR_SUM, SCORE_SUM),
    series=WEIGHT,
    unit=Unit.RATIO,
    empty=NO_OUTCOMES,
)
