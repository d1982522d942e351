"""Log lines of other tools become app logs, and nothing of them is thrown away."""

import json
import logging
import socket
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from logstash_async.formatter import LogstashFormatter
from pythonjsonlogger.json import JsonFormatter

from mlmon.core import schema
from mlmon.core.errors import InvalidEventError
from mlmon.core.event import decode, encode, flatten
from mlmon.core.schema import Dataset
from mlmon.pipelines.normalise import ALIASES, LEVELS, OWN, moment, normalise

NOW_NS = 1_362_132_000_000_000_000
NOW = "2013-03-01T10:00:00.000000Z"

SCALARS = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text()
NAMES = st.sampled_from([*ALIASES, *schema.FIELDS, "extra", "labels", "@metadata", "shard"]) | st.text()
OBJECTS = st.dictionaries(
    NAMES,
    st.recursive(
        SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3)
    ),
    max_size=8,
)


@pytest.fixture
def log_with() -> Callable[..., dict[str, Any]]:
    """Give a function of a formatter and of what was in `extra`, which formats one warning."""

    def format_one(formatter: logging.Formatter, **extra: Any) -> dict[str, Any]:
        record = logging.getLogger("shop.checkout").makeRecord(
            "shop.checkout",
            logging.WARNING,
            "/srv/shop/pay.py",
            42,
            "slow by %d ms",
            (7,),
            None,
            "pay",
            extra,
        )
        found: dict[str, Any] = json.loads(formatter.format(record))
        return found

    return format_one


def app_log(raw: dict[str, Any]) -> dict[str, Any]:
    """Give the line as the collector would make it."""
    return normalise(raw, name=lambda _: "n", clock=lambda: NOW_NS)


def test_a_line_of_logstashs_formatter_keeps_its_meaning(log_with):
    """Logger, level, message, host, process, origin and extra of python-logstash-async are found again."""
    found = app_log(log_with(LogstashFormatter(), order=17))
    assert found[schema.EVENT_DATASET] == Dataset.APP
    assert found[schema.LOG_LEVEL] == "warning"
    assert found[schema.MESSAGE] == "slow by 7 ms"
    assert found[schema.LOG_LOGGER] == "shop.checkout"
    assert found[schema.HOST_NAME] == socket.gethostname()
    assert found[schema.LOG_FILE] == "/srv/shop/pay.py"
    assert found[schema.LOG_LINE] == 42
    assert found[schema.LOG_FUNCTION] == "pay"
    assert found[schema.LABELS]["order"] == "17"
    assert found[schema.LABELS]["@version"] == "1"


def test_a_line_of_python_json_logger_keeps_its_meaning(log_with):
    """The names of logging's own attributes are understood."""
    line = log_with(
        JsonFormatter("%(asctime)s %(levelname)s %(name)s %(message)s %(lineno)d %(funcName)s"), shard=3
    )
    found = app_log(line)
    assert found[schema.TIMESTAMP] == moment(line["asctime"])
    assert found[schema.LOG_LEVEL] == "warning"
    assert found[schema.LOG_LOGGER] == "shop.checkout"
    assert found[schema.MESSAGE] == "slow by 7 ms"
    assert found[schema.LOG_LINE] == 42
    assert found[schema.LABELS] == {"shard": "3"}


def test_a_nested_ecs_line_is_flattened():
    """The output of ecs-logging, nested as it is, has its fields where the schema has them."""
    found = app_log(
        {
            "@timestamp": "2013-03-01T09:59:00.5Z",
            "log": {"level": "error", "logger": "app", "origin": {"file": {"name": "a.py", "line": 3}}},
            "message": "no",
            "error": {"type": "KeyError", "stack_trace": "at"},
            "process": {"pid": 9, "thread": {"id": 1}},
            "ecs": {"version": "1.6.0"},
            "event": {"dataset": "nginx.access"},
        }
    )
    assert found[schema.TIMESTAMP] == "2013-03-01T09:59:00.500000Z"
    assert found[schema.LOG_FILE] == "a.py"
    assert found[schema.LOG_LINE] == 3
    assert found[schema.ERROR_TYPE] == "KeyError"
    assert found[schema.PROCESS_PID] == 9
    assert found[schema.LABELS] == {"process.thread.id": "1", "event.dataset": "nginx.access"}


def test_an_event_of_ours_that_came_nested_is_only_flattened():
    """An agent that nests dotted keys does not change what an event is."""
    nested = {"event": {"dataset": str(Dataset.OUTCOME)}, "mlmon": {"segment": {"carrier": "UA"}}}
    assert app_log(nested) == {
        schema.EVENT_DATASET: str(Dataset.OUTCOME),
        schema.SEGMENT: {"carrier": "UA"},
    }


