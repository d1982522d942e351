"""Watches and monitors put to a stub that answers as the documented APIs do."""

import re

import pytest

from mlmon.alerts.exports import opensearch, put, watcher
from mlmon.core.errors import StoreError


class StubCluster:
    """Keeps watches and monitors; `fault` is answered to everything."""

    def __init__(self, fault=None):
        """Begin with nothing."""
        self.fault, self.watches, self.monitors, self.asked = fault, {}, {}, []

    def send(self, method, path, body):
        """Answer as the real one would."""
        self.asked.append((method, path))
        if self.fault is not None:
            return self.fault
        if found := re.fullmatch(r"/_watcher/watch/(mlmon-[\w.-]+)", path):
            created = found[1] not in self.watches
            self.watches[found[1]] = body
            return (201 if created else 200), {"_id": found[1], "created": created}
        if path == "/_watcher/watch/_execute":
            actions = [{"id": name, "status": "simulated"} for name in body["watch"]["actions"]]
            result = {"condition": {"met": True, "status": "success"}, "actions": actions}
            return 200, {"_id": "_inlined_", "watch_record": {"result": result}}
        if path.endswith("/_search"):
            if not self.monitors:
                return 404, {"error": {"type": "index_not_found_exception", "reason": "no such index"}}
            wanted = body["query"]["term"]["monitor.name.keyword"]["value"]
            hits = [{"_id": key} for key, each in self.monitors.items() if each["name"] == wanted]
            return 200, {"hits": {"hits": hits}}
        key = path.rpartition("/")[2] if method == "PUT" else f"m{len(self.monitors)}"
        self.monitors[key] = body
        return 200, {"_id": key}


def test_a_watch_put_again_takes_its_own_place(rules, place):
    """The first put makes a watch, the second changes it."""
    stub = StubCluster()
    watch = watcher.watch(rules["errors"], place)
    assert [put.put_watch(stub.send, watch) for _ in range(2)] == [True, False]
    assert stub.watches == {"mlmon-errors": watch.body}


def test_a_watch_is_tried_without_being_kept(rules, place):
    """A simulation tells whether the condition held and what it would do, and stores nothing."""
    stub = StubCluster()
    done = put.simulate(
        stub.send, watcher.watch(rules["errors"], place, ("log", "https://hooks.example.org"))
    )
    assert (done.is_met, done.actions, stub.watches) == (True, ("log", "webhook"), {})


def test_a_monitor_put_again_takes_its_own_place(rules, place):
    """The first put makes a monitor, the second finds it by its name, and others are not touched."""
    stub = StubCluster()
    made = [opensearch.monitor(rules[name], place) for name in ("errors", "silent", "errors")]
    assert [put.put_monitor(stub.send, each) for each in made] == [True, True, False]
    assert [each["name"] for each in stub.monitors.values()] == ["mlmon: errors", "mlmon: silent"]


def test_a_cluster_without_watcher_says_what_to_do(rules, place):
    """A free licence is named with the ways that work on it."""
    reason = {"type": "security_exception", "reason": "current license is non-compliant for [watcher]"}
    stub = StubCluster((403, {"error": reason, "status": 403}))
    with pytest.raises(StoreError, match=r"\(403\): current license.*On a free licence let mlmon judge"):
        put.put_watch(stub.send, watcher.watch(rules["errors"], place))


def test_a_refused_monitor_says_why(rules, place):
    """The cluster's own reason is told."""
    stub = StubCluster((400, {"error": {"type": "x", "reason": "a monitor needs a schedule"}}))
    with pytest.raises(StoreError, match=r"did not take the list of monitors \(400\): a monitor needs"):
        put.put_monitor(stub.send, opensearch.monitor(rules["errors"], place))
