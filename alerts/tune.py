"""A bound for a rule, by what was: the tightest one whose false alarms stay under a wished rate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from mlmon.alerts.backtest import History, Replay, replay, unjudged, with_bound
from mlmon.alerts.catalogue import METRICS
from mlmon.alerts.evaluate import in_order
from mlmon.alerts.rules import Against, OfMetric, Rule, RuleHolds, Side
from mlmon.alerts.states import Judged
from mlmon.core.errors import UsageError

MONTH_DAYS: Final = 30.0
_CANDIDATES: Final = 40


class Tried(Struct, frozen=True, kw_only=True):
    """One bound, and what the rule would have done with it. `false_rate` is per 30 days, all groups together.

    A false alarm is one that outcomes do not confirm, also where there are none.
    """

    bound: float
    alarms: int
    confirmed: int
    false_rate: float
    hours: float


class Proposal(Struct, frozen=True, kw_only=True):
    """What was tried, from the tightest bound to the widest, and the one proposed, if any will do."""

    rule: Rule
    tried: tuple[Tried, ...]
    chosen: Tried | None


def tune(past: History, rules: Sequence[Rule], name: str, *, rate: float) -> Proposal:
    """Try bounds across the values that were there, and take the tightest with at most `rate` false alarms.

    Raises:
        UsageError: the rule has no bound on a metric, or there is nothing to try it on.

    """
    rule = next(each for each in rules if each.name == name)
    if not isinstance(rule.subject, OfMetric) or rule.bound is None:
        raise UsageError(f"The rule '{name}' has no bound on a metric, so there is nothing to tune.")
    needed = _with_needed(rule, rules)
    candidates = _candidates(rule, replay(past, needed)[-1])
    if not candidates:
        raise UsageError(
            f"There is nothing to tune '{name}' on: {unjudged(rule)} Go back further with --since, "
            "or change the rule."
        )
    tried = []
    for value in candidates:
        trial = [each if each.name != name else with_bound(rule, value) for each in needed]
        tried.append(_tried(value, replay(past, trial)[-1]))
    fitting = [each for each in tried if each.false_rate <= rate]
    return Proposal(rule=rule, tried=tuple(tried), chosen=fitting[0] if fitting else None)


def _with_needed(rule: Rule, rules: Sequence[Rule]) -> list[Rule]:
    """The rule after those it waits for."""
    by_name = {each.name: each for each in rules}
    wanted, open_ = {rule.name}, [rule]
    while open_:
        for each in open_.pop().only_if:
            if isinstance(each, RuleHolds) and each.rule in by_name and each.rule not in wanted:
                wanted.add(each.rule)
                open_.append(by_name[each.rule])
    ordered = [each for each in in_order(rules) if each.name in wanted and each.name != rule.name]
    return [*ordered, rule]


def _candidates(rule: Rule, seen: Replay) -> list[float]:
    """Bounds across the values that were there, tightest first, in three digits, within what can be."""
    if rule.bound is None:
        return []
    values = sorted(
        value
        for judged in seen.judged.values()
        for each in judged
        if (value := _distance(rule, each)) is not None
    )
    if not values:
        return []
    places = [round(place * (len(values) - 1) / _CANDIDATES) for place in range(_CANDIDATES + 1)]
    found = {float(f"{values[place]:.3g}") for place in places}
    if rule.bound.against is not Against.FIXED:
        found = {value for value in found if value > 0}
    else:
        measured = METRICS[rule.metric]
        found = {
            value
            for value in found
            if (measured.high is None or value < measured.high)
            and (measured.low is None or value > measured.low)
        }
    is_below = rule.bound.side is Side.BELOW and rule.bound.against is Against.FIXED
    return sorted(found, reverse=is_below)


def _distance(rule: Rule, judged: Judged) -> float | None:
    """The bound that a window just does not pass: its value, or its change."""
    bound = rule.bound
    if bound is None or judged.value is None or judged.limit is None:
        return None
    if bound.against is Against.FIXED:
        return judged.value
    sign = 1.0 if bound.side is Side.ABOVE else -1.0
    # The limit is what it was, moved by the bound; so what it was follows from the limit.
    if bound.is_relative:
        factor = 1.0 + sign * bound.value
        usual = judged.limit / factor if factor else None
        return None if not usual else sign * (judged.value - usual) / abs(usual)
    return sign * (judged.value - (judged.limit - sign * bound.value))


def _tried(value: float, done: Replay) -> Tried:
    false = sum(each.is_confirmed is not True for each in done.episodes)
    lasted = sum((each.lasted.total_seconds() for each in done.episodes), 0.0)
    return Tried(
        bound=value,
        alarms=len(done.episodes),
        confirmed=done.confirmed,
        false_rate=false * MONTH_DAYS / done.days if done.days else float(false),
        hours=lasted / 3600,
    )
