"""OpenSearch alerting: a rule as a monitor. The plugin is part of OpenSearch's free distribution.

Rules with series become bucket-level monitors, whose trigger selects the series that are too much; others
become query-level monitors. Body and words are those of `POST _plugins/_alerting/monitors`
(https://docs.opensearch.org/latest/observing-your-data/alerting/api/).
"""

from __future__ import annotations

from typing import Any, Final

from msgspec import Struct

from mlmon.alerts.describe import told
from mlmon.alerts.exports.pace import interval, quiet
from mlmon.alerts.exports.search import Clause, Place, Search, request, search_of
from mlmon.alerts.rules import Rule
from mlmon.core.result import Severity

_LEVELS: Final = {Severity.CRITICAL: "1", Severity.WARNING: "3", Severity.INFO: "5"}


class Monitor(Struct, frozen=True, kw_only=True):
    """A monitor: its name, by which it is found again, and its body."""

    name: str
    body: dict[str, Any]


def monitor(rule: Rule, place: Place, destinations: tuple[str, ...] = ()) -> Monitor:
    """The monitor of a rule; `destinations` are ids of notification channels.

    Raises:
        RefusedError: a monitor cannot say what the rule means.

    """
    search = search_of(rule, place)
    kind = "bucket_level_monitor" if search.keys else "query_level_monitor"
    name = f"mlmon: {rule.name}"
    body = {
        "type": "monitor",
        "monitor_type": kind,
        "name": name,
        "enabled": True,
        "schedule": {"period": {"interval": int(interval(rule).total_seconds() // 60), "unit": "MINUTES"}},
        "inputs": [
            {"search": {"indices": search.index.split(","), "query": request(search, "aggregations")}}
        ],
        "triggers": [_trigger(rule, search, destinations)],
        "ui_metadata": {},
    }
    return Monitor(name=name, body=body)


def _trigger(rule: Rule, search: Search, destinations: tuple[str, ...]) -> Clause:
    shared = {
        "name": rule.name,
        "severity": _LEVELS[rule.severity],
        "actions": [_action(each, rule, search) for each in destinations],
    }
    if not search.keys:
        limit = f">= {search.count}" if search.below is None else f"< {search.below}"
        source = f"ctx.results[0].hits.total.value {limit}"
        return {"query_level_trigger": shared | {"condition": {"script": _script(source)}}}
    path, source = ("recent._count", "params.counted < 1") if search.is_absence else (
        "_count", f"params.counted >= {search.count}",
    )  # fmt: skip
    condition = {
        "parent_bucket_path": "series",
        "buckets_path": {"counted": path},
        "script": _script(source),
    }
    return {"bucket_level_trigger": shared | {"condition": condition}}


def _script(source: str) -> Clause:
    return {"source": source, "lang": "painless"}


def _action(destination: str, rule: Rule, search: Search) -> Clause:
    action: Clause = {
        "name": f"tell {destination}",
        "destination_id": destination,
        "subject_template": _script_of(f"[{rule.severity}] {rule.name}"),
        "message_template": _script_of(f"{told(rule)} {{{{ctx.trigger.name}}}}: {_NEWS[bool(search.keys)]}"),
        "throttle_enabled": True,
        "throttle": {"value": int((rule.renotify or quiet(rule)).total_seconds() // 60), "unit": "MINUTES"},
    }
    if search.keys:
        scope = {"per_alert": {"actionable_alerts": ["NEW", "DEDUPED"]}}
        action["action_execution_policy"] = {"action_execution_scope": scope}
    return action


_NEWS: Final = {
    True: "{{#ctx.newAlerts}}{{bucket_keys}} {{/ctx.newAlerts}}",
    False: "since {{ctx.periodStart}}.",
}


def _script_of(text: str) -> Clause:
    return {"source": text, "lang": "mustache"}
