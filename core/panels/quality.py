"""Whether the data that comes in is as it should be."""

from __future__ import annotations

from typing import Final

from mlmon.core import schema
from mlmon.core.panel import AUTO, MODEL, Kind, Panel, Threshold, Unit
from mlmon.core.panels.columns import SUBJECT, TIME, VALUE, N, metrics
from mlmon.core.query import AllOf, Count, Exists, Max, OneOf, Query, Sum, Terms, TimeBucket
from mlmon.core.result import Severity
from mlmon.core.schema import Dataset

_SHARE: Final = (Threshold(value=0.05, severity=Severity.WARNING),)
"""The change of a missing rate that matters, by the default policy."""

_INVALID: Final = ("wrong_type_rate", "outside_rate", "new_category_rate")

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
    thresholds=_SHARE,
)

INVALID: Final = Panel(
    id="invalid",
    title="Which inputs are not as expected?",
    kind=Kind.HEATMAP,
    # The largest share of a feature's values that breaks a rule: another type, out of range, a new category.
    query=Query(
        dataset=Dataset.METRIC,
        where=AllOf((OneOf(schema.METRIC_NAME, _INVALID),)),
        by={TIME: TimeBucket(AUTO), SUBJECT: Terms(schema.RESULT_SUBJECT)},
        measures={VALUE: Max(schema.RESULT_VALUE), N: Max(schema.RESULT_N)},
    ),
    x=TIME,
    y=(SUBJECT,),
    series=VALUE,
    unit=Unit.RATIO,
    empty="Nothing is expected of the inputs yet. Build a reference: mlmon reference build --model NAME",
    thresholds=(Threshold(value=0.01, severity=Severity.WARNING),),
)
"""Its threshold is what the rules let pass of values that a reference has not met."""

REDACTED: Final = Panel(
    id="redacted",
    title="How many values were masked before they were sent?",
    kind=Kind.BARS,
    query=Query(
        dataset=Dataset.INFERENCE,
        where=Exists(schema.REDACTION_COUNT),
        by={TIME: TimeBucket(AUTO), MODEL: Terms(schema.MODEL_NAME)},
        measures={N: Sum(schema.REDACTION_COUNT)},
    ),
    x=TIME,
    y=(N,),
    series=MODEL,
    unit=Unit.COUNT,
    empty="Nothing was masked in this time.",
)

OUTCOMES_BY_SOURCE: Final = Panel(
    id="outcomes-by-source",
    title="Where do outcomes come from, and how fresh are they?",
    kind=Kind.TABLE,
    query=Query(
        dataset=Dataset.OUTCOME,
        by={MODEL: Terms(schema.MODEL_NAME), "source": Terms(schema.OUTCOME_SOURCE)},
        measures={
            N: Count(),
            "revision": Max(schema.OUTCOME_REVISION),
            "observed": Max(schema.OUTCOME_OBSERVED_AT),
        },
    ),
    x=MODEL,
    y=(N, "revision", "observed"),
    series="source",
    unit=Unit.COUNT,
    empty="No outcomes in this time.",
)
