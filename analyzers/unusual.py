"""Is a day, by all its metrics taken together, unlike the days before?

A day is a row of numbers: traffic, failures, latencies, the largest drift and the largest share of missing
values. Those of a month are held against a forest of the days before that month, so a verdict does not depend
on which days a pass states. All are known when the day is over; what waits for outcomes is not among them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import groupby
from typing import Any, Final

import numpy as np
from msgspec import Struct

from mlmon.analyzers.ask import Ask
from mlmon.analyzers.series.forest import MOST, Forest, Judged
from mlmon.analyzers.stated import in_words, months, series, spoken
from mlmon.core.occasions import during
from mlmon.core.result import Finding, Metric, Result, Severity
from mlmon.core.store import Reader
from mlmon.core.window import Window, floor

ANALYZER: Final = "unusual"
SIZE: Final = "1d"
_OWN: Final = ("inferences", "error_rate", "latency_p50", "latency_p95", "latency_p99")
_LARGEST: Final = ("psi", "missing_rate")
"""Of these, which speak of features, the largest of a day stands for all."""

_NAMES: Final = (*_OWN, *_LARGEST)
_REACH: Final = timedelta(days=MOST + MOST // 2)
"""A fixed stretch before a month, with room for days that are missing or were declared as unlike others."""

_TOLD: Final = 3


class _Day(Struct, frozen=True, kw_only=True):
    """The metrics of a day by their place in `_NAMES`; None where there is none."""

    window: Window
    metrics: tuple[Metric | None, ...]


def analyze(reader: Reader, ask: Ask) -> Iterator[Result]:
    """A finding for each day that is over and, all metrics together, unlike those before; days only."""
    end = floor(min(ask.span.end, ask.now), SIZE)
    if ask.size not in ask.policy.anomaly_sizes or ask.size != SIZE or ask.version or end <= ask.span.start:
        return
    first = months(ask.span.start, 1) - _REACH
    days = _days(series(reader, ask, Window(start=first, end=end), _NAMES, subjects=True), ask)
    judged = [day for day in days if ask.span.start <= day.window.start]
    for start, of_month in groupby(judged, key=lambda day: months(day.window.start, 1)):
        forest, now = (
            Forest(_rows([day for day in days if start - _REACH <= day.window.start < start])),
            list(of_month),
        )
        for day, said in zip(now, forest.judge(_rows(now)), strict=True):
            if said is not None and said.unusual:
                yield _finding(ask, day, said)


def _days(known: Mapping[tuple[str, str], Sequence[Metric]], ask: Ask) -> list[_Day]:
    """The days in order, without those of declared events."""
    largest: dict[Window, dict[str, Metric]] = {}
    for (name, subject), metrics in known.items():
        if bool(subject) != (name in _LARGEST):
            continue
        for metric in metrics:
            row = largest.setdefault(metric.window, {})
            before = row.get(name)
            if metric.value is not None and (before is None or metric.value > (before.value or 0.0)):
                row[name] = metric
    return [
        _Day(window=window, metrics=tuple(row.get(name) for name in _NAMES))
        for window, row in sorted(largest.items())
        if window.end <= ask.now and not during(ask.occasions, window)
    ]


def _rows(days: Sequence[_Day]) -> np.ndarray:
    values = [
        [math.nan if one is None or one.value is None else one.value for one in day.metrics] for day in days
    ]
    return np.array(values, dtype=np.float64).reshape(len(days), len(_NAMES))


def _finding(ask: Ask, day: _Day, judged: Judged) -> Finding:
    most = list(_most(day, judged))
    parts = ", ".join(_said(part) for part in most[:_TOLD])
    first = day.metrics[0]
    return Finding(
        analyzer=ANALYZER,
        model=ask.model.name,
        window=day.window,
        size=ask.size,
        metric="isolation",
        value=judged.score,
        bound=judged.bound,
        n=first.value or 0.0 if first is not None else 0.0,
        severity=Severity.WARNING,
        message=f"The day is unlike those before it, most by {parts}.",
        evidence={"most": most},
    )


def _said(part: Mapping[str, Any]) -> str:
    name, of = part["metric"], part["subject"]
    value, usual = in_words(name, part["value"]), in_words(name, part["usual"])
    return f"{spoken(name)}{' of ' if of else ''}{of} {value} (usually {usual})"


def _most(day: _Day, judged: Judged) -> Iterator[dict[str, Any]]:
    """The metrics that made it, the largest part first."""
    for at, share, usual in zip(judged.columns, judged.shares, judged.usual, strict=True):
        metric = day.metrics[at]
        if metric is not None:
            yield {
                "metric": metric.name, "subject": metric.subject, "value": metric.value, "usual": usual,
                "share": share,
            }  # fmt: skip
