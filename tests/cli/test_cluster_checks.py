"""What doctor sees of real clusters, in a namespace that is set up once for each."""

import json
import secrets

import pytest

from mlmon.core import schema
from mlmon.core.event import encode
from mlmon.stores.search.access import Access
from mlmon.stores.search.connection import Http
from mlmon.stores.search.writer import ClusterWriter

pytestmark = pytest.mark.slow
NAMESPACE = f"doctor_{secrets.token_hex(4)}"
STREAM = f"logs-mlmon.inference-{NAMESPACE}"


@pytest.fixture
def doctor(run, engine, monkeypatch):
    """Run doctor for the namespace, and give its checks by their names."""
    monkeypatch.setenv("MLMON_STORE_NAMESPACE", NAMESPACE)

    def look(store=None):
        shown = run("doctor", "--store", store or engine.store_url, "--format", "json")
        return {row["check"]: row for row in json.loads(shown.stdout)}

    return look


@pytest.fixture
def ready(doctor, run, engine):
    """Set the namespace up, and give a function that writes an inference into it."""
    assert run("setup", "--store", engine.store_url).exit_code == 0
    connection = Http(Access(url=engine.store_url))
    writer = ClusterWriter(connection, engine=engine.kind.partition("_")[0], namespace=NAMESPACE)

    def write(name, **fields):
        event = {
            schema.TIMESTAMP: "2013-03-01T00:00:00Z",
            schema.LOG_LEVEL: "info",
            schema.EVENT_ID: name,
            schema.EVENT_DATASET: "mlmon.inference",
            schema.EVENT_OUTCOME: "success",
            schema.MODEL_NAME: "flights",
            schema.INFERENCE_ID: name,
            **fields,
        }
        done = writer.write([encode(event)])
        assert not done.refused
        engine.ask("POST", f"/{STREAM}/_refresh")

    yield write
    writer.close()
    connection.close()


def test_a_cluster_that_is_well(ready, doctor, engine):
    """After setting up, version, templates and writes are well, and events are seen."""
    ready("well")
    found = doctor()
    assert {found[name]["status"] for name in ("store", "licence", "templates", "writes")} == {"ok"}
    assert found["store"]["detail"].startswith(
        ("elasticsearch 9.5.0", "elasticsearch 8.19.21", "opensearch 3.8.0")
    )
    assert found["mappings"]["detail"] == "no field has two types"
    assert "inference" in found["events"]["detail"]
    assert found["clock"]["status"] == "fail", "the time of this run is years behind the server's"
    assert all(row["fix"] for row in found.values() if row["status"] != "ok")


def test_templates_that_differ_are_named(ready, doctor, monkeypatch):
    """Where the settings want another number of shards, the part is named with the command that puts it."""
    monkeypatch.setenv("MLMON_STORE_SHARDS", "2")
    found = doctor()["templates"]
    assert found["status"] == "warn"
    assert f"mlmon@settings-{NAMESPACE}" in found["detail"]
    assert "mlmon setup --dry-run" in found["fix"]


def test_templates_that_are_absent_fail(doctor, run, engine, monkeypatch):
    """A namespace that was never set up fails, with the command; it is a warning where those for all hold."""
    monkeypatch.setenv("MLMON_STORE_NAMESPACE", "never_set_up")
    serves_all, _ = engine.ask("GET", "/_index_template/mlmon.state")
    if serves_all == 404:
        assert doctor()["templates"]["status"] == "fail"
        monkeypatch.delenv("MLMON_STORE_NAMESPACE")
        assert run("setup", "--store", engine.store_url).exit_code == 0
        monkeypatch.setenv("MLMON_STORE_NAMESPACE", "never_set_up")
    found = doctor()
    assert (found["templates"]["status"], found["events"]["status"]) == ("warn", "warn")
    assert "no settings of its own" in found["templates"]["detail"]
    assert "mlmon setup" in found["templates"]["fix"]


def test_an_index_that_takes_no_writes_fails(ready, doctor, engine):
    """An index with a block is named, with what lifts it."""
    ready("blocked")
    path = f"/{STREAM}/_settings"
    engine.ask("PUT", path, {"index.blocks.read_only_allow_delete": True})
    found = doctor()["writes"]
    engine.ask("PUT", path, {"index.blocks.read_only_allow_delete": None})
    assert (found["status"], STREAM in found["detail"]) == ("fail", True)
    assert doctor()["writes"]["status"] == "ok"


def test_values_that_no_question_finds_are_counted(ready, doctor, engine):
    """A word too long to be indexed is counted, and its event stored; OpenSearch marks no such words."""
    ready("long", **{schema.MODEL_VERSION: "v" * 5000})
    found = doctor()["values"]
    if engine.kind == "opensearch":
        assert found["detail"] == "none is marked as not indexed"
        return
    assert found["status"] == "warn"
    assert found["detail"].startswith("1 events have a value")


def test_a_cluster_that_does_not_answer_fails_at_once(doctor, free_ports):
    """Of a cluster that is not there only that is said, and the ports of this machine."""
    [port] = free_ports(1)
    found = doctor(f"elasticsearch://127.0.0.1:{port}")
    assert found["store"]["status"] == "fail"
    assert "did not answer" in found["store"]["detail"]
    assert "templates" not in found
