"""Every rule against every model it speaks of: which alerts there are, and what changed. It only reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

from msgspec import Struct, field

from mlmon.alerts.board import Board, Cut, ask, when_stored, windows_of
from mlmon.alerts.judge import Point, is_due, judged
from mlmon.alerts.known import Group, Known, recent
from mlmon.alerts.rules import (
    Condition,
    MetricHolds,
    OfFindings,
    OfLogs,
    OfMetric,
    OfSilence,
    Rule,
    RuleHolds,
    matches,
)  # fmt: skip
from mlmon.alerts.states import Alert, Change, Judged, Verdict, advance
from mlmon.core.result import Finding, Severity
from mlmon.core.store import Reader
from mlmon.core.window import Window, floor, preceding, windows

_NOT_SOONER: Final = timedelta(hours=1)
"""So long after a window's end, or a quarter of it if that is shorter, an absent finding says it is well."""

_RETIRED: Final = timedelta(days=30)
"""A model that served nothing for so long is not missed any more."""

_LATE: Final = timedelta(hours=1)
"""What is stored later than this after it happened is a replay, and its model is not live."""

_RANKS: Final = tuple(Severity)

At = tuple[str, Group]
"""A rule's name and a group."""


class Moved(Struct, frozen=True, kw_only=True):
    """What changed in one alert in one evaluation."""

    rule: Rule
    group: Group
    alert: Alert
    changes: tuple[Change, ...]


class Evaluation(Struct, kw_only=True):
    """What an evaluation came to: every state that is worth keeping, what changed, and how much was asked."""

    alerts: dict[At, Alert] = field(default_factory=dict)
    moved: list[Moved] = field(default_factory=list)
    questions: int = 0
    groups: int = 0


def evaluate(
    reader: Reader,
    rules: Sequence[Rule],
    known: Sequence[Known],
    before: Mapping[At, Alert],
    *,
    now: datetime,
) -> Evaluation:
    """Judge the recent windows of every group of every rule, and move its alert.

    `before` has the states as the last evaluation left them; judging the same windows again changes nothing.

    Raises:
        StoreError: the store could not answer.

    """
    board = ask(reader, rules, known, now=now)
    work = Work(board=board, known={each.name: each for each in known}, before=before, now=now)
    for name, group in before:
        work.standing.setdefault(name, []).append(group)
    silent = [rule for rule in rules if isinstance(rule.subject, OfSilence)]
    if silent:
        work.stored = _stored(reader, known, silent, now)
        board.questions += 1
    for rule in in_order(rules):
        work.open_now[rule.name] = []
        for group, found in judged_groups(work, rule):
            _move(work, rule, group, found)
    work.done.questions = board.questions
    return work.done


class Work(Struct, kw_only=True):
    """What one evaluation knows; `past` is how far back it looks at least."""

    board: Board
    known: dict[str, Known]
    before: Mapping[At, Alert]
    now: datetime
    past: timedelta = timedelta(0)
    standing: dict[str, list[Group]] = field(default_factory=dict)
    stored: dict[str, datetime] = field(default_factory=dict)
    open_now: dict[str, list[tuple[str, Alert]]] = field(default_factory=dict)
    done: Evaluation = field(default_factory=Evaluation)


def in_order(rules: Sequence[Rule]) -> list[Rule]:
    """The rules, each after those that its `only_if` names."""
    left, done, ordered = list(rules), set[str](), list[Rule]()
    names = {rule.name for rule in rules}
    while left:
        ready = [rule for rule in left if _waits_for(rule) & names <= done] or left[:1]
        ordered += ready
        done |= {rule.name for rule in ready}
        left = [rule for rule in left if rule.name not in done]
    return ordered


def _waits_for(rule: Rule) -> set[str]:
    return {each.rule for each in rule.only_if if isinstance(each, RuleHolds)}


def _move(work: Work, rule: Rule, group: Group, found: Sequence[Judged]) -> None:
    work.done.groups += 1
    before = work.before.get((rule.name, group))
    if before is None and all(each.verdict is Verdict.CLEAR for each in found):
        return  # nearly all of them, nearly always
    alert, changes = advance(before or Alert(), found, rule, now=work.now)
    if not alert.is_idle:
        work.done.alerts[rule.name, group] = alert
    if alert.fired is not None:
        work.open_now[rule.name].append((group.model, alert))
    if changes:
        work.done.moved.append(Moved(rule=rule, group=group, alert=alert, changes=tuple(changes)))


