"""Whether the data that comes in is as it should be."""

from __future__ import annotations

from typing import Final

from mlmon.core.panel import Kind, Panel, Unit
from mlmon.core.panels.columns import SUBJECT, TIME, VALUE, metrics

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
