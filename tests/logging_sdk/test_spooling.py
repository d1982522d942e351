import json

import pytest

from mlmon.core.errors import UsageError
from mlmon.logging_sdk import ModelLogger, spooling, state
from mlmon.logging_sdk.spool import MemorySpool
from mlmon.logging_sdk.spooling import maker
from mlmon.logging_sdk.testing import CapturingTransport


@pytest.mark.parametrize("wait", ["relative/folder", "/tmp/x?mode=sink", ""])  # noqa: S108 - never made
def test_a_spool_that_cannot_be_meant_is_refused(wait):
    """A relative path or an unknown mode raises when the logger is made."""
    with pytest.raises(UsageError, match="spool="):
        ModelLogger("m", spool=wait)


def test_no_folder_is_made_before_the_first_event(tmp_path):
    """Making a logger with a folder touches no disk, and neither does closing it unused."""
    log = ModelLogger("m", spool=tmp_path / "spool")
    assert log.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("model", ["..", "a/b", "", ".hidden"])
def test_no_name_of_a_model_leads_out_of_the_folder(tmp_path, model):
    """Whatever a model is called, its folder is one right below the path."""
    log = ModelLogger(model, ship=CapturingTransport(), spool=tmp_path / "spool")
    log.info("x")
    assert log.flush()
    assert [path.name for path in tmp_path.iterdir()] == ["spool"]
    assert len([path for path in (tmp_path / "spool").iterdir() if not path.name.startswith(".")]) == 1
    assert log.close()


def test_the_variable_names_the_spool(tmp_path, monkeypatch):
    """Where no spool is given the variable names it, and a function makes one of the host's own."""
    monkeypatch.setenv("MLMON_LOG_SPOOL", f"{tmp_path}?mode=sync")
    log = ModelLogger("m", ship=CapturingTransport())
    log.info("x")
    assert len(list(tmp_path.glob("m/*/*.seg"))) == 1
    assert log.close()
    with ModelLogger("m", ship=CapturingTransport(), spool=lambda: MemorySpool(max_records=1)) as bounded:
        bounded.info("x")


def test_events_for_an_acknowledged_target_wait_on_disk(server, state_home):
    """Where nothing is said, what a process leaves behind outlives it, and the next one delivers it."""
    server.answers += [(503, {}, b"")] * 100
    first = ModelLogger("flights", ship=server.url)
    first.info("kept")
    assert not first.close(0.1)
    first.close()  # waits for the thread, which was between two tries
    assert len(list(state_home.glob("mlmon/spool/127.0.0.1-*/flights/*/*.seg"))) == 1
    server.answers.clear()
    with ModelLogger("flights", ship=server.url) as second:
        second.info("new")
        assert second.flush()
        assert second.stats().adopted == 1
    assert [json.loads(line)["message"] for line in server.lines] == ["kept", "new"]


@pytest.mark.parametrize(
    "other", [{"model": "other"}, {"ship": "http://127.0.0.1:1"}, {"namespace": "b"}, {"spool": "memory"}]
)
def test_what_waits_is_not_adopted_by_another(server, other):
    """What a logger left stays where it is when one of another model, target or namespace starts."""
    same = {"model": "m", "ship": server.url, "namespace": "a"}
    server.answers += [(503, {}, b"")] * 100
    first = ModelLogger(**same)
    first.outcomes([str(index) for index in range(20_000)], labels=["x"] * 20_000)
    assert not first.close(0.1)
    first.close()  # waits for the thread, which was between two tries
    server.answers.clear()
    second = ModelLogger(**{**same, **other})
    second.info("new")
    second.flush(0.5)
    assert second.stats().adopted == 0
    second.close(0.1)
    second.close()
    with ModelLogger(**same) as again:
        again.info("new")
        assert again.flush(20)
        assert again.stats().adopted == 20_000


@pytest.mark.parametrize(
    "ship", ["stdout:", "file:///tmp/x.ndjson", "tcp://127.0.0.1:1", ["http://127.0.0.1:1", "tcp://h:1"]]
)
def test_events_for_other_targets_wait_in_memory(ship, state_home, caplog):
    """What is not acknowledged is not kept on disk by default, and that needs no warning."""
    assert maker(None, "m", ship=ship) is MemorySpool
    assert not state_home.exists()
    assert caplog.records == []


def test_a_folder_that_cannot_be_written_is_said_once(tmp_path, monkeypatch, caplog):
    """Where the user's folder cannot be made, events wait in memory, with one warning for all loggers."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file" / "state"))
    spooling._warn_of_memory.cache_clear()
    for model in ("a", "b"):
        assert maker(None, model, ship="http://127.0.0.1:1") is MemorySpool
    assert [record.levelname for record in caplog.records] == ["WARNING"]


@pytest.mark.parametrize("named", ["", "relative"])
def test_the_folder_is_below_the_home_where_none_is_named(tmp_path, monkeypatch, named):
    """Without an absolute folder in the variable, what waits is below the home."""
    monkeypatch.setenv("XDG_STATE_HOME", named)
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = state.folder_of("http://127.0.0.1:1", None)
    assert folder is not None
    assert folder.parent == tmp_path / ".local" / "state" / "mlmon" / "spool"
