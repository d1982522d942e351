import json
import logging
import logging.config
from types import MappingProxyType

import pytest

from mlmon.core import event, schema
from mlmon.core.errors import UsageError
from mlmon.logging_sdk import Formatter, Handler, ModelLogger

TOLD_APART = {schema.TIMESTAMP, schema.EVENT_ID, schema.EVENT_SEQUENCE}
OWN = {schema.TIMESTAMP, schema.EVENT_ID, schema.PRODUCER_ID, schema.LOG_LINE, schema.LOG_LOGGER}


@pytest.fixture
def service():
    """Give a logger of the standard library that a test may configure, bare again afterwards."""
    logger = logging.getLogger("service")
    logger.propagate = False
    yield logger
    logger.handlers.clear()
    logger.propagate = True


def test_handler_formatter_and_logger_write_the_same(events, service, capsys):
    """A record by the handler, a record by the formatter and a line of ModelLogger are the same document."""
    config = {
        "version": 1,
        "formatters": {"events": {"()": "mlmon.logging_sdk.Formatter", "model": "m", "version": "1"}},
        "handlers": {
            "ship": {"class": "mlmon.logging_sdk.Handler", "model": "m", "version": "1"},
            "out": {"class": "logging.StreamHandler", "formatter": "events", "stream": "ext://sys.stdout"},
        },
        "loggers": {"service": {"level": "DEBUG", "handlers": ["ship", "out"]}},
        "disable_existing_loggers": False,
    }
    logging.config.dictConfig(config)
    ModelLogger("m", version="1").warning("missing %s", "x", extra={"origin": "JFK"})
    service.warning("missing %s", "x", extra={"origin": "JFK"})
    printed = event.decode(event.parse(capsys.readouterr().out.strip().encode()))
    direct, handled = events
    plain = [
        {name: value for name, value in one.items() if name not in OWN} for one in (direct, handled, printed)
    ]
    assert plain[0] == plain[1] == plain[2]
    assert handled[schema.LABELS] == {"origin": "JFK"}
    assert handled[schema.LOG_LOGGER] == "service"


def test_an_inference_under_one_key(events, service):
    """An inference under the key `mlmon` becomes an inference event."""
    service.addHandler(Handler("m"))
    service.error("served", extra={"mlmon": {"id": "a", "features": {"x": 1}, "label": "late"}})
    served = events.only()
    record = logging.makeLogRecord({"mlmon": {"id": "a", "features": {"x": 1}, "label": "late"}})
    formatted = event.decode(event.parse(Formatter(model="m").format(record).encode()))
    assert formatted.keys() == served.keys()
    assert (served[schema.INFERENCE_ID], served[schema.PREDICTION_LABEL]) == ("a", "late")
    assert served[schema.FEATURES_NUMERIC] == {"x": 1}


@pytest.mark.parametrize(
    "said",
    [
        {"features": {"x": 1.5, "y": 2.0}, "label": "late", "score": 0.8, "duration_ns": 5},
        {"features": {"x": 1, "origin": "JFK"}, "value": 2.5, "segment": {"tier": 1}},
        {"features": [1.0, 2.0], "probabilities": {"a": 0.25, "b": 0.75}, "timestamp": 1_500},
        {"label": True},
    ],
)
def test_an_inference_by_a_record_is_that_of_the_logger(events, service, said):
    """What stands under the key gives the event that `predicted` gives, whatever is said and in any form."""
    handler = Handler("m", segments=["origin"])
    service.addHandler(handler)
    service.error("served", extra={"mlmon": {"id": "a", **said}})
    service.error("served", extra={"mlmon": MappingProxyType({"id": "a", **said})})
    handler.logger.predicted(id="a", **said)
    by_dict, by_mapping, direct = (
        {name: value for name, value in one.items() if name not in TOLD_APART} for one in events
    )
    assert by_dict == by_mapping == direct
    if "timestamp" in said:
        assert {one[schema.TIMESTAMP] for one in events} == {"1970-01-01T00:00:00.000001Z"}


def test_the_moment_is_the_record_s_to_a_microsecond(events):
    """The event has the moment at which the record was made, rounded to a microsecond."""
    record = logging.makeLogRecord({"mlmon": {"label": "late"}, "created": 1_363_000_000.123456})
    Handler("m").handle(record)
    assert events.only()[schema.TIMESTAMP].endswith(":40.123456Z")


def test_a_record_is_not_changed(events):
    """Neither the handler nor the formatter changes the record, so that other handlers see it as it was."""
    record = logging.makeLogRecord({"name": "a", "msg": "%s", "args": ("x",), "levelno": 25, "tag": object()})
    before = dict(record.__dict__)
    Handler("m").handle(record)
    Formatter(model="m").format(record)
    assert record.__dict__ == before
    assert events[0][schema.LOG_LEVEL] == "info"


def test_an_exception_and_wrong_arguments_are_written(events, service):
    """A record's exception becomes the error's fields, and wrong arguments do not cost the line."""
    handler = Handler(logger=ModelLogger("m"))
    service.addHandler(handler)
    try:
        raise ValueError("bad")  # noqa: TRY301 - what exception() is for
    except ValueError:
        service.exception("failed")
    wrong = logging.makeLogRecord(
        {"msg": "%d", "args": ("no number",), "levelno": 20}
    )  # pytest refuses the call
    handler.handle(wrong)
    assert events[0][schema.ERROR_TYPE] == "ValueError"
    assert "no number" in events[1][schema.MESSAGE]


def test_the_formatter_of_a_bare_record_is_valid_json():
    """A formatter without a model writes a valid event, with static fields as labels."""
    formatter = Formatter(static_fields={"team": "a"})
    text = formatter.format(logging.makeLogRecord({"msg": {"message": "hi", "k": 1}, "levelno": 50}))
    document = json.loads(text)
    assert event.parse(text.encode()).model is None
    assert document[schema.LABELS] == {"team": "a", "k": "1"}
    assert (document[schema.MESSAGE], document[schema.LOG_LEVEL]) == ("hi", "critical")


def test_a_formatter_refuses_what_only_shipping_has():
    """A formatter writes each record where it stands, so it refuses a place to ship to and a sample."""
    with pytest.raises(UsageError, match="ship"):
        Formatter(ship="http://127.0.0.1:5959")
    with pytest.raises(UsageError, match="sample"):
        Formatter(sample=0.5)


def test_the_sdk_does_not_ship_its_own_complaints(events):
    """What the SDK itself warns of is left out by the handler, so that a failing wire feeds nothing."""
    handler = Handler("m")
    own = logging.getLogger("mlmon.logging_sdk")
    own.addHandler(handler)
    try:
        own.warning("down")
    finally:
        own.removeHandler(handler)
    assert len(events) == 0
