"""Dead letters that Logstash wrote to a real cluster, worked off with `mlmon deadletter`."""

import json
import os
import secrets
from contextlib import closing
from datetime import UTC, datetime
from importlib import import_module

import pytest

from mlmon.core import schema
from mlmon.core.clock import isoformat, to_ns
from mlmon.core.query import Count, Query
from mlmon.core.schema import Dataset
from mlmon.pipelines import deadletter, discards
from mlmon.pipelines.logstash.effect import effect
from mlmon.pipelines.logstash.rules import rules
from mlmon.pipelines.validate import Limits
from mlmon.stores.search.access import Access
from mlmon.stores.search.names import DEAD_LETTERS

pytestmark = pytest.mark.slow
AT = datetime(2013, 5, 20, 12, tzinfo=UTC)


def inference(name: str, **more: object) -> bytes:
    """A line of a model's service."""
    fields = {
        schema.TIMESTAMP: isoformat(AT),
        schema.EVENT_ID: name,
        schema.EVENT_SEQUENCE: int(name.rpartition("-")[2]),
        schema.PRODUCER_ID: "late",
        schema.EVENT_DATASET: str(Dataset.INFERENCE),
        schema.EVENT_OUTCOME: "success",
        schema.LOG_LEVEL: "info",
        schema.MODEL_NAME: "replayed",
        schema.INFERENCE_ID: name,
    }
    return json.dumps(fields | more).encode()


@pytest.fixture
def at(run, engine, monkeypatch, tmp_path):
    """Set a namespace of its own up; give a function that runs a command on it."""
    monkeypatch.setenv("MLMON_STORE_NAMESPACE", f"letters_{secrets.token_hex(4)}")
    monkeypatch.setenv("MLMON_STORE_FOLDER", str(tmp_path / "own"))

    def command(*words):
        return run(*words, "--store", engine.store_url)

    assert command("setup").exit_code == 0
    return command


@pytest.fixture
def namespace(at):
    """Give the namespace."""
    return os.environ["MLMON_STORE_NAMESPACE"]


@pytest.fixture
def refuse(engine, namespace):
    """Give a function that writes what the filter makes of lines, as Logstash's output does."""
    table = rules(namespace=namespace, limits=Limits(max_event_bytes=4096))

    def write(*lines, hours=0):
        results = [effect(line, table, clock=lambda: to_ns(AT) - hours * 3600 * 10**9) for line in lines]
        body = []
        for made in results:
            assert made.reason is not None
            body += [{"create": {"_id": made.document[schema.EVENT_ID]}}, made.document]
        raw = "".join(f"{json.dumps(each)}\n" for each in body).encode()
        [stream] = {made.stream for made in results}
        assert stream == f"logs-mlmon.app.{DEAD_LETTERS}-{namespace}"
        if engine.kind == "opensearch":
            engine.ask("PUT", f"/_data_stream/{stream}")
        status, told = engine.ask("POST", f"/{stream}/_bulk", raw)
        assert (status, told["errors"]) == (200, False)

    return write


@pytest.fixture
def counted(engine, namespace):
    """Give a function that says how many inferences are in the cluster."""
    module = import_module(f"mlmon.stores.{engine.kind.partition('_')[0]}")

    def count():
        engine.ask("POST", f"/logs-mlmon.inference-{namespace}/_refresh")
        with closing(module.open_store(Access(url=engine.store_url), namespace=namespace)) as store:
            return store.query(Query(dataset=Dataset.INFERENCE, measures={"n": Count()})).rows[0]["n"]

    return count


def listed(at):
    """The groups that are listed, each reason with its count and door."""
    rows = json.loads(at("deadletter", "ls", "--format", "json").stdout)
    return {row["reason"]: (row["count"], row["door"]) for row in rows}


def accounted(at):
    """The letters of the producer that wait, those that were dropped, and its events that are stored."""
    [row] = json.loads(at("accounting", "--by", "producer", "--format", "json").stdout)
    return row["letters_waiting"], row["letters_discarded"], row["stored"]


