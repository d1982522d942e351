"""Whether inputs and scores still look like the reference's."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from mlmon.core import schema
from mlmon.core.panel import Kind, Panel, Threshold
from mlmon.core.panels.columns import HIGH, LOW, NAME, SUBJECT, TIME, VALUE, N, metrics
from mlmon.core.query import OneOf, Query
from mlmon.core.result import Severity

PSI: Final = (
    Threshold(value=0.1, severity=Severity.WARNING),
    Threshold(value=0.25, severity=Severity.CRITICAL),
)
"""From where on a feature is said to have drifted, and drifted a lot; the default policy's bounds."""

_NO_REFERENCE: Final = "No drift is measured yet. Build a reference: mlmon reference build --model NAME"
_PREDICTIONS: Final = tuple(
    field.removeprefix("mlmon.")
    for field in (schema.PREDICTION_SCORE, schema.PREDICTION_VALUE, schema.PREDICTION_LABEL)
)


def _timeless(query: Query) -> Query:
    return replace(query, by={name: key for name, key in query.by.items() if name != TIME})


DRIFT: Final = Panel(
    id="drift",
    title="Which inputs and scores drift from the reference?",
    kind=Kind.HEATMAP,
    query=metrics(("psi",), subjects=True),
    x=TIME,
    y=(SUBJECT,),
    series=VALUE,
    empty=_NO_REFERENCE,
    thresholds=PSI,
)

DISTANCES: Final = Panel(
    id="distances",
    title="How large is the largest gap between the distributions? (Kolmogorov-Smirnov)",
    kind=Kind.HEATMAP,
    query=metrics(("kolmogorov_smirnov",), subjects=True),
    x=TIME,
    y=(SUBJECT,),
    series=VALUE,
    empty=_NO_REFERENCE,
)

OF_PREDICTIONS: Final = Panel(
    id="prediction-drift",
    title="Do the predictions drift? (PSI)",
    kind=Kind.LINES,
    query=metrics(("psi",), OneOf(schema.RESULT_SUBJECT, _PREDICTIONS), subjects=True),
    x=TIME,
    y=(VALUE,),
    series=SUBJECT,
    empty=_NO_REFERENCE,
    thresholds=PSI,
)

STRONGEST: Final = Panel(
    id="strongest-drift",
    title="What drifted most in this time?",
    kind=Kind.TABLE,
    query=_timeless(metrics(("psi",), subjects=True)),
    x=SUBJECT,
    y=(VALUE, N),
    series=NAME,
    empty=_NO_REFERENCE,
    thresholds=PSI,
)

WITH_LOSS: Final = Panel(
    id="drift-with-loss",
    title="What drifts as performance falls? (Rank correlation; no proof of a cause)",
    kind=Kind.TABLE,
    query=_timeless(metrics(("drift_with_loss",), subjects=True)),
    x=SUBJECT,
    y=(VALUE, LOW, HIGH, N),
    series=NAME,
    empty="Nothing to say yet: this needs eight weeks with drift and with outcomes.",
)

TOGETHER: Final = Panel(
    id="drift-together",
    title="Do the features still go together? (AUC of a classifier against the reference)",
    kind=Kind.INTERVAL,
    query=metrics(("domain_auc",)),
    x=TIME,
    y=(VALUE,),
    low=LOW,
    high=HIGH,
    empty="No such drift is measured yet: it needs a reference, and a week of events.",
    thresholds=(Threshold(value=0.6, severity=Severity.WARNING),),
)
