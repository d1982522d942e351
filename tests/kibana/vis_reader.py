"""A small reader of visualizations of OpenSearch Dashboards: it asks a cluster what they would ask.

It works from the saved object alone, and knows the aggregations that mlmon renders and no other.
"""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]
_MISSING = "__missing__"
_EVERY = {
    "h": ("fixed_interval", "1h"), "d": ("fixed_interval", "1d"), "w": ("calendar_interval", "1w"),
    "M": ("calendar_interval", "1M"),
}  # fmt: skip
_NAMES = {"std_dev": "extended_stats"}
MOST = 1000


def state_of(one: Json) -> Json:
    """The state of a visualization."""
    found: Json = json.loads(one["attributes"]["visState"])
    return found


def query_of(one: Json) -> str:
    """The text of its query."""
    source = json.loads(one["attributes"]["kibanaSavedObjectMeta"]["searchSourceJSON"])
    return str(source["query"]["query"])


def body(
    one: Json, dsl: Callable[[str], Json], window: tuple[datetime, datetime] | None, interval: str
) -> Json:
    """The search that the object stands for."""
    where = [dsl(query_of(one))]
    if window is not None:
        start, end = (moment.isoformat() for moment in window)
        where.append({"range": {"@timestamp": {"gte": start, "lt": end}}})
    metrics, groups = _parted(one)
    aggs = {f"m{agg['id']}": made for agg in metrics if (made := _metric(agg))}
    for agg in reversed(groups):
        aggs = {f"k{agg['id']}": {**_group(agg, interval), **({"aggs": aggs} if aggs else {})}}
    return {"size": 0, "track_total_hits": True, "query": {"bool": {"filter": where}}, "aggs": aggs}


def _parted(one: Json) -> tuple[list[Json], list[Json]]:
    """The aggregations that measure, and those that group."""
    aggs = state_of(one)["aggs"]
    metrics = [agg for agg in aggs if agg["schema"] == "metric"]
    return metrics, [agg for agg in aggs if agg["schema"] != "metric"]


def _metric(agg: Json) -> Json:
    if agg["type"] == "count":
        return {}
    params = {key: value for key, value in agg["params"].items() if key != "customLabel"}
    return {str(_NAMES.get(agg["type"], agg["type"])): params}


def _group(agg: Json, interval: str) -> Json:
    params = agg["params"]
    if agg["type"] == "date_histogram":
        kind, every = _EVERY[interval if params["interval"] == "auto" else params["interval"]]
        return {"date_histogram": {"field": params["field"], kind: every, "min_doc_count": 1}}
    assert agg["type"] == "terms"
    missing = {"missing": _MISSING} if params["missingBucket"] else {}
    return {"terms": {"field": params["field"], "size": MOST, **missing}}


def rows(one: Json, answer: Json) -> Iterator[tuple[Json, list[Any]]]:
    """Each group: its keys by field, and its numbers in the order they are drawn."""
    metrics, groups = _parted(one)
    whole = {**answer.get("aggregations", {}), "doc_count": answer["hits"]["total"]["value"]}
    yield from _walk(metrics, groups, whole, {})


def _walk(metrics: list[Json], groups: list[Json], at: Json, keys: Json) -> Iterator[tuple[Json, list[Any]]]:
    if not groups:
        yield keys, [_value(agg, at) for agg in metrics]
        return
    first, *rest = groups
    for bucket in at[f"k{first['id']}"]["buckets"]:
        key: Any = bucket["key"]
        if first["type"] == "date_histogram":
            key = datetime.fromtimestamp(key / 1000, UTC)
        key = None if key == _MISSING else key
        yield from _walk(metrics, rest, bucket, {**keys, first["params"]["field"]: key})


def _value(agg: Json, at: Json) -> Any:
    if agg["type"] == "count":
        return at["doc_count"]
    found = at[f"m{agg['id']}"]
    if agg["type"] == "percentiles":
        return [*found["values"].values()]
    return found["std_deviation"] if agg["type"] == "std_dev" else found["value"]
