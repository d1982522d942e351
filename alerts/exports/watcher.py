"""Elasticsearch Watcher: a rule as a watch. Watcher needs a paid licence or a trial.

The condition compares what the search counted; there is no script in it. Body and words are those of
`PUT _watcher/watch/<id>` (https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-watcher-put-watch).
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from mlmon.alerts.describe import told
from mlmon.alerts.exports.pace import interval, quiet
from mlmon.alerts.exports.search import Clause, Place, Search, request, search_of, written
from mlmon.alerts.rules import Rule
from mlmon.core.errors import UsageError

_SERIES: Final = "ctx.payload.aggregations.series.buckets"
_KINDS: Final = "log, email:ADDRESS, slack:#CHANNEL, or the URL of a webhook"


class Watch(Struct, frozen=True, kw_only=True):
    """A watch: its id, and the body that it is put with."""

    id: str
    body: dict[str, Any]


def watch(rule: Rule, place: Place, notify: tuple[str, ...] = ("log",)) -> Watch:
    """The watch of a rule; `notify` says how it tells: `log`, `email:...`, `slack:#...`, a URL.

    Raises:
        RefusedError: Watcher cannot say what the rule means.
        UsageError: `notify` names no action.

    """
    search = search_of(rule, place)
    body = {
        "trigger": {"schedule": {"interval": written(interval(rule))}},
        "input": {
            "search": {
                "request": {
                    "indices": search.index.split(","),
                    "indices_options": {"ignore_unavailable": True, "allow_no_indices": True},
                    "body": request(search, "aggs"),
                }
            }
        },
        "condition": condition(search),
        "throttle_period": written(rule.renotify or quiet(rule)),
        "actions": dict(_action(each, rule) for each in notify),
        "metadata": {
            "rule": rule.name,
            "severity": str(rule.severity),
            "owner": rule.owner,
            "runbook": rule.runbook,
            "managed_by": "mlmon",
        },
    }
    return Watch(id=f"mlmon-{rule.name}", body=body)


def condition(search: Search) -> Clause:
    """What of the answer is too much."""
    if search.is_absence:
        stopped = {"path": "recent.doc_count", "lt": {"value": 1, "quantifier": "some"}}
        return {"array_compare": {_SERIES: stopped}}
    if search.keys:
        enough = {"path": "doc_count", "gte": {"value": search.count, "quantifier": "some"}}
        return {"array_compare": {_SERIES: enough}}
    limit = {"gte": search.count} if search.below is None else {"lt": search.below}
    return {"compare": {"ctx.payload.hits.total": limit}}


def _action(notify: str, rule: Rule) -> tuple[str, dict[str, Any]]:
    kind, _, to = notify.partition(":")
    match kind:
        case "log":
            return "log", {"logging": {"level": "warn", "text": _text(rule)}}
        case "email" if to:
            mail = {"to": [to], "subject": f"[{rule.severity}] {rule.name}", "body": {"text": _text(rule)}}
            return "email", {"email": mail}
        case "slack" if to:
            message = {"from": "mlmon", "icon": ":chart_with_upwards_trend:", "attachments": []}
            return "slack", {"slack": {"message": message | {"to": [to], "text": _text(rule)}}}
        case "http" | "https" if urlsplit(notify).hostname:
            return "webhook", {"webhook": _webhook(notify, rule)}
    raise UsageError(f"'{notify}' is no way for a watch to tell. Give {_KINDS}.")


def _text(rule: Rule) -> str:
    """The sentence, and each series with how often it was counted."""
    each = "{{#ctx.payload.aggregations.series.buckets}} {{key}}: {{doc_count}};"
    each += "{{/ctx.payload.aggregations.series.buckets}}"
    return f"{told(rule)} Found {{{{ctx.payload.hits.total}}}}.{each}"


def _webhook(url: str, rule: Rule) -> dict[str, Any]:
    said = {"rule": rule.name, "severity": str(rule.severity), "text": told(rule)}
    text = msgspec.json.encode(said).decode()
    series = "{{#toJson}}ctx.payload.aggregations{{/toJson}}"
    return {
        "method": "post",
        "url": url,
        "headers": {"Content-Type": "application/json"},
        "body": f'{text[:-1]},"found":{{{{ctx.payload.hits.total}}}},"series":{series}}}',
    }
