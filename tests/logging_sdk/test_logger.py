import asyncio
import logging
import sys
import threading
import types
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from mlmon.core import schema
from mlmon.core.errors import UsageError
from mlmon.logging_sdk import ModelLogger, tracing
from mlmon.logging_sdk.redact import Rule

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_an_inference_reads_as_documented(events):
    """The calls of the documentation give an inference, its outcome and a line, joined by the id."""
    log = ModelLogger("flight-delay", version="2013.03", segments=["origin"])
    with log.inference(features={"temp": 1.5, "origin": "JFK"}) as inference:
        inference.predict(label="late", score=0.81)
    log.outcome(inference.id, label="on_time")
    log.warning("weather missing", extra={"origin": "JFK"})
    served, outcome, line = events
    assert served[schema.MODEL_NAME], served[schema.MODEL_VERSION] == ("flight-delay", "2013.03")
    assert served[schema.PREDICTION_LABEL] == "late"
    assert served[schema.PREDICTION_SCORE] == 0.81
    assert served[schema.FEATURES_NUMERIC] == {"temp": 1.5}
    assert served[schema.FEATURES_CATEGORICAL] == served[schema.SEGMENT] == {"origin": "JFK"}
    assert served[schema.EVENT_OUTCOME] == "success"
    assert served[schema.EVENT_DURATION] > 0
    assert outcome[schema.INFERENCE_ID] == served[schema.INFERENCE_ID] == inference.id
    assert outcome[schema.OUTCOME_LABEL] == "on_time"
    assert line[schema.LABELS] == {"origin": "JFK"}
    assert (line[schema.LOG_LEVEL], line[schema.LOG_FILE]) == ("warning", __file__)
    assert line[schema.LOG_FUNCTION] == "test_an_inference_reads_as_documented"