def judged_groups(work: Work, rule: Rule) -> Iterator[tuple[Group, list[Judged]]]:
    """Every group of a rule with its windows judged; also those of which only a state is left."""
    ways: dict[type, Callable[[Work, Rule], Iterator[tuple[Group, list[Judged]]]]] = {
        OfMetric: _of_metric,
        OfFindings: _of_findings,
        OfLogs: _of_logs,
        OfSilence: _of_silence,
    }
    met: set[Group] = set()
    for group, found in ways[type(rule.subject)](work, rule):
        met.add(group)
        yield group, found
    for group in work.standing.get(rule.name, ()):
        if group not in met:
            yield group, []


def _models(work: Work, rule: Rule) -> Iterator[Known]:
    return (each for each in work.known.values() if _fits(rule.models, each.name))


@lru_cache(maxsize=65_536)
def _fits(patterns: tuple[str, ...], word: str) -> bool:
    """Whether a rule speaks of it; without patterns it speaks of all together, which is the empty word."""
    return matches(patterns, word) if patterns else not word


def _of_metric(work: Work, rule: Rule) -> Iterator[tuple[Group, list[Judged]]]:
    if not isinstance(rule.subject, OfMetric):
        return
    name, subjects = rule.subject.name, rule.subject.subjects
    for model in _models(work, rule):
        span = recent(_horizon(model, rule, work.now), rule.size, windows_of(rule, work.past))
        known = work.board.of(rule.size, name, model.name)
        for cut in sorted(known):
            series = known[cut]
            version, segment, subject = cut
            if _fits(rule.versions, version) and _fits(rule.segments, segment) and _fits(subjects, subject):
                points = [series[start] for start in sorted(series) if start in span]
                group = _group(rule, model.name, cut)
                yield (
                    group,
                    [
                        found
                        for point in points
                        if (found := _judge(work, rule, model.name, cut, series, point))
                    ],
                )


def _horizon(model: Known, rule: Rule, now: datetime) -> datetime:
    """Up to when windows are looked at; final ones wait for their outcomes."""
    horizon = model.horizon(now)
    return horizon - model.maturity if rule.judge == "final" and model.is_live else horizon


def _group(rule: Rule, model: str, cut: Cut) -> Group:
    version, segment, subject = cut
    return Group(
        model=model,
        version=version if "version" in rule.by else "",
        segment=segment if "segment" in rule.by else "",
        subject=subject if "subject" in rule.by else "",
    )


def _judge(
    work: Work, rule: Rule, model: str, cut: Cut, series: dict[datetime, Point], point: Point
) -> Judged | None:
    if not is_due(rule, point, work.now) or rule.bound is None:
        return None
    usual = work.board.usual(rule.bound, rule.metric, model, cut, series, point)
    found = judged(rule, point, usual)
    if found is not None and found.verdict is not Verdict.CLEAR and not _allowed(work, rule, model, point):
        return judged(rule, point, usual, allowed=False)
    return found


def _allowed(work: Work, rule: Rule, model: str, window: Point | Window) -> bool:
    """Whether everything that a rule waits for holds for a model in a window."""
    return all(_holds(work, each, model, window) for each in rule.only_if)


def _holds(work: Work, condition: Condition, model: str, window: Point | Window) -> bool:
    if isinstance(condition, RuleHolds):
        return any(
            of == model
            and alert.since is not None
            and alert.since < window.end
            and (alert.is_open or (alert.closed is not None and alert.closed > window.start))
            for of, alert in work.open_now.get(condition.rule, ())
        )
    return _metric_holds(work.board, condition, model, window.end)


def _metric_holds(board: Board, condition: MetricHolds, model: str, end: datetime) -> bool:
    cut = ("", "", condition.subject)
    series = board.of(condition.size, condition.name, model).get(cut, {})
    starts = [start for start, point in series.items() if start < end and point.value is not None]
    if not starts:
        return False
    point = series[max(starts)]
    limits = condition.bound.limits(board.usual(condition.bound, condition.name, model, cut, series, point))
    return limits is not None and point.value is not None and condition.bound.beyond(point.value, limits[0])


