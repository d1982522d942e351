"""What is to be seen of a cluster's state, for whoever looks after it; every question is asked by itself.

What this user may not see is None, which is no sign of anything being wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from msgspec import Struct

from mlmon.core.schema import EVENTS, RESULTS, Dataset
from mlmon.stores.search import names
from mlmon.stores.search.connection import Connection

_ABSENT_IS_EMPTY: Final = "ignore_unavailable=true&allow_no_indices=true"
_MOST_NAMES: Final = 5
_ISM_POLICY: Final = "index.plugins.index_state_management.policy_id"


class Health(Struct, frozen=True, kw_only=True):
    """The cluster as a whole: green, yellow or red, and how many shards its nodes hold."""

    status: str
    nodes: int
    shards: int
    unassigned: int


class Ignored(Struct, frozen=True, kw_only=True):
    """Documents with a value that no question finds, and the fields it is in as far as they are known."""

    count: int
    fields: tuple[str, ...]


def health(connection: Connection) -> Health | None:
    """How the cluster is."""
    told = _asked(connection, "/_cluster/health")
    if told is None:
        return None
    return Health(
        status=told["status"],
        nodes=told["number_of_data_nodes"],
        shards=told["active_shards"],
        unassigned=told["unassigned_shards"],
    )


def clock_ahead(connection: Connection, now: datetime) -> timedelta | None:
    """How far the cluster's clock is ahead of `now`; of several nodes the one that differs most."""
    told = _asked(connection, "/_nodes/stats/process?filter_path=nodes.*.timestamp")
    stamps = [node["timestamp"] for node in (told or {}).get("nodes", {}).values()]
    ahead = [datetime.fromtimestamp(stamp / 1000, UTC) - now for stamp in stamps]
    return max(ahead, key=abs, default=None)


def blocked(connection: Connection, namespace: str) -> list[str] | None:
    """The indices that take no writes."""
    path = f"/{_everything(namespace)}/_settings?{_ABSENT_IS_EMPTY}&filter_path=*.settings.index.blocks"
    told = _asked(connection, path)
    if told is None:
        return None
    return sorted(index for index, found in told.items() if "true" in _leaves(found))


def stuck(connection: Connection, namespace: str) -> dict[str, str] | None:
    """The indices whose lifecycle stands still, each with the reason; for Elasticsearch with ILM."""
    path = f"/{_everything(namespace)}/_ilm/explain?only_errors=true&ignore_unavailable=true"
    told = _asked(connection, path)
    if told is None:
        return None
    return {
        index: str(found.get("step_info", {}).get("reason", found.get("failed_step", "unknown")))
        for index, found in told.get("indices", {}).items()
    }


def unmanaged(connection: Connection, namespace: str, *, by_ism: bool) -> list[str] | None:
    """The indices that no policy looks after, so that nothing ever deletes them.

    Such as one that was begun before the cluster was set up. `by_ism` is for OpenSearch, else it is ILM.
    """
    if not by_ism:
        told = _asked(connection, f"/{_everything(namespace)}/_ilm/explain?ignore_unavailable=true")
        found = None if told is None else told.get("indices", {})
        return None if found is None else sorted(name for name, each in found.items() if not each["managed"])
    indices = f".ds-logs-mlmon.*-{namespace}-*,{','.join(f'{it}-{namespace}-*' for it in RESULTS)}"
    told = _asked(connection, f"/_plugins/_ism/explain/{indices}")
    if told is None:
        return None
    return sorted(
        name for name, each in told.items() if isinstance(each, dict) and each.get(_ISM_POLICY, "") is None
    )


def conflicts(connection: Connection, namespace: str) -> dict[str, tuple[str, ...]] | None:
    """The fields that have different types in different indices of a dataset, with the types."""
    found: dict[str, tuple[str, ...]] = {}
    for dataset in Dataset:
        pattern = names.pattern(dataset, namespace)
        told = _asked(connection, f"/{pattern}/_field_caps?fields=*&{_ABSENT_IS_EMPTY}")
        if told is None:
            return None
        for field, kinds in told["fields"].items():
            types = sorted(kind for kind in kinds if kind != "unmapped")
            if len(types) > 1 and not field.startswith("_"):
                found[field] = tuple(types)
    return found


def ignored(connection: Connection, namespace: str) -> Ignored | None:
    """The events with a value that could not be indexed, such as a word where a number was expected."""
    body: dict[str, Any] = {
        "size": 0,
        "track_total_hits": True,
        "query": {"exists": {"field": "_ignored"}},
        "aggs": {"fields": {"terms": {"field": "_ignored", "size": _MOST_NAMES}}},
    }
    pattern = ",".join(names.pattern(dataset, namespace) for dataset in EVENTS)
    path = f"/{pattern}/_search?{_ABSENT_IS_EMPTY}"
    told = _asked(connection, path, body)
    if told is None:  # some engines count such documents and do not name the fields
        told = _asked(connection, path, {key: body[key] for key in body if key != "aggs"})
    if told is None:
        return None
    buckets = told.get("aggregations", {}).get("fields", {}).get("buckets", ())
    return Ignored(count=told["hits"]["total"]["value"], fields=tuple(bucket["key"] for bucket in buckets))


def _everything(namespace: str) -> str:
    return ",".join(names.pattern(dataset, namespace) for dataset in Dataset)


def _asked(connection: Connection, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any] | None:
    raw = None if body is None else msgspec.json.encode(body)
    response = connection.send("GET" if raw is None else "POST", path, raw)
    told = response.json() if response.is_well else None
    return told if isinstance(told, dict) else None


def _leaves(value: Any) -> set[str]:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        return {leaf for inner in value.values() for leaf in _leaves(inner)}
    return {str(value).lower()}
