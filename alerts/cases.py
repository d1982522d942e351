"""The trials that a rule file carries: values in, phases out, held against what is expected."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

from mlmon.alerts.judge import Point, judged
from mlmon.alerts.rules import Case, Rule
from mlmon.alerts.states import Alert, Judged, Verdict, advance
from mlmon.core.window import floor, following

_START: Final = datetime(2026, 1, 5, tzinfo=UTC)


class Outcome(Struct, frozen=True, kw_only=True):
    """One trial: which phases came, and which were expected."""

    rule: str
    case: str
    came: tuple[str, ...]
    expected: tuple[str, ...]

    @property
    def is_right(self) -> bool:
        """Whether what came is what was expected."""
        return self.came == self.expected

    @property
    def first_wrong(self) -> int | None:
        """The place of the first window, from 1, whose phase is another; None where all are right."""
        pairs = enumerate(zip(self.came, self.expected, strict=True), start=1)
        return next((place for place, (came, expected) in pairs if came != expected), None)


def run(rule: Rule) -> Iterator[Outcome]:
    """Every trial of a rule. What the rule waits for is taken to hold."""
    for case in rule.cases:
        yield Outcome(rule=rule.name, case=case.name, came=tuple(_phases(rule, case)), expected=case.expect)


def _phases(rule: Rule, case: Case) -> Iterator[str]:
    alert, start = Alert(), floor(_START, rule.size)
    for value, n in zip(case.values, case.n, strict=True):
        end = following(start, rule.size)
        point = Point(start=start, end=end, value=value, n=n)
        found = _found(rule, point) if rule.bound is None else judged(rule, point, case.usual)
        alert, _ = advance(alert, [] if found is None else [found], rule, now=end)
        yield str(alert.phase)
        start = end


def _found(rule: Rule, point: Point) -> Judged | None:
    """For a rule of findings a value above 0 stands for one that is there, 0 for none."""
    if point.value is None or point.n < rule.min_n:
        return None
    verdict = Verdict.BREACH if point.value > 0 else Verdict.CLEAR
    return Judged(start=point.start, end=point.end, verdict=verdict, value=point.value, n=point.n)
