"""ElastAlert2: a rule as its YAML, for who runs it beside Elasticsearch or OpenSearch, on any licence.

The options are those of ElastAlert2's rule types `any`, `frequency` and `flatline`
(https://elastalert2.readthedocs.io/en/latest/ruletypes.html).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from mlmon.alerts import describe
from mlmon.alerts.exports.pace import interval, quiet
from mlmon.alerts.exports.search import LONGEST_ALERT, Place, Search, refused, search_of
from mlmon.alerts.rules import OfLogs, OfSilence, Rule
from mlmon.core.window import parse_duration

_PRIORITIES: Final = {"info": 4, "warning": 3, "critical": 1}


def elastalert(rule: Rule, place: Place, alert: tuple[str, ...] = ("debug",)) -> dict[str, Any]:
    """The options of a rule; `alert` names alerters, whose own options stand in ElastAlert2's configuration.

    Raises:
        RefusedError: ElastAlert2 cannot say what the rule means.

    """
    search = search_of(rule, place)
    return {
        "name": f"mlmon-{rule.name}",
        "description": rule.about or describe.rule(rule),
        "index": search.index,
        "filter": list(search.clauses),
        "timestamp_field": search.time,
        "timestamp_type": "iso",
        **_type(rule, search, place),
        "realert": _times(rule.renotify or quiet(rule)),
        "run_every": _times(interval(rule)),
        "priority": _PRIORITIES[rule.severity],
        **({"owner": rule.owner} if rule.owner else {}),
        "alert": list(alert),
        "alert_text_type": "alert_text_only",
        "alert_text": describe.told(rule),
    }


def _type(rule: Rule, search: Search, place: Place) -> dict[str, Any]:
    """The rule type, with what it counts and for how long it looks back."""
    if place.by_mlmon:
        long = {"timeframe": _times(LONGEST_ALERT), "buffer_time": _times(LONGEST_ALERT)}
        return {"type": "frequency", "num_events": 1, "query_key": list(search.keys), **long}
    if isinstance(rule.subject, OfSilence):
        silence = timedelta(seconds=rule.bound.value if rule.bound else 0)
        return {
            "type": "flatline",
            "threshold": 1,
            "timeframe": _times(silence),
            "query_key": search.keys[0],
            "forget_keys": True,
            "buffer_time": _times(silence),
        }
    span = _span(rule)
    shared = {
        "timeframe": _times(span),
        "buffer_time": _times(span),
        "query_delay": _times(place.lag),
    }
    if search.below is not None:
        return {"type": "flatline", "threshold": search.below, "use_count_query": True, **shared}
    grouped = {"query_key": list(search.keys)} if search.keys else {}
    return {"type": "frequency", "num_events": search.count, **grouped, **shared}


def _span(rule: Rule) -> timedelta:
    if rule.size == "month":
        raise refused(rule, "ElastAlert2 knows no months. Give a window of days, such as 30d.")
    lasts = 1 if isinstance(rule.subject, OfLogs) else rule.lasting.among
    return lasts * parse_duration(rule.size)


def _times(duration: timedelta) -> dict[str, int]:
    """A duration as ElastAlert2 writes it: `{"minutes": 90}`."""
    seconds = int(duration.total_seconds())
    return {"minutes": seconds // 60} if seconds % 60 == 0 else {"seconds": seconds}
