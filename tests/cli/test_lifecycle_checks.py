"""What doctor says of lifecycles. The cluster is a stub: the servers at hand have no lifecycle management."""

import json

import pytest

from mlmon.cli import cluster_checks
from mlmon.cli.check import Status
from mlmon.cli.wiring_cluster import Cluster
from mlmon.stores.search.connection import JSON, Response
from mlmon.stores.search.facts import Facts
from mlmon.stores.search.templates import Options

ILM = Facts(engine="elasticsearch", version=(9, 5, 0), licence="basic", has_ilm=True)
ISM = Facts(engine="opensearch", version=(3, 8, 0), has_ism=True)
NEWEST = ".ds-logs-mlmon.inference-default-000002"
OLDEST = ".ds-logs-mlmon.inference-default-000001"
POLICY = "index.plugins.index_state_management.policy_id"
MANAGED = {"managed": True, "policy": "mlmon-events", "step": "check-rollover-ready"}
ERROR = MANAGED | {"step": "ERROR", "step_info": {"type": "x", "reason": "no such alias"}}


class Stub:
    """A cluster that explains the lifecycles of its indices."""

    url = "elasticsearch://stub:9200"

    def __init__(self, indices):
        self.indices = indices

    def send(self, method: str, path: str, body: bytes | None = None, *, kind: str = JSON) -> Response:  # noqa: ARG002
        """Answer as the engine's own question of that name does."""
        if self.indices is None:
            return Response(status=403, body=b"{}")
        found = self.indices
        if "only_errors" in path:
            found = {name: each for name, each in found.items() if each.get("step") == "ERROR"}
        return Response(status=200, body=json.dumps({"indices": found} if "_ilm" in path else found).encode())

    def close(self):
        """Nothing is open."""


@pytest.mark.parametrize(
    ("facts", "indices", "status", "words"),
    [
        (ILM, {}, Status.OK, ["each index has one"]),
        (ILM, {OLDEST: MANAGED, NEWEST: MANAGED}, Status.OK, ["each index has one"]),
        (ILM, {OLDEST: {"managed": False}, NEWEST: MANAGED}, Status.WARN, [f"delete {OLDEST}:", "PUT /"]),
        (ILM, {OLDEST: ERROR, NEWEST: {"managed": False}}, Status.WARN, ["no such alias", "_ilm/retry"]),
        (ILM, None, Status.OK, ["may not look"]),
        (
            ISM,
            {OLDEST: {POLICY: "mlmon-events"}, "total_managed_indices": 1},
            Status.OK,
            ["each index has one"],
        ),
        (
            ISM,
            {OLDEST: {POLICY: None}, NEWEST: {POLICY: None}, "total_managed_indices": 0},
            Status.WARN,
            [f"{OLDEST}, with 1 others,", f"/_plugins/_ism/add/{OLDEST}"],
        ),
        (ISM, None, Status.OK, ["may not look"]),
    ],
)
def test_an_index_without_lifecycle_is_named(facts, indices, status, words):
    """An index whose policy stands still, or that has none, is a warning with what to do; else it is well."""
    [check] = cluster_checks.lifecycle(Cluster(connection=Stub(indices), facts=facts, options=Options()))
    assert check.status is status
    assert all(word in f"{check.detail} {check.fix}" for word in words)
