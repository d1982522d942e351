"""A rule in words, in one line: `error_rate above 5 %, 2 of 3 windows (1h)`. Pure."""

from __future__ import annotations

from mlmon.alerts import quantity
from mlmon.alerts.rules import (
    Against,
    Bound,
    Condition,
    OfFindings,
    OfLogs,
    OfMetric,
    OfSilence,
    Rule,
    RuleHolds,
    Side,
)
from mlmon.core.metric import unit_of
from mlmon.core.panel import Unit
from mlmon.core.result import Severity

_AGAINST = {
    Against.REFERENCE: "the reference",
    Against.PREVIOUS: "the window before",
    Against.SEASONAL: "the same time of four weeks",
}


def rule(one: Rule) -> str:
    """What a rule says."""
    lasting = one.lasting
    windows = (
        ""
        if isinstance(one.subject, OfSilence)
        else f", {_lasting(lasting.count, lasting.among)} ({one.size})"
    )
    only = "".join(f", only if {_condition(each)}" for each in one.only_if)
    return f"{_subject(one)}{_of(one)}{windows}{only}"


def _of(one: Rule) -> str:
    """Which models, versions and segments, where not all of them together."""
    named = [] if one.models == ("*",) else list(one.models)
    named += ["each version" if each == "?*" else f"version {each}" for each in one.versions]
    named += ["each segment" if each == "?*" else each for each in one.segments]
    return f" of {', '.join(named)}" if named else ""


def told(one: Rule) -> str:
    """What a rule says, with what else a person needs who is woken by it through another engine."""
    said = rule(one)
    parts = [f"[{one.severity}] {one.name}: {one.about or f'{said}.'}"]
    if one.about:
        parts.append(f"({said})")
    if one.owner:
        parts.append(f"Owner: {one.owner}.")
    if one.runbook:
        parts.append(f"Runbook: {one.runbook}")
    return " ".join(parts)


def _lasting(count: int, among: int) -> str:
    if among == 1:
        return "one window"
    return f"{count} windows in a row" if count == among else f"{count} of {among} windows"


def _subject(one: Rule) -> str:
    match one.subject:
        case OfSilence():
            return f"silent for {quantity.written(one.bound.value, Unit.SECONDS) if one.bound else ''}"
        case OfFindings(analyzer=analyzer, metric=metric, at_least=least):
            kind = "" if analyzer == "*" else f" of {analyzer}"
            grave = "" if least is Severity.INFO else f" (at least {least})"
            return f"findings{kind}{f' ({metric})' if metric else ''}{grave}"
        case OfLogs(levels=levels, loggers=loggers, message=message):
            of = [*levels, *loggers, *([f"'{message}'"] if message else [])]
            which = f" of {', '.join(of)}" if of else ""
            return f"log lines{which} {_bound(one.bound, 'log_lines')}"
        case OfMetric(name=name, subjects=subjects):
            named = f"[{', '.join(subjects)}]" if subjects and subjects != ("?*",) else ""
            return f"{name}{named} {_bound(one.bound, name)}"


def _bound(bound: Bound | None, metric: str) -> str:
    if bound is None:
        return ""
    if bound.against is Against.FIXED:
        return f"{bound.side} {quantity.written(bound.value, unit_of(metric))}"
    unit = Unit.RATIO if bound.is_relative else unit_of(metric)
    way = "more" if bound.side is Side.ABOVE else "less"
    return f"{quantity.written(bound.value, unit)} {way} than {_AGAINST[bound.against]}"


def _condition(condition: Condition) -> str:
    if isinstance(condition, RuleHolds):
        return f"{condition.rule} holds"
    return f"{condition.name} {_bound(condition.bound, condition.name)}"
