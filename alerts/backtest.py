"""A rule on what was: when it would have fired, for how long, and how often outcomes agree.

An alert is confirmed when a finding of performance lies in its windows or in the week after them: by
outcomes, the model was worse than its reference. Where no outcomes cover that time, nothing is said of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from mlmon.alerts.board import ask
from mlmon.alerts.catalogue import PERFORMANCE
from mlmon.alerts.evaluate import Work, in_order, judged_groups
from mlmon.alerts.gaps import silences
from mlmon.alerts.judge import judged as judged_point
from mlmon.alerts.known import Group, Known, recent
from mlmon.alerts.rules import Against, Bound, OfSilence, Rule, matches
from mlmon.alerts.states import Alert, Judged, Phase, advance
from mlmon.core import schema
from mlmon.core.query import AllOf, Equals, Filter, OneOf, Scan
from mlmon.core.schema import Dataset
from mlmon.core.store import Reader
from mlmon.core.window import Window, parse_duration

AFTER: Final = timedelta(days=7)
"""How long after an alert a finding of performance still confirms it."""

_HEADLINES: Final = ("accuracy", "mae")
"""One of these is there wherever there are outcomes."""


class Episode(Struct, frozen=True, kw_only=True):
    """One time that a rule would have fired. Where it still does `closed` is None, and `end` where data end.

    `is_confirmed` is None where no outcomes say.
    """

    rule: str
    group: Group
    since: datetime
    fired: datetime
    closed: datetime | None
    end: datetime
    worst: Judged | None
    is_confirmed: bool | None = None

    @property
    def lasted(self) -> timedelta:
        """From when it fired to its end, or to the end of what is known."""
        return max(self.end - self.fired, timedelta(0))


class Replay(Struct, frozen=True, kw_only=True):
    """A rule on what was: its episodes, and the windows of each group as they were judged.

    `models` is how many models it speaks of.
    """

    rule: Rule
    days: float
    models: int = 0
    episodes: tuple[Episode, ...] = ()
    judged: dict[Group, tuple[Judged, ...]] = field(default_factory=dict)

    @property
    def windows(self) -> int:
        """How many windows could be judged, all groups together."""
        return sum(len(windows) for windows in self.judged.values())

    @property
    def confirmed(self) -> int:
        """How many outcomes confirm."""
        return sum(each.is_confirmed is True for each in self.episodes)

    @property
    def unconfirmed(self) -> int:
        """How many outcomes do not confirm, although there are some."""
        return sum(each.is_confirmed is False for each in self.episodes)


def unjudged(rule: Rule) -> str:
    """Why no window of a metric's rule could be judged, as far as the rule itself may be the reason."""
    of = "" if rule.models == ("*",) else f" of {', '.join(rule.models)}"
    enough = f" and {rule.min_n:,.0f} events (min_n)" if rule.min_n else ""
    beside = (
        "" if rule.bound is None or rule.bound.against is Against.FIXED else " and one to hold it against"
    )
    return f"no window of {rule.size}{of} has {rule.metric}{enough}{beside}."


class History(Struct, frozen=True, kw_only=True):
    """What the store knows of a stretch of time, to try rules on."""

    work: Work
    worse: dict[str, list[Window]]
    covered: dict[str, list[Window]]
    quiet: dict[Group, tuple[Judged, ...]]
    past: timedelta


def history(
    reader: Reader, rules: Sequence[Rule], known: Sequence[Known], *, until: datetime, past: timedelta
) -> History:
    """Ask once for what trying rules needs: `past` back from `until`, or from a model's own last inference.

    Raises:
        StoreError: the store could not answer.

    """
    board = ask(reader, rules, known, now=until, past=past)
    work = Work(board=board, known={each.name: each for each in known}, before={}, now=until, past=past)
    quiet: dict[Group, tuple[Judged, ...]] = {}
    for rule in rules:
        if isinstance(rule.subject, OfSilence):
            quiet |= _quiet(reader, rule, known, until, past)
    spans = [Window(start=each.horizon(until) - past, end=each.horizon(until) + AFTER) for each in known]
    worse = _spans(reader, Dataset.FINDING, spans)
    covered = _spans(reader, Dataset.METRIC, spans)
    return History(work=work, worse=worse, covered=covered, quiet=quiet, past=past)