def test_what_logstash_refused_is_worked_off(at, refuse, counted, engine, tmp_path):
    """Letters are listed, shown, replayed where they are good now, told by doctor, and dropped."""
    assert listed(at) == {}
    ahead = [inference(f"late-{n}", **{schema.TIMESTAMP: isoformat(AT.replace(year=2014))}) for n in range(3)]
    refuse(*ahead, b'{"a":', inference("late-7", **{schema.EVENT_OUTCOME: 7}))
    assert listed(at) == {
        "in_the_future": (3, "logstash"), "not_json": (1, "logstash"), "not_valid": (1, "logstash")
    }  # fmt: skip
    [shown] = json.loads(at("deadletter", "show", "--reason", "not_valid", "--format", "json").stdout)
    assert (shown["producer"], shown["sequence"], shown["model"]) == ("late", 7, "replayed")
    assert json.loads(shown["body"])[schema.EVENT_ID] == "late-7"

    checks = {row["check"]: row for row in json.loads(at("doctor", "--format", "json").stdout)}
    assert "5 dead letters came by Logstash: 3 in_the_future" in checks["logstash"]["detail"]

    assert accounted(at) == (4, 0, 0)
    replayed = at("deadletter", "replay")
    assert "3 stored, 0 there already, 2 refused again" in replayed.stdout
    assert counted() == 3
    assert listed(at).keys() == {"not_json", "not_valid"}
    assert accounted(at) == (1, 0, 3)

    assert "2 letters dropped" in at("deadletter", "drop", "--yes").stdout
    assert listed(at) == {}
    remembered = discards.load(tmp_path / "own" / deadletter.FOLDER)
    assert remembered.reasons == {"not_json": 1, "not_valid": 1}
    assert remembered.producers == {"late": {"not_valid": ((7, 7),)}}
    assert accounted(at) == (0, 1, 3)


def test_a_replay_that_is_run_again_stores_nothing_twice(at, refuse, counted):
    """A letter that comes again after its replay is a duplicate then, and gone."""
    line = inference("late-1", **{schema.TIMESTAMP: isoformat(AT.replace(year=2014))})
    for expected in ("1 stored, 0 there already", "0 stored, 1 there already"):
        refuse(line)
        assert expected in at("deadletter", "replay", "--reason", "in_the_future").stdout
    assert counted() == 1
    assert listed(at) == {}


def test_letters_of_a_collector_and_of_logstash_are_one_list(at, refuse, counted, tmp_path):
    """What a collector kept and what Logstash wrote are listed, bounded by time and replayed together."""
    own = deadletter.Folder(tmp_path / "own" / deadletter.FOLDER)
    own.write(
        [
            deadletter.letter(
                inference("late-1"), reason="not_valid", detail="", source="http 127.0.0.1:9",
                clock=lambda: to_ns(AT) - 3600 * 10**9,
            )
        ]
    )  # fmt: skip
    refuse(inference("late-2", **{schema.TIMESTAMP: isoformat(AT.replace(year=2014))}), hours=2)
    refuse(b"{", hours=100)
    shown = json.loads(at("deadletter", "show", "--format", "json").stdout)
    assert [row["source"].partition(" ")[0] for row in shown] == ["logstash", "logstash", "http"]
    recent = json.loads(at("deadletter", "ls", "--since", "1d", "--format", "json").stdout)
    assert {row["reason"] for row in recent} == {"in_the_future", "not_valid"}
    assert "2 stored" in at("deadletter", "replay", "--since", "1d").stdout
    assert counted() == 2
    assert listed(at) == {"not_json": (1, "logstash")}


def test_a_collectors_letters_are_shown_while_the_cluster_is_away(run, monkeypatch, tmp_path, free_ports):
    """Where the cluster does not answer, what lies on this machine is listed, and what is missing is said."""
    monkeypatch.setenv("MLMON_STORE_FOLDER", str(tmp_path / "own"))
    own = deadletter.Folder(tmp_path / "own" / deadletter.FOLDER)
    own.write([deadletter.letter(b"{", reason="not_json", detail="", source="http 127.0.0.1:9")])
    [port] = free_ports(1)
    shown = run("deadletter", "ls", "--store", f"elasticsearch://127.0.0.1:{port}", "--format", "json")
    assert [row["reason"] for row in json.loads(shown.stdout)] == ["not_json"]
    assert "What Logstash refused is not among these" in shown.stderr
