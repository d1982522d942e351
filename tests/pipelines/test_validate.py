"""A line becomes an event, or is refused for a reason from the table."""

from datetime import timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlmon.core import schema
from mlmon.core.clock import to_ns
from mlmon.core.errors import InvalidEventError
from mlmon.core.event import decode
from mlmon.core.schema import Dataset
from mlmon.pipelines import validate
from mlmon.pipelines.validate import REASONS, Limits, Validator, limits

LIMITS = Limits(max_event_bytes=10_000, max_future=timedelta(hours=1))


def reason_of(line: bytes) -> str:
    """Give the reason the line is refused for."""
    with pytest.raises(InvalidEventError) as caught:
        Validator(LIMITS)(line)
    assert caught.value.reason in REASONS
    assert str(caught.value)
    return caught.value.reason


def test_an_event_of_ours_keeps_its_bytes(line_of):
    """What is valid is forwarded as it came."""
    line = line_of(1)
    assert Validator(LIMITS)(line).body == line


def test_a_line_end_within_an_event_is_taken_out(line_of):
    """An event that came printed over several lines, with any line ends, is one line afterwards."""
    line = line_of(1).replace(b",", b",\r\n", 1)
    event = Validator(LIMITS)(line)
    assert b"\n" not in event.body
    assert b"\r" not in event.body
    assert decode(event) == msgspec.json.decode(line)


def test_an_event_of_ours_that_is_wrong_stays_refused(line_of):
    """An inference without its model does not become an app log, and the detail names the field."""
    document = msgspec.json.decode(line_of(1))
    del document[schema.MODEL_NAME]
    with pytest.raises(InvalidEventError, match=schema.MODEL_NAME) as caught:
        Validator(LIMITS)(msgspec.json.encode(document))
    assert caught.value.reason == validate.NOT_VALID


def test_a_result_is_no_event(line_of):
    """Metrics are computed here and not taken in."""
    line = line_of(1, **{schema.EVENT_DATASET: str(Dataset.METRIC)})
    assert reason_of(line) == validate.NOT_VALID


def test_an_evaluation_is_not_taken_in(line_of):
    """Evaluations belong to the jobs, whose part of the store a collector must not write."""
    more = {schema.EVENT_DATASET: str(Dataset.EVALUATION), schema.EVALUATION_WEIGHT: 1.0}
    document = msgspec.json.decode(line_of(1, **more))
    del document[schema.FEATURES_NUMERIC]
    with pytest.raises(InvalidEventError, match="Only the analyzers write") as caught:
        Validator(LIMITS)(msgspec.json.encode(document))
    assert caught.value.reason == validate.NOT_VALID


def test_another_tools_line_becomes_an_app_log():
    """A plain JSON log line is taken."""
    event = Validator(LIMITS)(b'{"level": "INFO", "msg": "up"}')
    assert event.dataset is Dataset.APP
    assert decode(event)[schema.MESSAGE] == "up"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"", validate.NOT_JSON),
        (b"up and running", validate.NOT_JSON),
        (b'{"message": "cut', validate.NOT_JSON),
        (b'{"a": 1}{"b": 2}', validate.NOT_JSON),
        (b'{"message": "\xff"}', validate.NOT_UTF8),
        (b"[1]", validate.NOT_VALID),
        (b"7", validate.NOT_VALID),
        (b'{"a":' * 1500 + b"1" + b"}" * 1500, validate.TOO_DEEP),
        (b'{"message": "' + b"x" * 10_000 + b'"}', validate.TOO_LARGE),
    ],
    ids=lambda it: it[:20].decode(errors="replace") if isinstance(it, bytes) else it,
)
def test_what_is_no_event_is_refused_with_its_reason(line, reason):
    """Each kind of unreadable line has its own reason."""
    assert reason_of(line) == reason


def test_a_line_whose_flat_form_would_be_vast_is_refused():
    """Nesting many keys under a long one cannot make the collector build far more than it was sent."""
    line = msgspec.json.encode({"k" * 5000: {str(number): 0 for number in range(400)}})
    assert len(line) < LIMITS.max_event_bytes
    assert reason_of(line) == validate.TOO_LARGE


def test_a_line_may_be_as_large_as_the_limit_and_no_larger(line_of):
    """The limit itself is allowed."""
    line = line_of(1)
    assert Validator(Limits(max_event_bytes=len(line)))(line).body == line
    with pytest.raises(InvalidEventError, match=str(len(line) - 1)):
        Validator(Limits(max_event_bytes=len(line) - 1))(line)


@pytest.mark.parametrize("ahead_s", [3600, 3601])
def test_an_event_may_be_ahead_of_the_clock_by_the_limit(line_of, ahead_s):
    """A clock an hour ahead is tolerated; one second more is not."""
    now = to_ns(Validator(LIMITS)(line_of(0)).timestamp)
    validator = Validator(LIMITS, clock=lambda: now)
    if ahead_s <= 3600:
        assert validator(line_of(ahead_s)).id == f"producer-{ahead_s}"
    else:
        with pytest.raises(InvalidEventError, match="Check the clock") as caught:
            validator(line_of(ahead_s))
        assert caught.value.reason == validate.IN_THE_FUTURE


def test_the_limits_are_read_from_the_configurations_words():
    """A duration such as 1h is understood."""
    assert limits(10, "90m") == Limits(max_event_bytes=10, max_future=timedelta(minutes=90))


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
@settings(deadline=None)
def test_any_bytes_are_an_event_or_refused_for_a_known_reason(line):
    """Nothing else than an event or a reason comes out."""
    try:
        found = decode(Validator(LIMITS)(line))[schema.EVENT_DATASET]
    except InvalidEventError as error:
        found = error.reason
    assert found in (*REASONS, Dataset.APP)
