"""Alerts, silences and replays as rows, for tables and for the machine's forms; and as pictures."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlmon.cli import units, wiring_analyze, wiring_rules
from mlmon.core.config import Config
from mlmon.core.errors import MlmonError, UsageError, nearest
from mlmon.core.store import Reader

if TYPE_CHECKING:
    from mlmon.alerts.backtest import Episode, Replay
    from mlmon.alerts.known import Group
    from mlmon.alerts.memory import Kept, Memory
    from mlmon.alerts.mutes import Ack, Mutes, Silence
    from mlmon.alerts.rules import Rule
    from mlmon.alerts.states import Judged
    from mlmon.alerts.tune import Proposal


def alert_rows(kept: Memory, mutes: Mutes, which: Sequence[Rule], now: datetime) -> list[dict[str, Any]]:
    """A row a state, the gravest and oldest first."""
    by_name = {rule.name: rule for rule in which}
    rows = []
    for each in kept.kept:
        rule = each.of or by_name.get(each.rule)
        if rule is not None and each.alert.since is not None:
            rows.append(_alert_row(each, rule, mutes, now))
    ranks = ("critical", "warning", "info")
    return sorted(rows, key=lambda row: (ranks.index(row["severity"]), row["since"]))


def _alert_row(kept: Kept, rule: Rule, mutes: Mutes, now: datetime) -> dict[str, Any]:
    from mlmon.alerts import quantity
    from mlmon.alerts.states import is_flapping
    from mlmon.core.metric import unit_of

    alert, unit = kept.alert, unit_of(rule.metric)
    window = alert.worst or (alert.recent[-1] if alert.recent else None)
    value, bound = (window.value, window.limit) if window else (None, None)
    return {
        "id": kept.id,
        "rule": rule.name,
        "severity": str(rule.severity),
        "phase": str(alert.phase),
        **{name: getattr(kept.group, name) for name in ("model", "version", "segment", "subject", "logger")},
        "since": alert.since,
        "fired": alert.fired,
        "value": value,
        "bound": bound,
        "value_said": "-" if value is None else quantity.written(value, unit),
        "bound_said": "-" if bound is None else quantity.written(bound, unit),
        "n": window.n if window else None,
        "told": None if kept.told is None else kept.told.last,
        "quiet": _quiet(kept, rule, mutes, now),
        "flapping": is_flapping(alert, rule),
        "owner": rule.owner,
        "runbook": rule.runbook,
    }


def _quiet(kept: Kept, rule: Rule, mutes: Mutes, now: datetime) -> str:
    if (ack_ := mutes.acked(kept.id, now)) is not None:
        return f"taken by {ack_.author}"
    if (silence_ := mutes.silenced(rule, kept.group, now)) is not None:
        return f"silenced by {silence_.author}"
    return "maintenance" if mutes.is_quiet(rule, kept.group, now) else ""


def mute_rows(mutes: Mutes, now: datetime) -> list[dict[str, Any]]:
    """A row a silence or ack that holds."""
    names = ("rule", "model", "version", "segment", "subject")
    rows: list[dict[str, Any]] = []
    for each in mutes.silences:
        given = {name: getattr(each, name) for name in names}
        of = ", ".join(f"{name} {value}" for name, value in given.items() if value != "*")
        rows.append({"id": each.id, "kind": "silence", "of": of, **given, **_mute(each)})
    rows += [
        {"id": taken.alert, "kind": "ack", "of": f"alert {taken.alert[:8]}", **_mute(taken)}
        for taken in mutes.acks
    ]
    return [row for row in rows if now < row["until"]]


def covered(reader: Reader, config: Config, made: Silence) -> Iterator[str]:
    """What a silence holds back now, in sentences; a rule or model that is not known is told, not refused."""
    from mlmon.alerts.rules import matches

    kept = [each for each in wiring_rules.memory(reader).kept if each.alert.is_open]
    many = sum(made.covers(each.rule, each.group) for each in kept)
    known = {
        "rule": {*_rule_names(config), *(each.rule for each in kept)},
        "model": {model.name for model in wiring_analyze.models(reader, config)},
    }
    for name, names in known.items():
        pattern = getattr(made, name)
        if names and pattern != "*" and not any(matches((pattern,), each) for each in names):
            yield f"No {name} known here fits '{pattern}'.{nearest(pattern, names)}"
    yield f"It covers {units.counted(many, 'open alert')}."


def _rule_names(config: Config) -> list[str]:
    """The rules of the settings; none where a file has a mistake: that must not forbid silence."""
    try:
        return [rule.name for rule in wiring_rules.rules(config)]
    except MlmonError:
        return []


def _mute(one: Silence | Ack) -> dict[str, Any]:
    return {"author": one.author, "until": one.until, "comment": one.comment}


def said_nothing(done: Replay) -> str:
    """Why a rule could not have fired, in a sentence; empty where it could have."""
    from mlmon.alerts.backtest import unjudged
    from mlmon.alerts.rules import OfMetric

    rule = done.rule
    if done.models == 0 and "model" in rule.by:
        return f"{rule.name}: the store has no model that fits {', '.join(rule.models)}."
    if done.windows or not isinstance(rule.subject, OfMetric):
        return ""
    return f"{rule.name}: {unjudged(rule)}"


def episode_rows(done: Replay) -> list[dict[str, Any]]:
    """A row an alert that would have been."""
    return [_episode_row(each) for each in done.episodes]


def _episode_row(each: Episode) -> dict[str, Any]:
    group = each.group
    return {
        **{name: getattr(group, name) for name in ("model", "version", "segment", "subject", "logger")},
        "since": each.since,
        "fired": each.fired,
        "closed": each.closed,
        "hours": round(each.lasted.total_seconds() / 3600, 2),
        "worst": each.worst.value if each.worst else None,
        "bound": each.worst.limit if each.worst else None,
        "confirmed": each.is_confirmed,
    }


def busiest_group(done: Replay) -> tuple[Group, Sequence[Judged]] | None:
    """The group with most alerts and its windows; None where there is none with values."""
    counts: dict[Group, int] = {}
    for each in done.episodes:
        counts[each.group] = counts.get(each.group, 0) + 1
    for group in sorted(counts, key=lambda group: -counts[group]):
        if any(each.value is not None for each in done.judged[group]):
            return group, done.judged[group]
    return None


def check_plot(path: str) -> None:
    """Refuse a file that a chart cannot be drawn into, before anything is computed.

    Raises:
        UsageError: its name ends in something else than .png or .json.

    """
    if not path.endswith((".png", ".json")):
        raise UsageError(f"'{path}' must end in .png, a picture, or .json, its Vega-Lite specification.")


def plot(done: Replay, group: Group, windows: Sequence[Judged], path: str) -> None:
    """Draw the windows of a group into a file that `check_plot` lets pass."""
    rule = done.rule
    spec = wiring_rules.picture(f"{rule.name}: {group}", wiring_rules.said(rule), rule.metric, windows)
    if path.endswith(".png"):
        Path(path).write_bytes(wiring_rules.png(spec or {}))
    else:
        Path(path).write_text(json.dumps(spec, indent=2) + "\n", encoding="utf-8")


def tried_rows(done: Proposal) -> list[dict[str, Any]]:
    """A row a bound that was tried, tightest first, of those that differ in what they do."""
    rows: list[dict[str, Any]] = []
    for each in done.tried:
        row = {
            "bound": each.bound,
            "bound_said": _bound_said(done.rule, each.bound),
            "alerts": each.alarms,
            "confirmed": each.confirmed,
            "false_per_30d": round(each.false_rate, 4),
            "hours": round(each.hours, 2),
            "chosen": each is done.chosen,
        }
        same = rows and (rows[-1]["alerts"], rows[-1]["confirmed"]) == (row["alerts"], row["confirmed"])
        if not same or row["chosen"]:
            rows.append(row)
    return rows


def _bound_said(rule: Rule, value: float) -> str:
    from mlmon.alerts import quantity
    from mlmon.core.metric import unit_of
    from mlmon.core.panel import Unit

    is_relative = rule.bound is not None and rule.bound.is_relative
    return quantity.written(value, Unit.RATIO if is_relative else unit_of(rule.metric))


def advice(done: Proposal, rate: float) -> str:
    """What to do with a proposal."""
    if done.chosen is None:
        return f"No bound keeps false alarms at {rate:g} in 30 days. Take a longer 'for', or bear more."
    now = _bound_said(done.rule, done.rule.bound.value) if done.rule.bound else ""
    bound = _bound_said(done.rule, done.chosen.bound)
    return f"Proposed: {_key(done.rule)}: {bound}, in place of {now}. Its place: {done.rule.place}"


def _key(rule: Rule) -> str:
    """The key of a rule's file that its bound is written under."""
    from mlmon.alerts.rules import Against, Side

    if rule.bound is None:
        return ""
    if rule.bound.against is Against.FIXED:
        return str(rule.bound.side)
    return "rises" if rule.bound.side is Side.ABOVE else "falls"
