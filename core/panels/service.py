"""How much a model is asked, how often it fails, how long it takes."""

from __future__ import annotations

from typing import Final

from mlmon.core import schema
from mlmon.core.metric import LATENCIES
from mlmon.core.panel import AUTO, MODEL, VERSION, Kind, Panel, Ratio, Threshold, Unit
from mlmon.core.panels.columns import HIGH, LOW, NAME, RUN_ANALYZE, TIME, VALUE, N, metrics
from mlmon.core.query import Count, Equals, Max, Mean, Quantiles, Query, Terms, TimeBucket
from mlmon.core.result import Severity
from mlmon.core.schema import Dataset

ERROR_RATE: Final = (
    Threshold(value=0.01, severity=Severity.WARNING),
    Threshold(value=0.1, severity=Severity.CRITICAL),
)
"""The failing share that is always too much; the default policy's bounds."""

TRAFFIC: Final = Panel(
    id="traffic",
    title="How much is the model asked?",
    kind=Kind.BARS,
    query=metrics(("inferences",)),
    x=TIME,
    y=(VALUE,),
    unit=Unit.COUNT,
    empty=RUN_ANALYZE,
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
    thresholds=ERROR_RATE,
    empty=RUN_ANALYZE,
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

_FAILED: Final = Equals(schema.EVENT_OUTCOME, "failure")
_LATENCY: Final = Quantiles(schema.EVENT_DURATION, (0.5, 0.95, 0.99))
_NO_INFERENCES: Final = "No inferences in this time. Do they arrive? mlmon doctor"

LIVE_TRAFFIC: Final = Panel(
    id="live-traffic",
    title="How many inferences arrive?",
    kind=Kind.BARS,
    query=Query(
        dataset=Dataset.INFERENCE,
        by={TIME: TimeBucket(AUTO), "outcome": Terms(schema.EVENT_OUTCOME)},
        measures={N: Count()},
    ),
    x=TIME,
    y=(N,),
    series="outcome",
    unit=Unit.COUNT,
    empty=_NO_INFERENCES,
)

LIVE_ERRORS: Final = Panel(
    id="live-errors",
    title="Which share of them fails?",
    kind=Kind.LINES,
    query=Query(
        dataset=Dataset.INFERENCE,
        by={TIME: TimeBucket(AUTO), MODEL: Terms(schema.MODEL_NAME)},
        measures={"failed": Count(where=_FAILED), N: Count()},
    ),
    x=TIME,
    y=("error_rate",),
    series=MODEL,
    unit=Unit.RATIO,
    ratios={"error_rate": Ratio(over="failed", under=N)},
    thresholds=ERROR_RATE,
    empty=_NO_INFERENCES,
)

LIVE_LATENCY: Final = Panel(
    id="live-latency",
    title="How long do they take? Median, 95th and 99th percentile",
    kind=Kind.LINES,
    query=Query(dataset=Dataset.INFERENCE, by={TIME: TimeBucket(AUTO)}, measures={"latency": _LATENCY}),
    x=TIME,
    y=("latency",),
    unit=Unit.NANOSECONDS,
    empty=_NO_INFERENCES,
)

BY_SERVICE: Final = Panel(
    id="by-service",
    title="Which service and version serves how much, and how well?",
    kind=Kind.TABLE,
    query=Query(
        dataset=Dataset.INFERENCE,
        by={
            "service": Terms(schema.SERVICE_NAME),
            MODEL: Terms(schema.MODEL_NAME),
            VERSION: Terms(schema.MODEL_VERSION),
        },
        measures={
            N: Count(),
            "failed": Count(where=_FAILED),
            "latency": Mean(schema.EVENT_DURATION),
            "last": Max(schema.TIMESTAMP),
        },
    ),
    x="service",
    y=(N, "error_rate", "latency", "last"),
    ratios={"error_rate": Ratio(over="failed", under=N)},
    empty=_NO_INFERENCES,
)

FAILURES: Final = Panel(
    id="failures",
    title="What goes wrong?",
    kind=Kind.TABLE,
    query=Query(
        dataset=Dataset.INFERENCE,
        where=_FAILED,
        by={"type": Terms(schema.ERROR_TYPE), MODEL: Terms(schema.MODEL_NAME)},
        measures={N: Count(), "last": Max(schema.TIMESTAMP)},
    ),
    x="type",
    y=(N, "last"),
    unit=Unit.COUNT,
    empty="No inference failed in this time.",
)