def test_ids_are_consecutive_across_threads(events):
    """Event ids are the producer's id and a sequence without gaps, whichever thread logs."""
    log = ModelLogger("m")
    threads = [
        threading.Thread(target=lambda: [log.predicted({"x": 1.0}, value=2) for _ in range(200)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(event[schema.EVENT_SEQUENCE] for event in events) == list(range(800))
    assert len({event[schema.INFERENCE_ID] for event in events}) == 800
    for event in events:
        assert event[schema.EVENT_ID] == f"{event[schema.PRODUCER_ID]}-{event[schema.EVENT_SEQUENCE]}"
    assert log.stats().emitted == 800


def test_a_failure_is_recorded_and_goes_on(events):
    """An exception within an inference is recorded with its stack and reaches the caller unchanged."""
    log = ModelLogger("m")
    error = ValueError("no weather")
    with pytest.raises(ValueError, match="no weather") as raised, log.inference({"x": 1}):
        raise error
    assert raised.value is error
    event = events.only()
    assert (event[schema.EVENT_OUTCOME], event[schema.LOG_LEVEL]) == ("failure", "error")
    assert (event[schema.ERROR_TYPE], event[schema.ERROR_MESSAGE]) == ("ValueError", "no weather")
    assert "test_logger.py" in event[schema.ERROR_STACK]


def test_a_refusal_is_a_failure_without_an_exception(events):
    """An inference that says why it gave no answer is a failure with that reason."""
    with ModelLogger("m").inference() as inference:
        inference.see({"x": 2})
        inference.fail("weather missing")
    event = events.only()
    assert (event[schema.EVENT_OUTCOME], event[schema.ERROR_MESSAGE]) == ("failure", "weather missing")
    assert event[schema.FEATURES_NUMERIC] == {"x": 2}


def test_features_are_those_at_the_start(events):
    """What the model does to its input afterwards does not change what is logged."""
    row = {"x": 1.0}
    with ModelLogger("m").inference(row) as inference:
        row["x"] = 9.0
        inference.predict(value=1)
    assert events.only()[schema.FEATURES_NUMERIC] == {"x": 1.0}


def test_lines_within_an_inference_carry_its_id_and_trace(events):
    """A line logged within an inference has its id and trace, one logged after has neither."""
    log = ModelLogger("m")
    with log.inference(traceparent=TRACEPARENT) as inference:
        log.info("within")
        inference.predict(label="a")
    log.info("after")
    within, after = events.lines
    assert within[schema.INFERENCE_ID] == inference.id
    assert (within[schema.TRACE_ID], within[schema.SPAN_ID]) == tuple(TRACEPARENT.split("-")[1:3])
    assert events.inferences[0][schema.TRACE_ID] == within[schema.TRACE_ID]
    assert schema.INFERENCE_ID not in after
    assert schema.TRACE_ID not in after


def test_tasks_do_not_share_their_inference(events):
    """Concurrent tasks log lines under the inference each of them is in."""
    log = ModelLogger("m")

    async def serve(name: str) -> None:
        with log.inference(id=name) as inference:
            await asyncio.sleep(0)
            log.info(name)
            inference.predict(label=name)

    async def main() -> None:
        await asyncio.gather(*(serve(f"r{index}") for index in range(5)))

    asyncio.run(main())
    assert all(line[schema.INFERENCE_ID] == line[schema.MESSAGE] for line in events.lines)
    assert len(events.lines) == 5


def test_a_request_gives_its_trace(events):
    """Within `tracing` every event has the trace of the header, and a wrong header changes nothing."""
    log = ModelLogger("m")
    with tracing(TRACEPARENT):
        log.predicted({"x": 1}, value=1)
    with tracing("not a header"):
        log.predicted({"x": 1}, value=1)
    first, second = events
    assert first[schema.TRACE_ID] == TRACEPARENT.split("-")[1]
    assert schema.TRACE_ID not in second


def test_the_span_of_opentelemetry_is_used_where_it_is_loaded(events, monkeypatch):
    """A host that has loaded OpenTelemetry gets its current span's ids without another word."""
    context = types.SimpleNamespace(trace_id=0xABC, span_id=0xDEF, is_valid=True)
    span = types.SimpleNamespace(get_span_context=lambda: context)
    stub = types.SimpleNamespace(get_current_span=lambda: span)
    monkeypatch.setitem(sys.modules, "opentelemetry.trace", stub)
    ModelLogger("m").info("hello")
    assert (events[0][schema.TRACE_ID], events[0][schema.SPAN_ID]) == (f"{0xABC:032x}", f"{0xDEF:016x}")


def test_every_level_and_the_exception(events):
    """Each level writes its name, arguments are put into the message, and exception() has the error."""
    log = ModelLogger("m")
    for level in ("debug", "info", "warning", "error", "critical"):
        getattr(log, level)("%s of %d", level, 5)
    try:
        raise KeyError("gone")  # noqa: TRY301 - what exception() is for
    except KeyError:
        log.exception("it failed")
    assert [event[schema.LOG_LEVEL] for event in events[:5]] == [
        "debug", "info", "warning", "error", "critical",
    ]  # fmt: skip
    assert events[0][schema.MESSAGE] == "debug of 5"
    assert (events[5][schema.LOG_LEVEL], events[5][schema.ERROR_TYPE]) == ("error", "KeyError")


def test_lines_below_the_level_are_not_written(events):
    """A logger with a level writes no line below it."""
    log = ModelLogger("m", level="warning")
    log.info("no")
    log.log(35, "yes")
    assert [event[schema.MESSAGE] for event in events] == ["yes"]


def test_outcomes_in_bulk_corrections_and_retractions(events):
    """Bulk outcomes are one event an id, with revision and source; a retraction withdraws one."""
    log = ModelLogger("m")
    seen = [datetime(2013, 3, 1, hour, tzinfo=UTC) for hour in (1, 2)]
    log.outcomes(["a", "b"], labels=[1.0, True], observed_at=seen, source="radar")
    log.outcome("a", value=4.5, revision=2)
    log.retract("b", revision=3)
    first, second, value, gone = events.outcomes
    assert [first[schema.OUTCOME_LABEL], second[schema.OUTCOME_LABEL]] == ["1", "true"]
    assert second[schema.OUTCOME_OBSERVED_AT] == second[schema.TIMESTAMP] == "2013-03-01T02:00:00.000000Z"
    assert first[schema.OUTCOME_SOURCE] == "radar"
    assert (value[schema.OUTCOME_VALUE], value[schema.OUTCOME_REVISION]) == (4.5, 2)
    assert gone[schema.OUTCOME_RETRACTED] is True


@pytest.mark.parametrize(
    "misuse",
    [
        lambda log: log.outcome("a"),
        lambda log: log.outcomes(["a", "b"], labels=["one"]),
        lambda log: log.outcomes(5, labels=5),
        lambda log: log.log("loud", "x"),
        lambda log: log.warning("%d", "no number"),
        lambda log: log.predicted("text", value=1),
        lambda log: log.predicted({"x": 1}, value=1, timestamp="yesterday"),
        lambda log: log.batch({"x": [1], "y": [1, 2]}).predict(label=["a"]),
    ],
)
def test_misuse_is_said_once_and_never_raised(events, caplog, misuse):
    """A call that cannot be meant warns once, is counted each time, and never raises."""
    log = ModelLogger("m")
    with caplog.at_level(logging.WARNING, logger="mlmon.logging_sdk"):
        misuse(log)
        misuse(log)
    assert len(caplog.records) == 1
    assert log.stats().misused == 2


class NoText:
    """An object of a host that cannot be shown."""

    def __str__(self) -> str:
        raise ValueError("no text")

    __repr__ = __str__


@pytest.mark.parametrize(
    "call",
    [
        lambda log: log.inference(id=NoText()).id,
        lambda log: log.inference(trace_id=NoText()).id,
        lambda log: log.batch([{"x": 1}], id=NoText()).id,
        lambda log: log.predicted({"x": 1.0}, label="a", id=NoText()),
        lambda log: log.log(NoText(), "a line") or "written",
        lambda log: log.inference().fail(NoText(), kind=NoText()) or "failed",
    ],
)
def test_what_has_no_text_is_not_raised(events, call):
    """An object whose text cannot be had costs what it names at most; an id is made anew."""
    assert call(ModelLogger("m"))


def test_half_an_opentelemetry_is_no_trace(events, monkeypatch):
    """A module of OpenTelemetry that another thread is still importing gives no trace, and raises nothing."""
    monkeypatch.setitem(sys.modules, "opentelemetry.trace", types.ModuleType("opentelemetry.trace"))
    with ModelLogger("m").inference({"x": 1.0}) as inference:
        inference.predict(label="a")
    assert schema.TRACE_ID not in events.inferences[0]


def test_two_predictions_and_none_are_misuse(events, caplog):
    """The last of two predictions counts, an inference without one is of unknown outcome, both are noted."""
    log = ModelLogger("m")
    with log.inference() as inference:
        inference.predict(label="a")
        inference.predict(label="b")
    with log.inference():
        pass
    twice, none = events.inferences
    assert twice[schema.PREDICTION_LABEL] == "b"
    assert none[schema.EVENT_OUTCOME] == "unknown"
    assert log.stats().misused == 2


@pytest.mark.parametrize(
    "options",
    [
        {"ship": "htp://127.0.0.1"},
        {"ship": "http://"},
        {"ship": "http://host:port"},
        {"ship": "file:relative"},
        {"ship": []},
        {"ship": 5},
        {"task": "binry"},
        {"sample": 0},
        {"level": "loud"},
        {"redact": ["customer"]},
    ],
)
def test_wrong_options_are_refused(options):
    """An option that cannot be meant raises when the logger is made."""
    with pytest.raises(UsageError):
        ModelLogger("m", **options)


def test_time_comes_from_the_clock(events):
    """Events of a logger with a clock of its own have its time."""
    log = ModelLogger("m", clock=lambda: 1_362_096_000_123_456_789)
    log.info("x")
    assert events[0][schema.TIMESTAMP] == "2013-03-01T00:00:00.123456Z"


def test_percent_signs_survive(events):
    """A percent sign in a name that all events carry is written as it is."""
    log = ModelLogger("100%d", version="%b", service="%")
    log.info("50%")
    log.info("60%")
    assert [event[schema.MODEL_NAME] for event in events] == ["100%d", "100%d"]
    for before, after in pairwise(events):
        assert after[schema.EVENT_SEQUENCE] == before[schema.EVENT_SEQUENCE] + 1


def test_what_cannot_be_written_leaves_no_gap(events):
    """An event that fails within the SDK, alone or in a batch, is noted and takes no number."""

    def refuse(value):
        if value == "bad":
            raise ValueError("no")
        return value

    log = ModelLogger("m", redact=[Rule(patterns=("x",), replace=refuse)])
    for value in ("good", "bad", "good"):
        log.predicted({"x": value}, label="a")
    with log.batch([{"x": "good"}, {"x": "bad"}, {"x": "good"}]) as batch:
        batch.predict(label=["a", "a", "a"])
    log.predicted({"x": "good"}, label="a", timestamp=10**30)
    assert [document[schema.EVENT_SEQUENCE] for document in events] == [0, 1, 2, 3]
    assert (log.stats().emitted, log.stats().misused) == (4, 3)