def replay(past: History, rules: Sequence[Rule]) -> list[Replay]:
    """Every rule on what was, window by window as the evaluator would have seen it, with all data there."""
    work, found = replace(past.work, open_now={}), []
    for rule in in_order(rules):
        work.open_now[rule.name] = []
        episodes: list[Episode] = []
        judged: dict[Group, tuple[Judged, ...]] = {}
        groups = past.quiet.items() if isinstance(rule.subject, OfSilence) else judged_groups(work, rule)
        for group, windows in groups:
            if not matches(rule.models, group.model) and group.model:
                continue
            judged[group] = tuple(windows)
            model = work.known.get(group.model)
            until = model.horizon(work.now) if model else work.now
            of_group = _episodes(rule, group, windows, until)
            work.open_now[rule.name] += [(group.model, _as_alert(each)) for each in of_group]
            episodes += [replace(each, is_confirmed=_confirmed(past, each)) for each in of_group]
        episodes.sort(key=lambda each: (each.fired, each.group))
        found.append(
            Replay(
                rule=rule,
                days=past.past / timedelta(days=1),
                models=sum(matches(rule.models, name) for name in work.known),
                episodes=tuple(episodes),
                judged=judged,
            )
        )
    return found


def _quiet(
    reader: Reader, rule: Rule, known: Sequence[Known], until: datetime, past: timedelta
) -> dict[Group, tuple[Judged, ...]]:
    count = max(int(past / parse_duration(rule.size)), 1)
    found = {}
    for each in known:
        if matches(rule.models, each.name):
            span = recent(each.horizon(until), rule.size, count)
            points = silences(reader, each.name, span, rule.size)
            judged = (judged_point(rule, point) for point in points)
            found[Group(model=each.name)] = tuple(one for one in judged if one is not None)
    return found


def _episodes(rule: Rule, group: Group, windows: Sequence[Judged], until: datetime) -> list[Episode]:
    alert, found = Alert(), list[Episode]()
    for judged in windows:
        before = alert
        alert, changes = advance(alert, [judged], rule, now=judged.end)
        for change in changes:
            if change.after is Phase.RESOLVED:
                found.append(_episode(rule, group, before if before.is_open else alert, change.at, until))
    if alert.is_open:
        found.append(_episode(rule, group, alert, None, until))
    return found


def _episode(rule: Rule, group: Group, alert: Alert, closed: datetime | None, until: datetime) -> Episode:
    since = alert.since or alert.fired or closed
    assert since is not None  # noqa: S101 - an alert that fired has a beginning
    return Episode(
        rule=rule.name,
        group=group,
        since=since,
        fired=alert.fired or since,
        closed=closed,
        end=closed or until,
        worst=alert.worst,
    )


def _as_alert(episode: Episode) -> Alert:
    """As the condition of another rule looks at it."""
    phase = Phase.FIRING if episode.closed is None else Phase.RESOLVED
    return Alert(phase=phase, since=episode.since, fired=episode.fired, closed=episode.closed)


def _spans(reader: Reader, dataset: Dataset, spans: Sequence[Window]) -> dict[str, list[Window]]:
    """The windows in which performance was worse, or in which there were outcomes, by model."""
    found: dict[str, list[Window]] = {}
    if not spans:
        return found
    hull = Window(start=min(span.start for span in spans), end=max(span.end for span in spans))
    filters: list[Filter] = [Equals(schema.RESULT_ANALYZER, PERFORMANCE), Equals(schema.RESULT_SEGMENT, "")]
    where: tuple[Filter, ...] = (
        (*filters, Equals(schema.FINDING_STATE, "firing"))
        if dataset is Dataset.FINDING
        else (*filters, OneOf(schema.METRIC_NAME, _HEADLINES), Equals(schema.RESULT_SUBJECT, ""))
    )
    fields = (schema.MODEL_NAME, schema.WINDOW_START, schema.WINDOW_END)
    scan = Scan(dataset=dataset, window=hull, where=AllOf(where), fields=fields)
    for documents in reader.scan(scan):
        for document in documents:
            window = Window(start=document[schema.WINDOW_START], end=document[schema.WINDOW_END])
            found.setdefault(document[schema.MODEL_NAME], []).append(window)
    return found


def _confirmed(past: History, episode: Episode) -> bool | None:
    start, end = episode.since, episode.end + AFTER
    model = episode.group.model
    if any(each.start < end and each.end > start for each in past.worse.get(model, ())):
        return True
    covered = any(each.start < end and each.end > start for each in past.covered.get(model, ()))
    return False if covered else None


def with_bound(rule: Rule, value: float) -> Rule:
    """The rule with another bound, its recovery as far from it in proportion as before."""
    if rule.bound is None:
        return rule
    ratio = rule.bound.recovery / rule.bound.value if rule.bound.value else 1.0
    bound: Bound = replace(rule.bound, value=value, recovery=value * ratio)
    return replace(rule, bound=bound)
