"""Exported rules put where they run: watches and monitors, each over the one of its own name.

`send` is how a cluster is asked: method, path and body in, status and answer out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote

from msgspec import Struct

from mlmon.alerts.exports.opensearch import Monitor
from mlmon.alerts.exports.watcher import Watch
from mlmon.core.errors import StoreError

Send = Callable[[str, str, Any], tuple[int, Any]]

_MONITORS: Final = "/_plugins/_alerting/monitors"
_OK: Final = range(200, 300)
_NOT_FOUND: Final = 404
_NO_WATCHER: Final = (
    "Watcher needs a licence of Platinum or higher, or a trial. On a free licence let mlmon judge the rule "
    "(mlmon rules evaluate), or export it to Kibana or ElastAlert2."
)
_NO_ALERTING: Final = "Monitors need the alerting plugin, which OpenSearch's own distributions have."


class Simulated(Struct, frozen=True, kw_only=True):
    """What a watch came to when it was only tried: whether its condition held, and what it would do."""

    is_met: bool
    actions: tuple[str, ...]


def put_watch(send: Send, watch: Watch) -> bool:
    """Put a watch; gives whether it is new.

    Raises:
        StoreError: the cluster does not take it.

    """
    status, answer = send("PUT", f"/_watcher/watch/{quote(watch.id)}", watch.body)
    _check(status, answer, f"the watch {watch.id}", _NO_WATCHER)
    return bool(answer.get("created"))


def simulate(send: Send, watch: Watch) -> Simulated:
    """Let the cluster run a watch once, now, without storing it and without telling anyone.

    Raises:
        StoreError: the cluster does not run it.

    """
    body = {"watch": watch.body, "action_modes": {"_all": "simulate"}, "record_execution": False}
    status, answer = send("POST", "/_watcher/watch/_execute", body)
    _check(status, answer, f"the watch {watch.id}", _NO_WATCHER)
    result = answer["watch_record"]["result"]
    actions = [each["id"] for each in result["actions"] if each["status"] == "simulated"]
    return Simulated(is_met=bool(result["condition"]["met"]), actions=tuple(actions))


def put_monitor(send: Send, monitor: Monitor) -> bool:
    """Put a monitor over the one of its name; gives whether it is new.

    Raises:
        StoreError: the cluster does not take it.

    """
    found = _monitor_of(send, monitor.name)
    method, path = ("POST", _MONITORS) if found is None else ("PUT", f"{_MONITORS}/{quote(found)}")
    status, answer = send(method, path, monitor.body)
    _check(status, answer, f"the monitor '{monitor.name}'", _NO_ALERTING)
    return found is None


def _monitor_of(send: Send, name: str) -> str | None:
    wanted = {"size": 1, "query": {"term": {"monitor.name.keyword": {"value": name}}}}
    status, answer = send("GET", f"{_MONITORS}/_search", wanted)
    if status == _NOT_FOUND and "index_not_found" in str(answer):
        return None  # the plugin makes its index with the first monitor
    _check(status, answer, "the list of monitors", _NO_ALERTING)
    hits = answer["hits"]["hits"]
    return str(hits[0]["_id"]) if hits else None


def _check(status: int, answer: Any, what: str, advice: str) -> None:  # noqa: ANN401 - what the cluster says
    if status in _OK:
        return
    error = answer.get("error", answer) if isinstance(answer, dict) else answer
    reason = error.get("reason", error) if isinstance(error, dict) else error
    text = str(reason)
    is_absent = "no handler found" in text or "license" in text or status == _NOT_FOUND
    raise StoreError(
        f"The cluster did not take {what} ({status}): {text}.{' ' + advice if is_absent else ''}"
    )
