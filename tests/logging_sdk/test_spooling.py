import pytest

from mlmon.core.errors import UsageError
from mlmon.logging_sdk import ModelLogger
from mlmon.logging_sdk.spool import MemorySpool
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
