import json
import os
import pty
import subprocess

import pytest

from mlmon.core import schema
from mlmon.core.clock import isoformat, to_ns
from mlmon.core.query import Count, Equals, Query
from mlmon.core.schema import Dataset
from mlmon.core.window import parse_moment
from mlmon.pipelines import deadletter
from mlmon.stores.embedded import open_store

NOW = "2013-05-20T12:00Z"


def record(number: int, **more: object) -> bytes:
    """An inference as a line."""
    moment = parse_moment(NOW, now=None)  # type: ignore[arg-type]
    return json.dumps(
        {
            schema.TIMESTAMP: isoformat(moment),
            schema.EVENT_ID: f"late-{number}",
            schema.EVENT_SEQUENCE: number,
            schema.PRODUCER_ID: "late",
            schema.EVENT_DATASET: str(Dataset.INFERENCE),
            schema.EVENT_OUTCOME: "success",
            schema.LOG_LEVEL: "info",
            schema.MESSAGE: "served",
            schema.MODEL_NAME: "replayed",
            schema.INFERENCE_ID: f"r-{number}",
        }
        | more
    ).encode()


@pytest.fixture
def refuse(store):
    """Give a function that letters records, refused so many hours ago."""

    def made(*records: bytes, reason: str = "not_valid", hours: int = 3, source: str = "http 127.0.0.1:4"):
        at = to_ns(parse_moment(NOW, now=None)) - hours * 3600 * 10**9  # type: ignore[arg-type]
        deadletter.Folder(store / deadletter.FOLDER).write(
            [
                deadletter.letter(
                    each, reason=reason, detail="Expected `float`.", source=source, clock=lambda: at
                )
                for each in records
            ]
        )

    return made


def stored(store) -> int:
    """How many inferences of the test's model the store has."""
    reader = open_store(store, read_only=True)
    query = Query(
        dataset=Dataset.INFERENCE, where=Equals(schema.MODEL_NAME, "replayed"), measures={"n": Count()}
    )
    [row] = reader.query(query)
    reader.close()
    return row["n"]


def left(store) -> list[str]:
    """The reasons of the letters that are left."""
    return [each.reason for each in deadletter.read(store / deadletter.FOLDER)]


def test_ls(run, refuse, golden):
    """The table groups by reason, and shows how many, from where, since when and an example."""
    refuse(record(1), record(2))
    refuse(b'{"a":', reason="not_json", source="tcp 127.0.0.1:9", hours=50)
    shown = run("deadletter", "ls")
    assert shown.exit_code == 0
    assert max(map(len, shown.stdout.splitlines())) <= 80
    golden("cli/tables/deadletter-ls.txt", shown.stdout)


def test_ls_json(run, refuse):
    """JSON has the whole of a group, with what to do about it."""
    refuse(record(1))
    refuse(record(2), hours=1)
    [row] = json.loads(run("deadletter", "ls", "--format", "json").stdout)
    assert (row["reason"], row["door"], row["model"], row["count"]) == ("not_valid", "http", "replayed", 2)
    assert (row["first"], row["last"]) == ("2013-05-20T09:00:00.000000Z", "2013-05-20T11:00:00.000000Z")
    assert "replay" in row["advice"]
    [row] = json.loads(run("deadletter", "ls", "--since", "2h", "--format", "json").stdout)
    assert row["count"] == 1


def test_without_letters(run, store):
    """Where nothing was refused each command says so, and all is well."""
    for words in (["ls"], ["show"], ["replay"], ["drop", "--yes"]):
        shown = run("deadletter", *words)
        assert shown.exit_code == 0, shown.output
        assert "no such dead letters" in shown.output


def test_show(run, refuse, golden):
    """The table has the detail and the record, cut where it is long, and below what to do."""
    refuse(record(1, **{schema.MESSAGE: "x" * 400}))
    refuse(b"\xff", reason="not_utf8")
    shown = run("deadletter", "show")
    assert max(map(len, shown.stdout.splitlines())) <= 80
    golden("cli/tables/deadletter-show.txt", shown.stdout)
    assert "not_valid: A field is missing" in shown.stderr
    assert "not_utf8: The line is not UTF-8." in shown.stderr


def test_show_json(run, refuse):
    """JSON has the record whole, and the newest as many as asked for."""
    refuse(*(record(number, **{schema.MESSAGE: "x" * 400}) for number in range(30)))
    rows = json.loads(run("deadletter", "show", "--limit", "3", "--format", "json").stdout)
    assert [row["sequence"] for row in rows] == [27, 28, 29]
    assert json.loads(rows[0]["body"])[schema.MESSAGE] == "x" * 400
    every = run("deadletter", "show", "--limit", "0", "--format", "ndjson").stdout.splitlines()
    assert len(every) == 30


def test_a_record_cannot_steer_the_terminal(run, refuse):
    """What would move the cursor or change colours is shown as text."""
    refuse(b"\x1b[2J\x07 gone", reason="not_json")
    shown = run("deadletter", "show").stdout
    assert "\x1b" not in shown
    assert "\\x1b[2J\\x07 gone" in shown


