"""Since when are a model's own metrics at another level?

Daily metrics that are final are looked at as series, a quarter at a time, with two quarters before it and one
after. A change is told with its date and the means of both levels, where it matters and stands out of the
spread of the days.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Final

import numpy as np
from msgspec import Struct

from mlmon.analyzers.anomalies import WATCHED as SERIES
from mlmon.analyzers.ask import Ask
from mlmon.analyzers.reference import FIELDS
from mlmon.analyzers.series import prepare
from mlmon.analyzers.series.changepoints import changepoints
from mlmon.analyzers.series.prepare import Series
from mlmon.analyzers.stated import by_part, drawn, in_words, months, spoken
from mlmon.analyzers.statistics.distributions import student_quantile
from mlmon.core.occasions import during
from mlmon.core.result import Finding, Metric, Result, Severity
from mlmon.core.store import Reader
from mlmon.core.window import Window, floor

ANALYZER: Final = "changepoint"
SIZE: Final = "1d"
BACK: Final = 184
"""Earlier days that are stated again: those of the quarter before."""

_PSI: Final = "psi"
_WATCHED: Final = (*SERIES, "log_loss", _PSI)
_QUARTER: Final = 3
_FEWEST: Final = 60
"""Days below which nothing is said."""

_FORTNIGHT: Final = 14
_NEARLY: Final = 0.7
_DRAWN: Final = 60
"""Days before and after a change that are kept as evidence."""


class _Change(Struct, frozen=True, kw_only=True):
    at: int
    start: int
    end: int
    before: float
    after: float
    spread: float


def analyze(reader: Reader, ask: Ask) -> Iterator[Result]:
    """A finding at each day from which a metric is at another level; days only.

    Of all traffic, and of the parts that the policy names, as anomalies are. Psi is looked at for what is
    predicted, not for single features.
    """
    if ask.size != SIZE or ask.version:
        return
    end = floor(min(ask.span.end, ask.now), SIZE)
    start = months(ask.span.start, _QUARTER)
    while start < end:
        after = months(start, _QUARTER, 1)
        span = Window(start=months(start, _QUARTER, -2), end=min(months(start, _QUARTER, 2), end))
        parts = ask.policy.anomaly_parts
        known_parts = by_part(reader, ask, span, _WATCHED, subjects=True, parts=parts).values()
        for (name, subject), metrics in chain.from_iterable(named.items() for named in known_parts):
            if (name == _PSI) != bool(subject) or (subject and subject not in FIELDS):
                continue
            known = [one for one in metrics if one.value is not None and one.window.end <= ask.now]
            for change in _changes(known, ask):
                if max(start, ask.span.start) <= known[change.at].window.start < min(after, end):
                    yield _finding(ask, known, change)
        start = after


def _changes(metrics: Sequence[Metric], ask: Ask) -> Iterator[_Change]:
    values = np.array(
        [math.nan if during(ask.occasions, one.window) else float(one.value or 0.0) for one in metrics]
    )
    if np.isfinite(values).sum() < _FEWEST or not _may_matter(values, metrics[0].name, ask):
        return
    places = changepoints(values.tolist())
    edges = [0, *places, len(values)]
    for start, at, end in zip(edges, edges[1:], edges[2:], strict=False):
        change = _between(values, start, at, end)
        if change is not None and _matters(change, metrics[at], ask):
            yield change


def _may_matter(values: Series, name: str, ask: Ask) -> bool:
    """Whether two neighbouring fortnights differ nearly as much as a change must; most series are done so."""
    filled = prepare.without_outliers(prepare.filled(values))
    sums = np.concatenate(([0.0], np.cumsum(filled)))
    means = (sums[_FORTNIGHT:] - sums[:-_FORTNIGHT]) / _FORTNIGHT
    before, after = means[:-_FORTNIGHT], means[_FORTNIGHT:]
    least = ask.policy.psi if name == _PSI else ask.policy.change * np.abs(before)
    return bool((np.abs(after - before) >= _NEARLY * least).any())


def _between(values: Series, start: int, at: int, end: int) -> _Change | None:
    """The levels before and after a place, with the standard error of their difference."""
    left, right = (part[np.isfinite(part)] for part in (values[start:at], values[at:end]))
    if len(left) < 2 or len(right) < 2:  # noqa: PLR2004 - below there is no spread
        return None
    spread = math.hypot(float(np.std(left, ddof=1)), float(np.std(right, ddof=1))) / math.sqrt(2)
    return _Change(
        at=at, start=start, end=end, before=float(left.mean()), after=float(right.mean()), spread=spread
    )  # fmt: skip


def _matters(change: _Change, metric: Metric, ask: Ask) -> bool:
    size = abs(change.after - change.before)
    least = ask.policy.psi if metric.name == _PSI else ask.policy.change * abs(change.before)
    return size >= least and size > change.spread


def _finding(ask: Ask, metrics: Sequence[Metric], change: _Change) -> Finding:
    first = metrics[change.at]
    of = spoken(first.name) + (f" of {first.subject}" if first.subject else "")
    before, after = in_words(first.name, change.before), in_words(first.name, change.after)
    date = first.window.start.strftime("%d %B %Y").lstrip("0")
    shown = slice(max(change.start, change.at - _DRAWN), min(change.end, change.at + _DRAWN))
    return Finding(
        analyzer=ANALYZER,
        model=ask.model.name,
        version=first.version,
        segment=first.segment,
        window=first.window,
        size=ask.size,
        metric=first.name,
        subject=first.subject,
        value=change.after,
        bound=None,
        n=math.fsum(one.n for one in metrics[change.at : change.end]),
        severity=Severity.INFO,
        message=f"Since {date} {of} is {after} on average, before it was {before}.",
        evidence={
            "since": first.window.start.isoformat(),
            "before": _level(change.before, change, change.at - change.start),
            "after": _level(change.after, change, change.end - change.at),
            "series": drawn(metrics[shown]),
        },
    )


def _level(mean: float, change: _Change, days: int) -> dict[str, float]:
    half = student_quantile(0.975, max(days - 1, 1)) * change.spread / math.sqrt(days)
    return {"value": mean, "low": mean - half, "high": mean + half, "days": days}
