import json
import socket

import pytest

from mlmon.core.config import all_keys, variable
from mlmon.pipelines import deadletter


@pytest.fixture
def ports(run, monkeypatch):
    """Close all doors and take a free page port, so that other programs on the machine play no part."""
    for key in all_keys():
        if key.endswith("_port"):
            monkeypatch.setenv(variable(key), "null")
    monkeypatch.setenv("MLMON_PAGE_PORT", "0")


def checks(shown):
    """The checks of a run by their name."""
    return {row["check"]: row for row in json.loads(shown.stdout)}


def test_a_store_that_is_well(run, store, ports):
    """A store with events and joined outcomes passes every check."""
    shown = run("doctor", "--format", "json")
    assert shown.exit_code == 0, shown.stdout
    found = checks(shown)
    assert {row["status"] for row in found.values()} <= {"ok", "warn"}
    assert found["model flight-delay"]["detail"] == "last event stored now"
    assert found["outcomes"]["detail"] == "all are joined"


def test_no_store(run, tmp_path, monkeypatch, ports):
    """Without a store the check fails with what to do, and the exit code is 1."""
    monkeypatch.chdir(tmp_path)
    shown = run("doctor", "--format", "json")
    assert shown.exit_code == 1
    assert checks(shown)["store"]["fix"] == "Start one: mlmon up --store mlmon-data"


def test_a_store_of_a_newer_version(run, store, ports):
    """A folder that a newer mlmon wrote fails the check."""
    (store / "VERSION").write_text("999\n")
    shown = run("doctor", "--format", "json")
    assert shown.exit_code == 1
    assert "999" in checks(shown)["store"]["detail"]


def test_an_empty_store(run, empty, ports):
    """An empty store warns and says how to send events."""
    shown = run("doctor", "--format", "json")
    assert shown.exit_code == 0
    assert checks(shown)["events"]["status"] == "warn"


def test_dead_letters(run, store, ports):
    """Refused records are counted by reason, with where to read them."""
    folder = deadletter.Folder(store / deadletter.FOLDER)
    folder.write([deadletter.letter(b"x", reason="not_json", detail="no", source="tcp")])
    found = checks(run("doctor", "--format", "json"))["dead letters"]
    assert (found["status"], "1 not_json" in found["detail"]) == ("warn", True)


def test_a_torn_tail(run, store, ports):
    """What a crash tore is told, and that nothing needs to be done."""
    (store / "tail" / "events-00000099.torn").write_bytes(b"x" * 1500)
    assert "1.5 kB were torn" in checks(run("doctor", "--format", "json"))["tail"]["detail"]


def test_a_port_in_use(run, store, ports, monkeypatch):
    """A port that another program holds fails the check, with the setting to change."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("MLMON_PAGE_PORT", str(taken.getsockname()[1]))
        shown = run("doctor", "--format", "json")
    assert shown.exit_code == 1
    [failed] = [row for row in checks(shown).values() if row["status"] == "fail"]
    assert "page.port" in failed["fix"]


def test_table(run, store, ports):
    """The table has one line a check, and the summary is on stderr."""
    shown = run("doctor")
    assert max(map(len, shown.stdout.splitlines())) <= 80
    assert shown.stderr.strip()
