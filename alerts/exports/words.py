"""A rule in one sentence, for the notices that an engine sends by itself."""

from __future__ import annotations

from mlmon.alerts import quantity
from mlmon.alerts.catalogue import METRICS, Unit
from mlmon.alerts.rules import OfFindings, OfLogs, OfMetric, OfSilence, Rule


def sentence(rule: Rule) -> str:
    """What is too much: `error_rate above 5 % in 2 of 3 windows of 1h`."""
    return f"{_what(rule)}{_bound(rule)}{_lasting(rule)}"


def told(rule: Rule) -> str:
    """The sentence with what else a person needs who is woken by it."""
    parts = [f"[{rule.severity}] {rule.name}: {rule.about or sentence(rule)}"]
    if rule.about:
        parts.append(f"({sentence(rule)})")
    if rule.owner:
        parts.append(f"Owner: {rule.owner}.")
    if rule.runbook:
        parts.append(f"Runbook: {rule.runbook}")
    return " ".join(parts)


def _what(rule: Rule) -> str:
    match rule.subject:
        case OfMetric(name=name, subjects=subjects):
            return f"{name} of {', '.join(subjects)}" if subjects else name
        case OfFindings():
            return f"findings of {rule.metric}" if rule.metric != "finding" else "findings"
        case OfLogs(levels=levels):
            return f"lines of level {' or '.join(levels)}" if levels else "lines of the log"
        case OfSilence():
            return "silence"


def _bound(rule: Rule) -> str:
    if rule.bound is None:
        return ""
    unit = Unit.COUNT
    if isinstance(rule.subject, OfMetric):
        unit = METRICS[rule.subject.name].unit
    elif isinstance(rule.subject, OfSilence):
        return f" of more than {quantity.written(rule.bound.value, Unit.SECONDS)}"
    return f" {rule.bound.side} {quantity.written(rule.bound.value, unit)}"


def _lasting(rule: Rule) -> str:
    if isinstance(rule.subject, OfSilence):
        return ""
    if rule.lasting.among == 1:
        return f" in a window of {rule.size}"
    return f" in {rule.lasting.count} of {rule.lasting.among} windows of {rule.size}"
