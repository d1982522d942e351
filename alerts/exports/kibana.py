"""Kibana alerting: a rule as an Elasticsearch query rule. The free licence's connectors are log and index.

Body and words are those of `POST api/alerting/rule/<id>` with the rule type `.es-query`
(https://www.elastic.co/docs/api/doc/kibana/operation/operation-post-alerting-rule-id).
"""

from __future__ import annotations

import uuid
from typing import Any, Final

import msgspec
from msgspec import Struct

from mlmon.alerts.describe import told
from mlmon.alerts.exports.pace import interval, quiet
from mlmon.alerts.exports.search import MOST_SERIES, Place, Search, refused, search_of, written
from mlmon.alerts.rules import Rule

_NAMESPACE: Final = uuid.UUID("6f0d6a43-5bb0-5c53-9b1f-2f4f0b6b7e0d")
_MOST_KEYS: Final = 4
_WIDE_DAYS: Final = 3650
"""The window that Kibana adds by itself: so wide that the search's own time decides."""


class KibanaRule(Struct, frozen=True, kw_only=True):
    """A rule of Kibana: its id, made from the name, and the body that it is put with."""

    id: str
    body: dict[str, Any]


def kibana_rule(rule: Rule, place: Place, connectors: tuple[str, ...] = ()) -> KibanaRule:
    """The `.es-query` rule of a rule; `connectors` are ids of connectors that take a message.

    Raises:
        RefusedError: Kibana's query rule cannot say what the rule means.

    """
    search = search_of(rule, place)
    _check(rule, search)
    body = {
        "name": f"mlmon: {rule.name}",
        "rule_type_id": ".es-query",
        "consumer": "stackAlerts",
        "schedule": {"interval": written(interval(rule))},
        "tags": sorted({"mlmon", str(rule.severity), *((rule.owner,) if rule.owner else ())}),
        "params": params(search),
        "actions": [_action(each, rule) for each in connectors],
    }
    return KibanaRule(id=str(uuid.uuid5(_NAMESPACE, rule.name)), body=body)


def _check(rule: Rule, search: Search) -> None:
    why = ""
    if search.is_absence:
        why = "Kibana's query rule finds what is there, and not a model that has stopped."
    elif len(search.keys) > _MOST_KEYS:
        why = f"Kibana's query rule groups by at most {_MOST_KEYS} fields."
    if why:
        raise refused(rule, why)


def params(search: Search) -> dict[str, Any]:
    """What the rule asks, and from where on the count is too much."""
    if search.below is None:
        compared = {"thresholdComparator": ">=", "threshold": [search.count]}
    else:
        compared = {"thresholdComparator": "<", "threshold": [search.below]}
    grouped: dict[str, Any] = {"groupBy": "all"}
    if search.keys:
        keys = list(search.keys)
        grouped = {
            "groupBy": "top",
            "termField": keys if len(keys) > 1 else keys[0],
            "termSize": MOST_SERIES,
        }
    return {
        "searchType": "esQuery",
        "index": search.index.split(","),
        "timeField": search.time,
        "esQuery": msgspec.json.encode({"query": search.query}).decode(),
        "size": 10,
        "timeWindowSize": _WIDE_DAYS,
        "timeWindowUnit": "d",
        "aggType": "count",
        "excludeHitsFromPreviousRun": False,
        **compared,
        **grouped,
    }


def _action(connector: str, rule: Rule) -> dict[str, Any]:
    return {
        "id": connector,
        "group": "query matched",
        "params": {"message": f"{told(rule)} {{{{context.message}}}}"},
        "frequency": {
            "summary": False,
            "notify_when": "onThrottleInterval",
            "throttle": written(rule.renotify or quiet(rule)),
        },
    }
