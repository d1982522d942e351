"""What the page shows of one model: each panel a question to the store and how its answer is drawn."""

from __future__ import annotations

from typing import Final

from mlmon.core import schema
from mlmon.core.panel import AUTO, Kind, Panel, Unit
from mlmon.core.query import (
    AllOf,
    Count,
    Equals,
    Filter,
    Key,
    Max,
    Measure,
    Min,
    NumberBucket,
    OneOf,
    Query,
    Sum,
    Terms,
    TimeBucket,
)
from mlmon.core.schema import Dataset
from mlmon.web.units import words

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
WEIGHT: Final = "weight"
SCORE: Final = "score"
PREDICTED: Final = "predicted"
OBSERVED: Final = "observed"
ERROR_SUM: Final = "error_sum"
SCORE_SUM: Final = "score_sum"

SCORE_STEP: Final = 0.05
"""Width of the bins of the score histogram and of the calibration curve."""

LATENCIES: Final = ("latency_p50", "latency_p95", "latency_p99")

HEADLINES: Final = ("roc_auc", "accuracy", "mae")
"""The one number of a model's quality, by what it has: binary, other classes, numbers."""

QUALITY: Final = (
    "roc_auc", "average_precision", "accuracy", "balanced_accuracy", "precision", "recall", "specificity",
    "f1", "mcc", "log_loss", "brier", "calibration_error", "prevalence", "precision_macro", "recall_macro",
    "f1_macro", "precision_micro", "recall_micro", "f1_micro", "precision_weighted", "recall_weighted",
    "f1_weighted", "mae", "rmse", "bias", "r2",
)  # fmt: skip
"""What the performance charts can show, in the order they are offered."""

SMALLER_IS_BETTER: Final = frozenset({"log_loss", "brier", "calibration_error", "mae", "rmse"})

_STATED: Final[dict[str, Measure]] = {
    VALUE: Max(schema.RESULT_VALUE),
    LOW: Min(schema.RESULT_LOW),
    HIGH: Max(schema.RESULT_HIGH),
    N: Max(schema.RESULT_N),
    COVERAGE: Max(schema.METRIC_COVERAGE),
    FINAL: Count(where=Equals(schema.METRIC_FINAL, True)),  # noqa: FBT003 - a value, not a switch
}
_RUN_ANALYZE: Final = "No results in this time. Run: mlmon analyze"
_NO_OUTCOMES: Final = (
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
        empty=_NO_OUTCOMES,
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


TRAFFIC: Final = Panel(
    id="traffic",
    title="How much is the model asked?",
    kind=Kind.BARS,
    query=metrics(("inferences",)),
    x=TIME,
    y=(VALUE,),
    unit=Unit.COUNT,
    empty=_RUN_ANALYZE,
)

ERRORS: Final = Panel(
    id="errors",
    title="How often does it fail?",
    kind=Kind.INTERVAL,
    query=metrics(("error_rate",)),
    x=TIME,
    y=(VALUE,),
    low=LOW,
    high=HIGH,
    unit=Unit.RATIO,
    empty=_RUN_ANALYZE,
)

LATENCY: Final = Panel(
    id="latency",
    title="How long does an inference take?",
    kind=Kind.LINES,
    query=metrics(LATENCIES),
    x=TIME,
    y=(VALUE,),
    series=NAME,
    unit=Unit.NANOSECONDS,
    empty="No durations in this time. Use: with log.inference(features=x) as inference: ...",
)

OUTCOMES: Final = Panel(
    id="coverage",
    title="How many outcomes have arrived?",
    kind=Kind.INTERVAL,
    query=metrics(("coverage",)),
    x=TIME,
    y=(VALUE,),
    unit=Unit.RATIO,
    empty=_NO_OUTCOMES,
)

DRIFT: Final = Panel(
    id="drift",
    title="Which inputs and scores drift from the reference?",
    kind=Kind.HEATMAP,
    query=metrics(("psi",), subjects=True),
    x=TIME,
    y=(SUBJECT,),
    series=VALUE,
    empty="No drift is measured yet. Build a reference: mlmon reference build --model NAME",
)

MISSING: Final = Panel(
    id="missing",
    title="Which inputs are missing?",
    kind=Kind.HEATMAP,
    query=metrics(("missing_rate",), subjects=True),
    x=TIME,
    y=(SUBJECT,),
    series=VALUE,
    unit=Unit.RATIO,
    empty="Nothing is known of missing inputs yet. Build a reference: mlmon reference build --model NAME",
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
    empty=_NO_OUTCOMES,
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
    empty=_NO_OUTCOMES,
)

_RATIOS: Final = frozenset(
    {"accuracy", "precision", "recall", "f1", "specificity", "balanced_accuracy", "prevalence", "error_rate",
     "coverage", "missing_rate"}
)  # fmt: skip


_COUNTS: Final = frozenset({"inferences", "missing", "dropped"})


def unit_of(metric: str) -> Unit:
    """What the values of a metric are in.

    >>> unit_of("precision_macro"), unit_of("latency_p95"), unit_of("psi")
    (<Unit.RATIO: 'ratio'>, <Unit.NANOSECONDS: 'ns'>, <Unit.PLAIN: 'plain'>)
    """
    stem = metric.removesuffix("_macro").removesuffix("_micro").removesuffix("_weighted")
    if stem in _RATIOS:
        return Unit.RATIO
    if metric.startswith(("latency", "outcome_delay")):
        return Unit.NANOSECONDS
    return Unit.COUNT if metric in _COUNTS else Unit.PLAIN


def panels(metric: str) -> tuple[Panel, ...]:
    """Every panel of a model in the order of the page; `metric` is the measure of quality shown."""
    return (
        TRAFFIC, ERRORS, LATENCY, performance(metric), OUTCOMES, DRIFT, MISSING, segments(metric), CONFUSION,
        CALIBRATION,
    )  # fmt: skip


OVER_TIME: Final = ("traffic", "errors", "latency", "performance", "coverage", "drift", "missing")
"""The panels that share the time axis, in order."""

OF_CLASSES: Final = ("confusion", "calibration")
"""The panels that a model which predicts numbers has no answer for."""


def names_of(panel: Panel) -> tuple[str, ...]:
    """The metrics that a panel over metrics asks for."""
    where = panel.query.where
    parts = where.of if isinstance(where, AllOf) else ()
    return tuple(str(name) for part in parts if isinstance(part, OneOf) for name in part.values)
