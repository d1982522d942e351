"""What all rules together need to know, in few questions: one scan a window size, however many rules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct, field

from mlmon.alerts.known import Known, recent
from mlmon.alerts.rules import Against, Bound, MetricHolds, OfFindings, OfLogs, OfMetric, Rule, matches
from mlmon.alerts.states import depth
from mlmon.core import schema
from mlmon.core.query import AllOf, AnyOf, Between, Equals, Filter, OneOf, Scan
from mlmon.core.result import REFERENCE, State
from mlmon.core.schema import Dataset
from mlmon.core.window import Window, parse_duration

SEASONS: Final = tuple(timedelta(weeks=week) for week in range(1, 5))
"""How far back the same hour or day is looked at."""

_MONTH: Final = timedelta(days=31)
_FIELDS: Final = (
    schema.MODEL_NAME, schema.MODEL_VERSION, schema.RESULT_SEGMENT, schema.RESULT_SUBJECT, schema.METRIC_NAME,
    schema.WINDOW_START, schema.WINDOW_END, schema.RESULT_VALUE, schema.RESULT_N, schema.RESULT_LOW,
    schema.RESULT_HIGH, schema.METRIC_FINAL,
)  # fmt: skip


class Need(Struct, kw_only=True):
    """What is needed of one window size: which metrics, how far back, and whether by version and segment."""

    size: str
    reach: timedelta = timedelta(0)
    names: set[str] = field(default_factory=set)
    seasonal: set[str] = field(default_factory=set)
    by_version: bool = False
    by_segment: bool = False
    models: set[str] = field(default_factory=set)


class Needs(Struct, kw_only=True):
    """What is needed of all rules."""

    metrics: dict[str, Need] = field(default_factory=dict)
    findings: dict[str, Need] = field(default_factory=dict)
    references: set[str] = field(default_factory=set)
    lines: list[Rule] = field(default_factory=list)


def length(size: str) -> timedelta:
    """How long a window of a size is at most."""
    return _MONTH if size == "month" else parse_duration(size)


def of(rules: Iterable[Rule], known: Sequence[Known], past: timedelta = timedelta(0)) -> Needs:
    """What the rules need together; `past` is how far back at least."""
    needs = Needs()
    longest = max((each.maturity for each in known), default=timedelta(0))
    for rule in rules:
        late = longest + length(rule.size) if rule.judge == "final" else timedelta(0)
        reach = max((depth(rule) + 1) * length(rule.size), past) + late
        match rule.subject:
            case OfMetric(name=name):
                _add(needs.metrics, rule, rule.size, reach, name)
                _held_against(needs, rule.size, name, rule.bound)
            case OfFindings():
                _add(needs.findings, rule, rule.size, reach, rule.metric)
            case OfLogs():
                needs.lines.append(rule)
            case _:
                pass
        for condition in rule.only_if:
            if isinstance(condition, MetricHolds):
                longer = reach + 2 * length(condition.size)
                _add(needs.metrics, rule, condition.size, longer, condition.name)
                _held_against(needs, condition.size, condition.name, condition.bound)
    return needs


def _add(kind: dict[str, Need], rule: Rule, size: str, reach: timedelta, name: str) -> None:
    need = kind.setdefault(size, Need(size=size))
    need.reach = max(need.reach, reach)
    need.names.add(name)
    need.models.update(rule.models)
    need.by_version |= bool(rule.versions)
    need.by_segment |= bool(rule.segments)


def _held_against(needs: Needs, size: str, name: str, bound: Bound | None) -> None:
    if bound is not None and bound.against is Against.REFERENCE:
        needs.references.add(name)
    if bound is not None and bound.against is Against.SEASONAL:
        needs.metrics[size].seasonal.add(name)


def metric_scans(needs: Needs, known: Sequence[Known], now: datetime) -> Iterator[Scan]:
    """The questions for metrics: one a size, one more where a season is looked at, and one for references."""
    for need in needs.metrics.values():
        if scan := _scan(need, need.names, known, now):
            yield scan
        if need.seasonal and (scan := _scan(need, need.seasonal, known, now, shifts=SEASONS)):
            yield scan
    if needs.references:
        yield Scan(
            dataset=Dataset.METRIC,
            where=AllOf(
                (Equals(schema.WINDOW_SIZE, REFERENCE), _one_of(schema.METRIC_NAME, needs.references))
            ),
            fields=(*_FIELDS, schema.WINDOW_SIZE),
        )


def _scan(
    need: Need,
    names: set[str],
    known: Sequence[Known],
    now: datetime,
    *,
    shifts: Sequence[timedelta] = (timedelta(0),),
) -> Scan | None:
    found = _spans(need, known, now, shifts)
    if found is None:
        return None
    where, hull = found
    filters = [
        Equals(schema.WINDOW_SIZE, need.size),
        _one_of(schema.METRIC_NAME, names),
        *([] if need.by_version else [Equals(schema.MODEL_VERSION, "")]),
        *([] if need.by_segment else [Equals(schema.RESULT_SEGMENT, "")]),
        *where,
    ]
    fields = (*_FIELDS, schema.WINDOW_SIZE)
    return Scan(dataset=Dataset.METRIC, window=hull, where=AllOf(tuple(filters)), fields=fields)


def finding_scans(needs: Needs, known: Sequence[Known], now: datetime) -> Iterator[Scan]:
    """The questions for findings that hold, one a size."""
    for need in needs.findings.values():
        found = _spans(need, known, now, (timedelta(0),))
        if found is None:
            continue
        where, hull = found
        filters = (
            Equals(schema.WINDOW_SIZE, need.size),
            Equals(schema.FINDING_STATE, str(State.FIRING)),
            *where,
        )
        yield Scan(dataset=Dataset.FINDING, window=hull, where=AllOf(filters))


def _spans(
    need: Need, known: Sequence[Known], now: datetime, shifts: Sequence[timedelta]
) -> tuple[list[Filter], Window] | None:
    """The models' recent windows as a filter, and the stretch that covers them all."""
    by_span: dict[Window, list[str]] = {}
    windows = max(int(need.reach / length(need.size)), 1)
    patterns = tuple(need.models)
    for each in known:
        if matches(patterns, each.name):
            span = recent(each.horizon(now), need.size, windows)
            for shift in shifts:
                moved = Window(start=span.start - shift, end=span.end - shift)
                by_span.setdefault(moved, []).append(each.name)
    if not by_span:
        return None
    hull = Window(start=min(span.start for span in by_span), end=max(span.end for span in by_span))
    if len(by_span) == 1 and "*" in patterns:
        return [], hull
    parts = tuple(
        AllOf(
            (
                _one_of(schema.MODEL_NAME, models),
                Between(field=schema.TIMESTAMP, start=span.start, end=span.end),
            )
        )
        for span, models in by_span.items()
    )
    return [parts[0] if len(parts) == 1 else AnyOf(parts)], hull


def _one_of(name: str, values: Iterable[str]) -> Filter:
    return OneOf(name, tuple(sorted(set(values))))