@pytest.mark.parametrize(("theirs", "ours"), sorted(LEVELS.items()))
def test_levels_are_understood_in_upper_case(theirs, ours):
    """A level's name is read in any case."""
    assert app_log({"level": theirs.upper()})[schema.LOG_LEVEL] == ours


def test_a_level_nobody_knows_becomes_a_label():
    """An unknown level is kept as a label beside info."""
    found = app_log({"level": 35})
    assert (found[schema.LOG_LEVEL], found[schema.LABELS]) == ("info", {"level": "35"})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1_362_132_000, NOW),
        (1_362_132_000.25, "2013-03-01T10:00:00.250000Z"),
        (1_362_132_000_000, NOW),
        ("2013-03-01T11:00:00+01:00", NOW),
        ("2013-03-01 10:00:00,000", NOW),
        ("2013-03-01T10:00:00", NOW),
        (True, None),
        ("yesterday", None),
        (1e300, None),
        (None, None),
    ],
)
def test_times_are_read_in_every_common_form(value, expected):
    """Epoch seconds, epoch milliseconds, ISO 8601 and asctime all give the same UTC text."""
    assert moment(value) == expected


def test_a_line_without_a_time_is_dated_by_the_collector():
    """The clock that was passed in dates it, and a time that is none becomes a label."""
    found = app_log({"time": "soon", "msg": "x"})
    assert found[schema.TIMESTAMP] == NOW
    assert found[schema.LABELS] == {"time": "soon"}


@pytest.mark.parametrize(
    ("time", "is_dated"),
    [
        ("2013-03-01T10:00:00.123Z", True),
        ("2013-03-01 10:00:00,123", True),
        ("2013-03-01T10:00:00Z", False),
        (1362132000, False),
        (1362132000.5, True),
        (1362132000123, True),
        ("soon", False),
        (None, False),
    ],
)
def test_a_line_is_named_by_whether_it_says_when_it_was_written(time, is_dated):
    """Only a time that says more than the second lets equal lines be told from repeated ones."""
    told: list[bool] = []

    def name(is_dated):
        told.append(is_dated)
        return "named"

    found = normalise({"msg": "x", "time": time}, name=name, clock=lambda: NOW_NS)
    assert told == [is_dated]
    assert found[schema.EVENT_ID] == "named"
    assert schema.EVENT_SEQUENCE not in found
    assert schema.PRODUCER_ID not in found


def test_a_line_with_an_id_keeps_it():
    """Whoever gives an id knows best which lines are the same."""
    assert app_log({"event": {"id": "mine"}, "msg": "x"})[schema.EVENT_ID] == "mine"


def test_of_two_names_for_one_field_the_second_becomes_a_label():
    """Both values are kept where a line has a field twice, under two names."""
    found = app_log({"host": "a", "logsource": "b"})
    assert (found[schema.HOST_NAME], found[schema.LABELS]) == ("a", {"logsource": "b"})


def test_labels_that_would_fall_together_are_kept_apart():
    """A key within `extra` and the same key beside it both stay."""
    found = app_log({"order": 1, "extra": {"order": 2}})
    assert found[schema.LABELS] == {"order": "1", "extra.order": "2"}


@given(OBJECTS)
@settings(deadline=None)
def test_any_object_becomes_a_valid_document(raw):
    """Whatever JSON object is no event of ours becomes an app log that the schema accepts."""
    raw.pop(schema.EVENT_DATASET, None)
    assume(OWN.isdisjoint(flatten(raw)))
    event = encode(app_log(raw))
    assert event.dataset is Dataset.APP


@pytest.mark.parametrize("name", ["PREDICTION_LABEL", "OUTCOME_LABEL", "FEATURES_NUMERIC"])
def test_an_event_of_ours_without_its_dataset_is_no_log_line(name):
    """What only an inference or an outcome can have is no log line, where no analyzer would look."""
    raw = {schema.MESSAGE: "predicted late", getattr(schema, name): {} if name.startswith("F") else "late"}
    with pytest.raises(InvalidEventError, match=schema.EVENT_DATASET):
        encode(app_log(raw))


@given(st.dictionaries(st.text(min_size=1).filter(lambda it: "." not in it), st.text(min_size=1), max_size=6))
@settings(deadline=None)
def test_every_text_of_a_line_is_in_its_document(raw):
    """No value is lost on the way, whatever its key."""
    document = decode(encode(app_log(raw)))
    kept = [*document.values(), *document.get(schema.LABELS, {}).values()]
    for key, value in raw.items():
        if ALIASES.get(key) not in (schema.TIMESTAMP, schema.LOG_LEVEL):
            assert value in kept
