"""Whether inputs and scores still look like the reference's."""

from __future__ import annotations

from typing import Final

from mlmon.core.panel import Kind, Panel
from mlmon.core.panels.columns import SUBJECT, TIME, VALUE, metrics

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
