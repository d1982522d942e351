"""What a chart over time shows beside its values: declared events as bands, changes as lines. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from msgspec.structs import replace

from mlmon.core.occasions import Occasion
from mlmon.core.panel import Panel, Scope, names_of
from mlmon.core.result import Finding, State
from mlmon.web.charts import Chart
from mlmon.web.course import since_line
from mlmon.web.marks import Spec, marked, milliseconds, time_x

_CHANGE: Final = "changepoint"
_MOST_NAMED: Final = 3


def annotated(
    chart: Chart, panel: Panel, scope: Scope, findings: Iterable[Finding], occasions: Sequence[Occasion]
) -> Chart:
    """The chart with the declared events behind it and a line where a metric of it changed for good.

    A chart that is not over time, or of which nothing is drawn, stays as it is.
    """
    if not any(spec.get("usermeta", {}).get("time") for spec in chart.specs):
        return chart
    shown = [
        one
        for one in occasions
        if one.window.start < scope.window.end and one.window.end > scope.window.start
    ]
    changes = sorted({one.window.start for one in findings if _is_change(one, panel, scope)})
    if not shown and not changes:
        return chart
    behind = [_bands(shown, scope)] if shown else []
    before = [since_line(scope, changes)] if changes else []
    specs = [spec | {"layer": [*behind, *spec["layer"], *before]} for spec in chart.specs]
    notes = (
        chart.note,
        _named(shown),
        "Dashed line: from here on the level is another one." if changes else "",
    )
    return replace(chart, specs=specs, note=" ".join(note for note in notes if note))


def _is_change(finding: Finding, panel: Panel, scope: Scope) -> bool:
    return (
        finding.analyzer == _CHANGE
        and finding.state is State.FIRING
        and finding.metric in names_of(panel)
        and not finding.subject
        and finding.segment == scope.segment
        and finding.window.start in scope.window
    )


def _bands(occasions: Iterable[Occasion], scope: Scope) -> Spec:
    rows = []
    for one in occasions:
        start, end = milliseconds(one.window)
        rows.append({"from": start, "to": end, "name": one.name})
    encoding = time_x(scope, "from", end="to")
    return {"data": {"values": rows}, "mark": marked("rect", "occasion", clip=True), "encoding": encoding}


def _named(occasions: Sequence[Occasion]) -> str:
    names = list(dict.fromkeys(one.name for one in occasions))
    if not names:
        return ""
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return f"Grey: declared events ({', '.join(names[:_MOST_NAMED])}{more})."
