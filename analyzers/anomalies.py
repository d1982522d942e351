"""Which windows of a model's own metrics are unlike those before them?

The metrics that the jobs stored are read back as series, one point a window, and scored in their order. Only
windows that are over and final are judged. The replay begins at a fixed place of the calendar, so a verdict
does not depend on which windows a pass happens to state.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

from mlmon.analyzers.ask import Ask
from mlmon.analyzers.series import anomaly
from mlmon.analyzers.series.anomaly import Scored, Tuning
from mlmon.core import schema
from mlmon.core.query import AllOf, Equals, OneOf, Scan
from mlmon.core.result import Finding, Metric, Result, Severity, from_document
from mlmon.core.schema import Dataset
from mlmon.core.store import Reader
from mlmon.core.window import Window

ANALYZER: Final = "anomaly"
WATCHED: Final = (
    "inferences", "error_rate", "latency_p95", "accuracy", "f1", "f1_macro", "roc_auc", "mae", "rmse",
)  # fmt: skip
_TUNING: Final = {"1h": anomaly.DEFAULT, "1d": Tuning(warm=30, hold=30)}
_QUARTER: Final = 3


class _Alarm(Struct, frozen=True, kw_only=True):
    metric: Metric
    scored: Scored


def analyze(reader: Reader, ask: Ask) -> Iterator[Result]:
    """A finding for each window in which a metric of all traffic is an anomaly; hours and days only.

    Nothing is asked where the policy does not name the size, or no window of the span is over.
    """
    if ask.size not in ask.policy.anomaly_sizes or ask.size not in _TUNING or ask.version:
        return
    end = min(ask.span.end, ask.now)
    for quarter in _quarters(ask.span.start, end):
        series = _series(reader, ask, Window(start=_quarter(quarter.start, -1), end=quarter.end))
        judged = Window(start=max(quarter.start, ask.span.start), end=min(quarter.end, end))
        for metrics in series.values():
            yield from (_finding(ask, alarm) for alarm in _alarms(metrics, ask) if _ends_in(alarm, judged))


def _ends_in(alarm: _Alarm, judged: Window) -> bool:
    return alarm.metric.window.start >= judged.start and alarm.metric.window.end <= judged.end


def _series(reader: Reader, ask: Ask, window: Window) -> dict[str, list[Metric]]:
    """The final metrics of all traffic, by name and in the order of their windows."""
    scan = Scan(
        dataset=Dataset.METRIC,
        window=window,
        where=AllOf(
            (
                Equals(schema.MODEL_NAME, ask.model.name),
                Equals(schema.WINDOW_SIZE, ask.size),
                Equals(schema.METRIC_FINAL, value=True),
                OneOf(schema.METRIC_NAME, WATCHED),
            )
        ),
    )
    found: dict[str, list[Metric]] = {}
    for documents in reader.scan(scan):
        for document in documents:
            metric = from_document(document)
            if isinstance(metric, Metric) and not (metric.version or metric.segment or metric.subject):
                found.setdefault(metric.name, []).append(metric)
    return {name: sorted(each, key=lambda one: one.window.start) for name, each in sorted(found.items())}


def _alarms(metrics: Sequence[Metric], ask: Ask) -> Iterator[_Alarm]:
    online = anomaly.Online(_TUNING[ask.size])
    for metric in metrics:
        if metric.value is None or metric.window.end > ask.now:
            continue
        scored = online.update(metric.window.start.timestamp(), metric.value)
        if scored.anomaly:
            yield _Alarm(metric=metric, scored=scored)


def _finding(ask: Ask, alarm: _Alarm) -> Finding:
    metric, scored = alarm.metric, alarm.scored
    expected = f"{scored.expected:.4g}"
    return Finding(
        analyzer=ANALYZER,
        model=ask.model.name,
        window=metric.window,
        size=ask.size,
        metric=metric.name,
        value=metric.value,
        bound=None,
        n=metric.n,
        low=metric.low,
        high=metric.high,
        severity=Severity.WARNING,
        message=f"{metric.name} is {metric.value:.4g}, where {expected} was expected: {scored.kind}.",
        evidence={"expected": scored.expected, "score": scored.score, "kind": str(scored.kind)},
    )


def _quarter(at: datetime, later: int = 0) -> datetime:
    """The start of the quarter that a moment is in, or of one so many later."""
    number = at.year * 4 + (at.month - 1) // _QUARTER + later
    return datetime(number // 4, number % 4 * _QUARTER + 1, 1, tzinfo=UTC)


def _quarters(start: datetime, end: datetime) -> Iterator[Window]:
    while start < end:
        after = _quarter(start, 1)
        yield Window(start=_quarter(start), end=after)
        start = after
