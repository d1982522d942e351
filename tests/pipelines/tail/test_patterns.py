"""What can be followed, and what is refused before anything is read."""

import os
from pathlib import Path

import pytest

from mlmon.core.errors import UsageError
from mlmon.pipelines.tail.tail import following


def follow(pattern: str, pipeline: object, tmp_path: Path) -> None:
    """Begin to follow what a pattern names, and end at once."""
    with following([pattern], pipeline, tmp_path / "state", max_line_bytes=1000):  # type: ignore[arg-type]
        pass


def test_a_folder_is_refused(pipeline, tmp_path):
    """A folder is told to be named by its files."""
    with pytest.raises(UsageError, match=r"it is no file\. Name files, such as .*\*\.log"):
        follow(str(tmp_path), pipeline, tmp_path)


def test_a_pipe_is_refused(pipeline, tmp_path):
    """What keeps no lines cannot be read again after a restart, and is not passed over in silence."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match=r"is a pipe or a device"):
        follow(str(tmp_path / "pipe"), pipeline, tmp_path)


def test_a_file_that_is_not_there_yet_is_waited_for(pipeline, tmp_path):
    """A service may start later than what follows its log."""
    follow(str(tmp_path / "later.log"), pipeline, tmp_path)
    assert (tmp_path / "state").exists()