def test_a_reason_that_is_not_there(run, refuse):
    """A wrong reason is refused with those that are there, and the nearest."""
    refuse(record(1))
    shown = run("deadletter", "show", "--reason", "not_vald")
    assert shown.exit_code == 2
    assert "There are: not_valid. Did you mean 'not_valid'?" in shown.stderr


def test_replay(run, refuse, store):
    """What passes now is stored once and gone; what does not stays, with its new reason."""
    refuse(record(1), record(2), record(2), b"{")
    shown = run("deadletter", "replay")
    assert shown.exit_code == 0, shown.output
    assert shown.stdout.startswith("2 stored, 1 there already, 1 refused again")
    assert "1 stay for not_json" in shown.stderr
    assert (stored(store), left(store)) == (2, ["not_json"])
    again = run("deadletter", "replay")
    assert again.exit_code == 1, "nothing passed"


def test_replay_of_one_reason_and_time(run, refuse, store):
    """Only those of the reason and the time are sent."""
    refuse(record(1), reason="too_large", hours=1)
    refuse(record(2), reason="too_large", hours=9)
    refuse(record(3), hours=1)
    shown = run("deadletter", "replay", "--reason", "too_large", "--since", "2h")
    assert shown.stdout.startswith("1 stored")
    assert (stored(store), len(left(store))) == (1, 2)


def test_drop_asks(run, refuse, store):
    """Where nobody can be asked nothing is dropped, and it is said how to."""
    refuse(record(1))
    shown = run("deadletter", "drop")
    assert shown.exit_code == 2
    assert "add --yes" in shown.stderr
    assert left(store) == ["not_valid"]


@pytest.mark.parametrize(("answer", "kept"), [("n", 1), ("y", 0)])
def test_drop_on_a_terminal(command, refuse, store, answer, kept):
    """A person is asked, and the answer holds."""
    refuse(record(1))
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*command, "deadletter", "drop", "--store", str(store)],
        stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    os.close(theirs)
    os.write(ours, answer.encode() + b"\n")
    _, told = process.communicate(timeout=120)
    os.close(ours)
    assert "Drop 1 letter for good (1 not_valid)?" in told
    assert len(left(store)) == kept


def test_drop_is_remembered(run, refuse, store):
    """What was dropped is gone from the list, which still says how many there were."""
    refuse(record(1), record(2))
    refuse(b"{", reason="not_json")
    shown = run("deadletter", "drop", "--reason", "not_valid", "--yes")
    assert shown.stdout == "2 letters dropped.\n"
    assert left(store) == ["not_json"]
    assert "2 more were dropped earlier" in run("deadletter", "ls").stderr


def test_while_a_collector_writes(run, refuse, store, collector):
    """Records go through the http door of a collector that holds the store, each stored once."""
    refuse(*(record(number) for number in range(5)))
    refuse(b'{"level":"info","message":"cold"}', b"{")
    shown = run("deadletter", "replay", "--ship", collector)
    assert shown.exit_code == 0, shown.output
    assert shown.stdout == f"6 stored, 0 there already, 1 refused again: {collector}\n"
    assert (stored(store), left(store)) == (5, ["not_json"])


def test_a_collector_that_refuses_keeps_what_it_refused(run, refuse, store, collector, monkeypatch):
    """Where the collector's limits are narrower than ours, its own letter takes the place of the old."""
    refuse(record(1, **{schema.MESSAGE: "x" * 3_000}), reason="too_large")
    shown = run("deadletter", "replay", "--ship", collector)
    assert "1 were refused by the collector" in shown.stderr
    assert left(store) == ["too_large"]


def test_a_collector_whose_door_is_not_known(run, refuse, store, collector, monkeypatch):
    """Where the settings name no http port, the error says what to add."""
    refuse(record(1))
    monkeypatch.setenv("MLMON_COLLECTOR_HTTP_PORT", "null")
    shown = run("deadletter", "replay")
    assert shown.exit_code == 3
    assert "--ship" in shown.stderr
    assert left(store) == ["not_valid"]


def test_a_collector_with_tls_is_asked_by_https(run, refuse, store, collector, monkeypatch):
    """Where the settings have a certificate, the door of the store's collector is one of https."""
    refuse(record(1))
    monkeypatch.setenv("MLMON_COLLECTOR_HTTP_PORT", collector.rpartition(":")[2])
    monkeypatch.setenv("MLMON_COLLECTOR_TLS_CERT", "cert.pem")
    shown = run("deadletter", "replay")
    assert shown.exit_code == 3
    assert "https://127.0.0.1:" in shown.stderr
    assert left(store) == ["not_valid"]


@pytest.fixture
def collector(command, store):
    """Give the http address of a collector that runs on the store and takes events up to 2,000 bytes."""
    words = ["collect", "--store", str(store), "--http-port", "0", "--tcp-port", "0", "--beats-port", "0"]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("MLMON_")}
    process = subprocess.Popen(
        [*command, *words],
        stdout=subprocess.PIPE,
        text=True,
        env={**environ, "MLMON_COLLECTOR_MAX_EVENT_BYTES": "2000"},
    )
    assert process.stdout is not None
    yield process.stdout.readline().split()[1]
    process.terminate()
    process.communicate(timeout=120)
