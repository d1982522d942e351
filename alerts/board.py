"""What the shared questions gave, ready to be looked up: series of metrics, findings, counts of log lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from math import ceil
from statistics import median
from typing import Any, Final

from msgspec import Struct, field

from mlmon.alerts import needs as needed
from mlmon.alerts.judge import Point
from mlmon.alerts.known import Group, Known, recent
from mlmon.alerts.needs import SEASONS, Needs
from mlmon.alerts.rules import ANALYZER, Against, Bound, OfLogs, Rule
from mlmon.alerts.states import depth
from mlmon.core import schema
from mlmon.core.query import (
    GROUP_DATE,
    AllOf,
    Answer,
    AnyOf,
    Between,
    Count,
    Equals,
    Filter,
    Key,
    Matches,
    Max,
    OneOf,
    Query,
    Terms,
    TimeBucket,
)  # fmt: skip
from mlmon.core.result import REFERENCE, Finding, from_document
from mlmon.core.schema import Dataset
from mlmon.core.store import Reader
from mlmon.core.window import Window

Cut = tuple[str, str, str]
"""A version, a segment and a subject; empty is all, or the model."""

Series = dict[datetime, Point]
"""The windows of one thing by their starts."""

_LEAST_SEASONS: Final = 2


class Board(Struct, kw_only=True):
    """What is known: series by size, metric and model; findings by size and model; lines by rule."""

    series: dict[tuple[str, str, str], dict[Cut, Series]] = field(default_factory=dict)
    references: dict[tuple[str, str, Cut], float] = field(default_factory=dict)
    findings: dict[tuple[str, str], list[Finding]] = field(default_factory=dict)
    lines: dict[str, dict[Group, dict[datetime, int]]] = field(default_factory=dict)
    questions: int = 0

    def of(self, size: str, metric: str, model: str) -> Mapping[Cut, Series]:
        """The series of a metric of a model."""
        return self.series.get((size, metric, model), {})

    def usual(
        self, bound: Bound, metric: str, model: str, cut: Cut, series: Series, point: Point
    ) -> float | None:
        """What a window is held against; None where nothing is known."""
        match bound.against:
            case Against.REFERENCE:
                return self.references.get(
                    (metric, model, cut), self.references.get((metric, model, ("", *cut[1:])))
                )
            case Against.PREVIOUS:
                before = next((each for each in series.values() if each.end == point.start), None)
                return before.value if before else None
            case Against.SEASONAL:
                return seasonal(series, point.start)
            case _:
                return None


def seasonal(series: Series, start: datetime) -> float | None:
    """The median of the same window of the last four weeks, where at least two of them are known."""
    values = [
        found.value
        for shift in SEASONS
        if (found := series.get(start - shift)) is not None and found.value is not None
    ]
    return median(values) if len(values) >= _LEAST_SEASONS else None


def ask(
    reader: Reader,
    rules: Sequence[Rule],
    known: Sequence[Known],
    *,
    now: datetime,
    past: timedelta = timedelta(0),
) -> Board:
    """Ask the store what all rules need, in a few shared questions; `past` is how far back at least.

    Raises:
        StoreError: the store could not answer.

    """
    board, needs = Board(), needed.of(rules, known, past)
    for scan in needed.metric_scans(needs, known, now):
        board.questions += 1
        for documents in reader.scan(scan):
            for document in documents:
                _add_metric(board, document)
    for scan in needed.finding_scans(needs, known, now):
        board.questions += 1
        for documents in reader.scan(scan):
            for document in documents:
                _add_finding(board, document)
    _ask_lines(reader, board, needs, known, now, past)
    return board


def _add_metric(board: Board, document: Mapping[str, Any]) -> None:
    cut = (
        document.get(schema.MODEL_VERSION) or "",
        document.get(schema.RESULT_SEGMENT) or "",
        document.get(schema.RESULT_SUBJECT) or "",
    )
    name, model, size = (
        document[schema.METRIC_NAME],
        document[schema.MODEL_NAME],
        document[schema.WINDOW_SIZE],
    )
    value = document.get(schema.RESULT_VALUE)
    if size == REFERENCE:
        if value is not None:
            board.references[name, model, cut] = value
        return
    start = document[schema.WINDOW_START]
    board.series.setdefault((size, name, model), {}).setdefault(cut, {})[start] = Point(
        start=start,
        end=document[schema.WINDOW_END],
        value=value,
        n=document[schema.RESULT_N],
        low=document.get(schema.RESULT_LOW),
        high=document.get(schema.RESULT_HIGH),
        is_final=document.get(schema.METRIC_FINAL) is not False,
    )


def _add_finding(board: Board, document: dict[str, Any]) -> None:
    found = from_document(document)
    if isinstance(found, Finding) and not found.analyzer.startswith(f"{ANALYZER}:"):
        board.findings.setdefault((found.size, found.model), []).append(found)


def _ask_lines(
    reader: Reader, board: Board, needs: Needs, known: Sequence[Known], now: datetime, past: timedelta
) -> None:
    """One question a window size and time: the rules are measures of it."""
    shared: dict[tuple[str, tuple[str, ...]], list[Rule]] = {}
    for rule in needs.lines:
        shared.setdefault((rule.size, rule.by), []).append(rule)
    for (size, by), rules in shared.items():
        windows = max(windows_of(rule, past) for rule in rules) + 1
        spans = {recent(now, size, windows): True}
        spans |= {recent(each.horizon(now), size, windows): True for each in known if not each.is_live}
        for span in spans:
            board.questions += 1
            _add_lines(board, rules, by, reader.query(_lines_query(rules, size, by, span)))


def windows_of(rule: Rule, past: timedelta) -> int:
    """How many of the newest windows of a rule are looked at."""
    return max(depth(rule), ceil(past / needed.length(rule.size)))


def _lines_query(rules: Sequence[Rule], size: str, by: tuple[str, ...], span: Window) -> Query:
    fields = {"model": schema.MODEL_NAME, "version": schema.MODEL_VERSION, "logger": schema.LOG_LOGGER}
    keys: dict[str, Key] = {name: Terms(fields[name]) for name in by}
    wheres = [_lines_filter(rule) for rule in rules]
    narrowing = [where for where in wheres if where is not None]
    return Query(
        dataset=Dataset.APP,
        window=span,
        where=AnyOf(tuple(narrowing)) if len(narrowing) == len(wheres) else None,
        by={**keys, "start": TimeBucket(size)},
        measures={f"r{place}": Count(where=where) for place, where in enumerate(wheres)},
    )


def _lines_filter(rule: Rule) -> Filter | None:
    subject = rule.subject
    if not isinstance(subject, OfLogs):
        return None
    filters: list[Filter] = []
    if subject.levels:
        filters.append(OneOf(schema.LOG_LEVEL, subject.levels))
    if subject.loggers:
        filters.append(OneOf(schema.LOG_LOGGER, subject.loggers))
    if subject.message:
        filters.append(Matches(schema.MESSAGE, subject.message))
    return AllOf(tuple(filters)) if filters else None


def _add_lines(board: Board, rules: Sequence[Rule], by: tuple[str, ...], answer: Answer) -> None:
    for row in answer:
        group = Group(**{name: row[name] or "" for name in by})
        for place, rule in enumerate(rules):
            if count := row[f"r{place}"]:
                board.lines.setdefault(rule.name, {}).setdefault(group, {})[row["start"]] = count


def when_stored(reader: Reader, known: Sequence[Known]) -> Iterator[tuple[str, datetime]]:
    """When the last inference of each model was stored.

    Raises:
        StoreError: the store could not answer.

    """
    of_last = tuple(
        AllOf(
            (
                Equals(schema.MODEL_NAME, each.name),
                Between(field=schema.TIMESTAMP, start=each.last, end=each.last + GROUP_DATE),
            )
        )
        for each in known
    )
    if not of_last:
        return
    query = Query(
        dataset=Dataset.INFERENCE,
        window=Window(
            start=min(each.last for each in known), end=max(each.last for each in known) + GROUP_DATE
        ),
        where=AnyOf(of_last),
        by={"model": Terms(schema.MODEL_NAME)},
        measures={"stored": Max(schema.EVENT_INGESTED)},
    )
    for row in reader.query(query):
        if row["stored"] is not None:
            yield row["model"], row["stored"]
