"""How much a model is asked, how often it fails, how long it takes."""

from __future__ import annotations

from typing import Final

from mlmon.core.metric import LATENCIES
from mlmon.core.panel import Kind, Panel, Unit
from mlmon.core.panels.columns import HIGH, LOW, NAME, RUN_ANALYZE, TIME, VALUE, metrics

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
