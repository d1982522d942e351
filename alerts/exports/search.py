"""A rule as one search with a count: what engines that only search and compare can judge by themselves.

The documents that are too much are found by a filter, counted by series, and too much is a series with enough
of them. All engines of this package start from the same `Search`, so they fire at the same time; what a
search cannot say is refused here, once, for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, Final

from msgspec import Struct

from mlmon.alerts.rules import (
    ANALYZER,
    Against,
    Flapping,
    Judge,
    OfFindings,
    OfLogs,
    OfMetric,
    OfSilence,
    Rule,
    Side,
)
from mlmon.core import schema
from mlmon.core.errors import UsageError
from mlmon.core.result import Severity, State
from mlmon.core.schema import Dataset
from mlmon.core.window import parse_duration

Clause = dict[str, Any]

MOST_SERIES: Final = 1_000
"""How many series one search counts; a rule that has more is to be cut by `models`."""

LONGEST_ALERT: Final = timedelta(days=400)
"""An alert that began longer ago than results are kept by default is not looked for."""

_SEVERITIES: Final = tuple(Severity)
_MONTH: Final = "month"


class RefusedError(UsageError):
    """The engine cannot say what the rule means."""


class Search(Struct, frozen=True, kw_only=True):
    """One question to a cluster, and when its answer is too much.

    Documents of `index` count that pass `clauses` (Query DSL, all of them) and whose `time` lies within
    `(after, until]`, both date math; a series is one value of all `keys`. Too much is a series with at least
    `count` of them; without keys, all together. Where `is_absence`, too much is a series that has documents,
    but none since `recent`.
    """

    index: str
    clauses: tuple[Clause, ...]
    time: str
    after: str
    until: str
    keys: tuple[str, ...] = ()
    count: int = 1
    below: int | None = None
    """Without keys: too much is fewer than this."""
    recent: str = ""

    @property
    def is_absence(self) -> bool:
        """Whether it looks for what has stopped."""
        return bool(self.recent)

    @property
    def query(self) -> Clause:
        """The filter, with the time."""
        span = {"range": {self.time: {"gt": self.after, "lte": self.until}}}
        return {"bool": {"filter": [*self.clauses, span]}}


class Place(Struct, frozen=True, kw_only=True):
    """The cluster a rule is exported for: what its indices are called, and how late results may be.

    `lag` is how long after a window's end its results are there: the time between two passes of the jobs, and
    what a pass takes. A window is looked at from then on. With `by_mlmon` the engine does not judge: it looks
    for the alerts that the built-in evaluator keeps among the findings, and only tells of them.
    """

    index: Callable[[Dataset], str]
    lag: timedelta = timedelta(minutes=10)
    by_mlmon: bool = False


def search_of(rule: Rule, place: Place) -> Search:
    """The search that finds what a rule is about.

    Raises:
        RefusedError: a search cannot say it.

    """
    if place.by_mlmon:
        return _of_alerts(rule, place)
    for reason in reasons(rule):
        raise refused(rule, reason)
    match rule.subject:
        case OfMetric():
            return _of_metric(rule, rule.subject, place)
        case OfFindings():
            return _of_findings(rule, rule.subject, place)
        case OfLogs():
            return _of_logs(rule, rule.subject, place)
        case OfSilence():
            return _of_silence(rule, place)


def refused(rule: Rule, reason: str) -> RefusedError:
    """The error that a rule cannot be said."""
    return RefusedError(f"The rule '{rule.name}' ({rule.place}) cannot be exported: {reason}")


def reasons(rule: Rule) -> Iterator[str]:
    """Each reason for which a search cannot say what a rule means; none where it can."""
    bound = rule.bound
    if bound is not None and bound.against is not Against.FIXED:
        yield (
            f"a search compares with a fixed bound, and not with {_WHAT[bound.against]}. "
            "Give it above or below."
        )
    if bound is not None and bound.recovery != bound.value:
        yield "a search keeps no state, so it has no second bound for the end. Leave recover out."
    if rule.only_if:
        yield "a search looks at one thing and knows no only_if."
    if rule.judge is Judge.FINAL:
        yield "a search does not know when a model's windows become final. Judge those that have ended."
    if rule.maintenance:
        yield "a search knows no maintenance. Leave it out and silence the target in that time."
    if rule.flapping != Flapping():
        yield "a search keeps no state and cannot know that an alert flaps. Leave flapping out."
    yield from _of_subject(rule)


_WHAT: Final = {
    Against.REFERENCE: "the reference",
    Against.PREVIOUS: "the window before",
    Against.SEASONAL: "the same time of other weeks",
}


def _of_subject(rule: Rule) -> Iterator[str]:
    lasts = rule.lasting.among > 1
    if isinstance(rule.subject, OfFindings) and lasts:
        yield "a window may have several findings, and a search counts findings, not windows. Leave for out."
    if isinstance(rule.subject, OfSilence) and lasts:
        yield "silence lasts by itself. Leave for out and give a longer silence."
    if isinstance(rule.subject, OfLogs):
        if lasts:
            yield "a search counts the lines of one window. Leave for out, or give a longer window."
        if rule.bound is not None and rule.bound.side is Side.BELOW and not _is_one_model(rule):
            yield (
                "a search does not find a group that has no line at all. "
                "Name one model in models, and leave by out."
            )
        if rule.size == _MONTH:
            yield "the lines of a month are not counted by a search. Give a window of days, such as 30d."


def _is_one_model(rule: Rule) -> bool:
    return rule.by == ("model",) and len(rule.models) == 1 and not set("*?") & set(rule.models[0])


_LOG_KEYS: Final = {
    "model": schema.MODEL_NAME,
    "version": schema.MODEL_VERSION,
    "logger": schema.LOG_LOGGER,
}


def _of_alerts(rule: Rule, place: Place) -> Search:
    """The open alerts of a rule: each is a finding of `rule:NAME` that fires until it is over."""
    fields = {
        "model": schema.MODEL_NAME,
        "version": schema.MODEL_VERSION,
        "segment": schema.RESULT_SEGMENT,
        "subject": schema.RESULT_SUBJECT,
        "logger": schema.RESULT_SUBJECT,
    }
    return Search(
        index=place.index(Dataset.FINDING),
        clauses=(
            term(schema.RESULT_ANALYZER, rule.analyzer),
            term(schema.FINDING_STATE, str(State.FIRING)),
        ),
        time=schema.WINDOW_START,
        after=f"now-{written(LONGEST_ALERT)}",
        until="now",
        keys=tuple(dict.fromkeys(fields[key] for key in rule.by)),
    )


def _of_metric(rule: Rule, subject: OfMetric, place: Place) -> Search:
    if rule.bound is None:
        raise RefusedError(f"The rule '{rule.name}' of a metric has no bound.")
    beyond = {"gt" if rule.bound.side is Side.ABOVE else "lt": rule.bound.value}
    clauses = (
        term(schema.METRIC_NAME, subject.name),
        {"range": {schema.RESULT_VALUE: beyond}},
    )
    return _of_results(rule, Dataset.METRIC, clauses, subject.subjects, place)


def _of_findings(rule: Rule, subject: OfFindings, place: Place) -> Search:
    severe = [str(each) for each in _SEVERITIES[_SEVERITIES.index(subject.at_least) :]]
    clauses: list[Clause] = [
        term(schema.FINDING_STATE, str(State.FIRING)),
        *_any_of([term(schema.FINDING_SEVERITY, each) for each in severe]),
    ]
    if subject.analyzer == "*":
        # Alerts are findings too, and must not be what another alert is made of.
        of_rules = {"prefix": {schema.RESULT_ANALYZER: {"value": f"{ANALYZER}:"}}}
        clauses.append({"bool": {"must_not": [of_rules]}})
    else:
        clauses.append(term(schema.RESULT_ANALYZER, subject.analyzer))
    if subject.metric:
        clauses.append(term(schema.METRIC_NAME, subject.metric))
    return _of_results(rule, Dataset.FINDING, tuple(clauses), subject.subjects, place)


def _of_results(
    rule: Rule, dataset: Dataset, clauses: tuple[Clause, ...], subjects: tuple[str, ...], place: Place
) -> Search:
    """The last windows of a size, by their ends: so the engine need not know where windows begin."""
    parts = (
        (schema.MODEL_NAME, rule.models),
        (schema.MODEL_VERSION, rule.versions),
        (schema.RESULT_SEGMENT, rule.segments),
        (schema.RESULT_SUBJECT, subjects),
    )
    least = ({"range": {schema.RESULT_N: {"gte": rule.min_n}}},) if rule.min_n else ()
    narrowed = tuple(clause for field, patterns in parts for clause in _narrowed(field, patterns))
    of_running = rule.judge is Judge.RUNNING
    late = "" if of_running else f"-{written(place.lag)}"
    return Search(
        index=place.index(dataset),
        clauses=(*clauses, term(schema.WINDOW_SIZE, rule.size), *least, *narrowed),
        time=schema.WINDOW_START if of_running else schema.WINDOW_END,
        after=f"now{late}-{_back(rule)}",
        until=f"now{late}",
        keys=tuple(field for field, patterns in parts if patterns),
        count=rule.lasting.count,
    )


def _narrowed(field: str, patterns: tuple[str, ...]) -> Iterator[Clause]:
    """Which values of a field a rule speaks of; without a pattern those of no value: of the whole."""
    if not patterns:
        yield term(field, "")
    elif "*" not in patterns:
        yield from _any_of([_like(field, pattern) for pattern in patterns])


def _any_of(clauses: list[Clause]) -> Iterator[Clause]:
    yield clauses[0] if len(clauses) == 1 else {"bool": {"should": clauses, "minimum_should_match": 1}}


def _like(field: str, pattern: str) -> Clause:
    if "*" in pattern or "?" in pattern:
        return {"wildcard": {field: {"value": pattern.replace("\\", "\\\\")}}}
    return term(field, pattern)


def _back(rule: Rule) -> str:
    """How far back the windows reach that are counted."""
    among = rule.lasting.among
    return f"{among}M" if rule.size == _MONTH else written(among * parse_duration(rule.size))


def _of_logs(rule: Rule, subject: OfLogs, place: Place) -> Search:
    if rule.bound is None:
        raise RefusedError(f"The rule '{rule.name}' of log lines has no bound.")
    clauses: list[Clause] = []
    if subject.levels:
        clauses += _any_of([term(schema.LOG_LEVEL, each) for each in subject.levels])
    if subject.loggers:
        clauses += _any_of([term(schema.LOG_LOGGER, each) for each in subject.loggers])
    if subject.message:
        clauses.append({"match_phrase": {schema.MESSAGE: {"query": subject.message}}})
    if "model" in rule.by or rule.models != ("*",):
        clauses += _narrowed(schema.MODEL_NAME, rule.models)
    is_above = rule.bound.side is Side.ABOVE
    keys = tuple(_LOG_KEYS[key] for key in rule.by if key in _LOG_KEYS) if is_above else ()
    return Search(
        index=place.index(Dataset.APP),
        clauses=tuple(clauses),
        time=schema.TIMESTAMP,
        after=f"now-{written(place.lag + parse_duration(rule.size))}",
        until=f"now-{written(place.lag)}",
        keys=keys,
        count=int(rule.bound.value) + 1 if is_above else 0,
        below=None if is_above else -int(-rule.bound.value // 1),
    )


def _of_silence(rule: Rule, place: Place) -> Search:
    if rule.bound is None:
        raise RefusedError(f"The rule '{rule.name}' of silence has no bound.")
    silence = timedelta(seconds=rule.bound.value)
    return Search(
        index=place.index(Dataset.INFERENCE),
        clauses=tuple(_narrowed(schema.MODEL_NAME, rule.models)),
        time=schema.TIMESTAMP,
        after=f"now-{written(rule.expire)}",
        until="now",
        keys=(schema.MODEL_NAME,),
        recent=f"now-{written(silence)}",
    )


def term(field: str, value: str) -> Clause:
    """The documents whose field has a value."""
    return {"term": {field: {"value": value}}}


def written(duration: timedelta) -> str:
    """A duration in the largest unit that leaves it whole; `d`, `h`, `m` and `s` mean the same everywhere.

    >>> written(timedelta(days=7)), written(timedelta(minutes=90)), written(timedelta(0))
    ('7d', '90m', '0s')
    """
    seconds = int(duration.total_seconds())
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def counted(search: Search) -> Clause:
    """The aggregation that counts the documents of each series; empty where all are counted together."""
    if not search.keys:
        return {}
    sources = [{_source(key): {"terms": {"field": key, "missing_bucket": True}}} for key in search.keys]
    series: Clause = {"composite": {"size": MOST_SERIES, "sources": sources}}
    if search.is_absence:
        late = {"range": {search.time: {"gt": search.recent}}}
        series["aggs"] = {"recent": {"filter": late}}
    return {"series": series}


def request(search: Search, aggregations: str) -> Clause:
    """The body of the search, with the engine's own word for aggregations."""
    body: Clause = {"size": 0, "track_total_hits": True, "query": search.query}
    found = counted(search)
    return body | ({aggregations: found} if found else {})


def _source(field: str) -> str:
    """A field as the name of a key, which may have no dots: `model_name`."""
    return field.removeprefix("mlmon.").replace(".", "_")
