import pytest

from mlmon.core.schema import Dataset
from mlmon.logging_sdk import ModelLogger
from mlmon.logging_sdk.testing import CapturingTransport, capture


def test_loggers_made_before_and_within_are_captured():
    """Every logger of the process is captured within the block, and ships again after it."""
    transport = CapturingTransport()
    before = ModelLogger("before", ship=transport)
    with capture() as events:
        before.info("a")
        ModelLogger("within").info("b")
    before.info("c")
    assert before.close()
    assert [event["message"] for event in events] == ["a", "b"]
    assert [event["message"] for event in transport.events] == ["c"]


def test_only_shows_what_was_found():
    """`only` gives the one event of a dataset, and says what it found where there is not one."""
    with capture() as events:
        ModelLogger("m").info("a")
    assert events.only(Dataset.APP)["message"] == "a"
    with pytest.raises(AssertionError, match="found 0"):
        events.only()