def _of_findings(work: Work, rule: Rule) -> Iterator[tuple[Group, list[Judged]]]:
    for model in _models(work, rule):
        horizon = work.now if _is_delivery(rule) else model.horizon(work.now)
        span = recent(horizon, rule.size, windows_of(rule, work.past))
        by_group: dict[Group, dict[datetime, Finding]] = {}
        for found in work.board.findings.get((rule.size, model.name), ()):
            if _speaks_of(rule, found) and found.window.start in span:
                cut = (found.version, found.segment, found.subject)
                known = by_group.setdefault(_group(rule, model.name, cut), {})
                start = found.window.start
                known[start] = max(
                    known.get(start, found), found, key=lambda each: _RANKS.index(each.severity)
                )
        for group in work.standing.get(rule.name, ()):
            if group.model == model.name:
                by_group.setdefault(group, {})
        for group, known in by_group.items():
            spans = list(windows(span, rule.size))
            yield group, [each for window in spans if (each := _found(work, rule, model, window, known))]


def _is_delivery(rule: Rule) -> bool:
    return isinstance(rule.subject, OfFindings) and rule.subject.analyzer in ("delivery", "*")


def _speaks_of(rule: Rule, found: Finding) -> bool:
    subject = rule.subject
    return (
        isinstance(subject, OfFindings)
        and subject.analyzer in ("*", found.analyzer)
        and subject.metric in ("", found.metric)
        and _RANKS.index(found.severity) >= _RANKS.index(subject.at_least)
        and matches(subject.subjects, found.subject)
        and _fits(rule.versions, found.version)
        and _fits(rule.segments, found.segment)
    )


def _found(
    work: Work, rule: Rule, model: Known, window: Window, known: Mapping[datetime, Finding]
) -> Judged | None:
    """A window with a finding is too much; one without is well, once its finding would be there."""
    found = known.get(window.start)
    patience = min((window.end - window.start) / 4, _NOT_SOONER)
    if found is None:
        is_sure = window.end + patience <= work.now
        return Judged(start=window.start, end=window.end, verdict=Verdict.CLEAR) if is_sure else None
    allowed = _allowed(work, rule, model.name, window)
    return Judged(
        start=window.start,
        end=window.end,
        verdict=Verdict.BREACH if allowed else Verdict.CLEAR,
        value=found.value,
        limit=found.bound,
        n=found.n,
        low=found.low,
        high=found.high,
        why=found.message,
    )


def _of_logs(work: Work, rule: Rule) -> Iterator[tuple[Group, list[Judged]]]:
    counted = dict(work.board.lines.get(rule.name, {}))
    for group in work.standing.get(rule.name, ()):
        counted.setdefault(group, {})
    for group, counts in counted.items():
        if "model" in rule.by and group.model and not _fits(rule.models, group.model):
            continue
        known = work.known.get(group.model)
        span = recent(
            known.horizon(work.now) if known else work.now, rule.size, windows_of(rule, work.past) + 1
        )
        series = {
            window.start: Point(
                start=window.start,
                end=window.end,
                value=counts.get(window.start, 0),
                n=max(counts.get(window.start, 0), rule.min_n),
            )
            for window in windows(span, rule.size)
        }
        cut = (group.version, "", "")
        points = list(series.values())[1:]
        yield (
            group,
            [each for point in points if (each := _judge(work, rule, group.model, cut, series, point))],
        )


def _stored(
    reader: Reader, known: Sequence[Known], rules: Sequence[Rule], now: datetime
) -> dict[str, datetime]:
    """When the last inference was stored, of the models that have been silent for long enough to matter."""
    least = min(rule.bound.value for rule in rules if rule.bound is not None)
    quiet = [each for each in known if least < (now - each.last).total_seconds() < _RETIRED.total_seconds()]
    return dict(when_stored(reader, quiet))


def _of_silence(work: Work, rule: Rule) -> Iterator[tuple[Group, list[Judged]]]:
    """The newest window that is over: since when, by its end, the model has served nothing."""
    end = floor(work.now, rule.size)
    start = preceding(end, rule.size, 1)
    for model in _models(work, rule):
        seconds = max((end - model.last).total_seconds(), 0.0)
        stored = work.stored.get(model.name)
        is_replay = stored is not None and stored - model.last > _LATE
        if seconds > _RETIRED.total_seconds() or is_replay:
            continue
        point = Point(start=start, end=end, value=seconds, n=rule.min_n)
        series = {start: point}
        found = _judge(work, rule, model.name, ("", "", ""), series, point)
        yield Group(model=model.name), [found] if found else []
