"""Which windows of a model's own metrics are unlike those before them?

The metrics that the jobs stored are read back as series, one point a window, and scored in their order. Only
windows that are over and final are judged, and none during a declared event. The replay begins at a fixed
place of the calendar, so a verdict does not depend on which windows a pass happens to state.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, Final

from msgspec import Struct

from mlmon.analyzers.ask import Ask
from mlmon.analyzers.series import anomaly
from mlmon.analyzers.series.anomaly import Kind, Scored, Tuning
from mlmon.analyzers.stated import by_part, drawn, in_words, months, spoken
from mlmon.core.occasions import during
from mlmon.core.result import Finding, Metric, Result, Severity
from mlmon.core.store import Reader
from mlmon.core.window import Window, floor

ANALYZER: Final = "anomaly"
WATCHED: Final = (
    "inferences", "error_rate", "latency_p95", "accuracy", "f1", "f1_macro", "roc_auc", "mae", "rmse",
)  # fmt: skip
_TUNING: Final = {"1h": anomaly.DEFAULT, "1d": Tuning(warm=30, hold=30)}
_MONTHS: Final = {"1h": 1, "1d": 3}
"""The stretch of the calendar that is replayed, after the one before it."""

_DRAWN: Final = 60
_BAND: Final = 4.0
"""How many usual errors the band of a drawing reaches to each side of what was expected."""


_PERIOD: Final = {"1h": 24, "1d": 7}
"""Rows to the same time of the day or of the week before."""

LATER: Final = 6
"""Rows after an alarm that tell a spike from a level that shifted."""

_MOST_OF_LATER: Final = 5


_WORDS: Final = {Kind.SPIKE: "a spike", Kind.SHIFT: "a shift of the level", Kind.NOISE: "noise"}


class _Alarm(Struct, frozen=True, kw_only=True):
    metric: Metric
    scored: Scored
    kind: Kind | None
    before: list[tuple[Metric, Scored]]


def analyze(reader: Reader, ask: Ask) -> Iterator[Result]:
    """A finding for each window in which a metric is an anomaly; hours and days only.

    Of all traffic, and of the parts that the policy names: each version, each value of a segment field.
    Nothing is asked where the policy does not name the size, or no window of the span is over.
    """
    if ask.size not in ask.policy.anomaly_sizes or ask.size not in _TUNING or ask.version:
        return
    start, end = ask.span.start, floor(min(ask.span.end, ask.now), ask.size)
    step = _MONTHS[ask.size]
    while start < end:
        after = months(start, step, 1)
        span = Window(start=months(start, step, -1), end=min(after, end))
        known = by_part(reader, ask, span, WATCHED, parts=ask.policy.anomaly_parts)
        for metrics in chain.from_iterable(named.values() for named in known.values()):
            for alarm in _alarms(metrics, ask):
                if start <= alarm.metric.window.start < end:
                    yield _finding(ask, alarm)
        start = after


def _alarms(metrics: Sequence[Metric], ask: Ask) -> Iterator[_Alarm]:
    online = anomaly.Online(_TUNING[ask.size])
    before: deque[tuple[Metric, Scored]] = deque(maxlen=_DRAWN)
    known = [metric for metric in metrics if metric.value is not None and metric.window.end <= ask.now]
    for at, metric in enumerate(known):
        start_s = metric.window.start.timestamp()
        if at and during(ask.occasions, Window(start=known[at - 1].window.end, end=metric.window.start)):
            online.excuse(start_s - (metric.window.end - metric.window.start).total_seconds())
        if during(ask.occasions, metric.window):
            online.excuse(start_s)
            before.append((metric, anomaly.QUIET))
            continue
        scored = online.update(start_s, metric.value or 0.0)
        before.append((metric, scored))
        # No failures for long is what everybody wants, and no stuck sensor.
        is_zero = scored.kind is Kind.FLATLINE and not metric.value
        if scored.anomaly and not is_zero:
            kind = _settled(scored, known, at, _PERIOD[ask.size])
            yield _Alarm(metric=metric, scored=scored, kind=kind, before=list(before))


def _settled(scored: Scored, known: Sequence[Metric], at: int, period: int) -> Kind | None:
    """The kind, with what came after: a spike goes back, a level that shifted stays, noise goes on."""
    later = known[at + 1 : at + 1 + LATER]
    if scored.kind not in (Kind.SPIKE, Kind.SHIFT, Kind.NOISE) or len(later) < LATER or at + 1 < period:
        return scored.kind
    off = (known[at].value or 0.0) - scored.expected
    moved = [
        (metric.value or 0.0) - (known[at + 1 + place - period].value or 0.0)
        for place, metric in enumerate(later)
    ]
    stays = sum(each * math.copysign(1.0, off) >= abs(off) / 2 for each in moved)
    if stays >= _MOST_OF_LATER:
        return Kind.SHIFT
    wild = sum(abs(each) >= abs(off) / 3 for each in moved)
    if wild >= LATER / 2:
        return Kind.NOISE
    return Kind.SPIKE if wild <= LATER - _MOST_OF_LATER else scored.kind


def _finding(ask: Ask, alarm: _Alarm) -> Finding:
    metric = alarm.metric
    return Finding(
        analyzer=ANALYZER,
        model=ask.model.name,
        version=metric.version,
        segment=metric.segment,
        window=metric.window,
        size=ask.size,
        metric=metric.name,
        value=metric.value,
        bound=None,
        n=metric.n,
        low=metric.low,
        high=metric.high,
        severity=Severity.WARNING,
        message=_message(alarm),
        evidence=_evidence(alarm),
    )


def _message(alarm: _Alarm) -> str:
    metric, kind = alarm.metric, alarm.kind
    value = in_words(metric.name, metric.value)
    if kind is Kind.SILENCE:
        return f"{spoken(metric.name)} is {value}, after a silence far longer than ever before."
    if kind is Kind.FLATLINE:
        return f"{spoken(metric.name)} stands still at {value}, far longer than ever before."
    expected = in_words(metric.name, alarm.scored.expected)
    is_dip = kind is Kind.SPIKE and (metric.value or 0.0) < alarm.scored.expected
    said = "a dip" if is_dip else _WORDS[kind or Kind.SPIKE]
    return f"{spoken(metric.name)} is {value}, where {expected} was expected: {said}."


def _evidence(alarm: _Alarm) -> dict[str, Any]:
    scored = alarm.scored
    metrics = [metric for metric, _ in alarm.before]
    said = [one for _, one in alarm.before]
    return {
        "expected": scored.expected,
        "score": scored.score,
        "anomaly": str(alarm.kind),
        "series": drawn(
            metrics,
            expected=[_known(one.expected) for one in said],
            low=[_known(one.expected - _BAND * one.usual) for one in said],
            high=[_known(one.expected + _BAND * one.usual) for one in said],
        ),
    }


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
