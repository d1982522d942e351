"""A rule: what it looks at, when that is too much, for how long, and who hears of it.

A rule is one frozen value. `mlmon.alerts.load` reads it from YAML and refuses what cannot be meant, so who
has a `Rule` need not check it again. The evaluator and the exports work on these values alone.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Final

from msgspec import Struct

from mlmon.core.result import Severity

ANALYZER: Final = "rule"
"""A finding that a rule made bears the analyzer `rule:NAME`."""


class OfMetric(Struct, frozen=True, kw_only=True, tag="metric"):
    """A metric of the analyzers. `subjects` are patterns of features or classes; none speaks of the model."""

    name: str
    analyzer: str
    subjects: tuple[str, ...] = ()


class OfFindings(Struct, frozen=True, kw_only=True, tag="finding"):
    """Findings that hold: of an analyzer, or all ("*"), of a metric, or all (""), at least so severe."""

    analyzer: str = "*"
    metric: str = ""
    subjects: tuple[str, ...] = ("*",)
    at_least: Severity = Severity.INFO


class OfLogs(Struct, frozen=True, kw_only=True, tag="log"):
    """How many lines of the app log a window has. Empty levels and loggers mean all.

    `message` is words next to each other, in any case, as `mlmon.core.query.Matches` has it.
    """

    levels: tuple[str, ...] = ()
    loggers: tuple[str, ...] = ()
    message: str = ""


class OfSilence(Struct, frozen=True, kw_only=True, tag="silence"):
    """For how long, in seconds, a model that is live has served nothing."""


Subject = OfMetric | OfFindings | OfLogs | OfSilence


class Side(StrEnum):
    """On which side of the bound a value is too much."""

    ABOVE = "above"
    BELOW = "below"


class Against(StrEnum):
    """What a value is held against: the bound as it stands, or what it was."""

    FIXED = "fixed"
    REFERENCE = "reference"
    PREVIOUS = "previous"
    SEASONAL = "seasonal"


class Bound(Struct, frozen=True, kw_only=True):
    """From where a value is too much, in the metric's own unit (ns for latencies, 0 to 1 for shares).

    Where it is held against something, `value` is the change that is too much: a part of what it was where
    `is_relative`, else a difference. `recovery` is the bound that must be passed back before the value is
    well again; it equals `value` where the rule names none. A value at the bound itself is not too much.
    """

    side: Side
    value: float
    recovery: float
    against: Against = Against.FIXED
    is_relative: bool = False

    def limits(self, usual: float | None) -> tuple[float, float] | None:
        """The bound and the recovery bound as plain values; None where nothing is known to hold against."""
        if self.against is Against.FIXED:
            return self.value, self.recovery
        if usual is None:
            return None
        step = abs(usual) if self.is_relative else 1.0
        sign = 1.0 if self.side is Side.ABOVE else -1.0
        return usual + sign * step * self.value, usual + sign * step * self.recovery

    def beyond(self, value: float, limit: float) -> bool:
        """Whether a value lies beyond a limit, on this bound's side."""
        return value > limit if self.side is Side.ABOVE else value < limit


class Lasting(Struct, frozen=True, kw_only=True):
    """`count` of the last `among` windows must be too much; `clear` well ones in a row end it."""

    count: int = 1
    among: int = 1
    clear: int = 1


class Flapping(Struct, frozen=True, kw_only=True):
    """An alert that began `episodes` times in `within` windows flaps: only `calm` clear ones end it."""

    episodes: int = 3
    within: int = 24
    calm: int = 6


class Judge(StrEnum):
    """Which windows are judged: those that are over, those that are final, or also the one that runs."""

    ENDED = "ended"
    FINAL = "final"
    RUNNING = "running"


class RuleHolds(Struct, frozen=True, kw_only=True, tag="rule"):
    """Another rule's alert is firing or recovering for the same model."""

    rule: str


class MetricHolds(Struct, frozen=True, kw_only=True, tag="metric"):
    """A metric of the same model, all traffic, lies beyond a bound in the newest window of a size by then."""

    name: str
    size: str
    bound: Bound
    subject: str = ""


Condition = RuleHolds | MetricHolds


class Maintenance(Struct, frozen=True, kw_only=True):
    """When notices wait: each of `days` (Monday is 0) from `start` to `end`, or once from `since` to `until`.

    Times are UTC. An `end` at or before `start` is on the day after.
    """

    days: tuple[int, ...] = ()
    start: time | None = None
    end: time | None = None
    since: datetime | None = None
    until: datetime | None = None

    def holds(self, moment: datetime) -> bool:
        """Whether a moment (aware, UTC) lies within."""
        if self.since is not None and self.until is not None:
            return self.since <= moment < self.until
        if self.start is None or self.end is None:
            return moment.weekday() in self.days
        now, yesterday = moment.time(), (moment - timedelta(days=1)).weekday()
        if self.start < self.end:
            return moment.weekday() in self.days and self.start <= now < self.end
        return (moment.weekday() in self.days and now >= self.start) or (
            yesterday in self.days and now < self.end
        )


class Case(Struct, frozen=True, kw_only=True):
    """A trial of a rule: a value a window (None has none), and the phase expected after each."""

    name: str
    values: tuple[float | None, ...]
    n: tuple[float, ...]
    usual: float | None
    expect: tuple[str, ...]


class Rule(Struct, frozen=True, kw_only=True):
    """One rule, checked.

    `size` is a window size of the analyzers; for logs and silence any duration. `bound` is None for findings,
    which are too much by being there. `by` are the group keys: always `model`, except for log lines, and of
    `version`, `segment`, `subject`, `logger`; each group has a state of its own. `models`, `versions` and
    `segments` are patterns with `*` and `?`. Without `version` among `by`, and no `versions`, all versions
    together are looked at; segments likewise. A window counts as too much only where every one of `only_if`
    holds. `expire` is how long nothing new may be known of a group before its alert is over. `place` is the
    file and line the rule stands in.
    """

    name: str
    subject: Subject
    size: str
    bound: Bound | None = None
    about: str = ""
    lasting: Lasting = Lasting()
    flapping: Flapping = Flapping()
    judge: Judge = Judge.ENDED
    min_n: float = 0.0
    models: tuple[str, ...] = ("*",)
    versions: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    by: tuple[str, ...] = ("model",)
    only_if: tuple[Condition, ...] = ()
    severity: Severity = Severity.WARNING
    owner: str = ""
    runbook: str = ""
    routes: tuple[str, ...] = ()
    renotify: timedelta | None = None
    maintenance: tuple[Maintenance, ...] = ()
    expire: timedelta = timedelta(days=7)
    cases: tuple[Case, ...] = ()
    place: str = ""

    @property
    def analyzer(self) -> str:
        """What the findings of this rule bear as their analyzer."""
        return f"{ANALYZER}:{self.name}"

    @property
    def metric(self) -> str:
        """The name of what it looks at: the metric's, or `log_lines`, `silence`, or the findings' kind."""
        match self.subject:
            case OfMetric(name=name):
                return name
            case OfLogs():
                return "log_lines"
            case OfSilence():
                return "silence"
            case OfFindings(analyzer=analyzer, metric=metric):
                return metric or (analyzer if analyzer != "*" else "finding")


def matches(patterns: tuple[str, ...], word: str) -> bool:
    """Whether one of the patterns stands for a word; no pattern stands for none.

    >>> matches(("fraud-*", "flights"), "fraud-eu"), matches((), "flights")
    (True, False)
    """
    return any(fnmatchcase(word, pattern) for pattern in patterns)
