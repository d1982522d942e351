"""The key is found where it was put, and told to nobody."""

import pytest

from mlmon.core.errors import UsageError
from mlmon.core.sender_key import read_key


def test_a_key_is_read_from_the_variable_or_the_file(tmp_path):
    """The variable wins, a line's end is no part of a key, and an empty one is none."""
    file = tmp_path / "key"
    file.write_text("mlmon_1_file\n")
    both = {"MLMON_LOG_KEY": "mlmon_1_variable", "MLMON_LOG_KEY_FILE": str(file)}
    assert read_key(both) == "mlmon_1_variable"
    assert read_key({"MLMON_LOG_KEY_FILE": str(file)}) == "mlmon_1_file"
    assert read_key({"MLMON_LOG_KEY": ""}) is None
    assert read_key({}) is None


def test_a_key_that_cannot_be_read_is_told_without_it(tmp_path):
    """The message says where it should be, and does not hold what is there."""
    with pytest.raises(UsageError, match="No such file"):
        read_key({"MLMON_LOG_KEY_FILE": str(tmp_path / "none")})
    with pytest.raises(UsageError, match="MLMON_LOG_KEY is no key") as told:
        read_key({"MLMON_LOG_KEY": "secret\r\nX-Other: 1"})
    assert "secret" not in str(told.value)
