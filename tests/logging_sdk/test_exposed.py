import gc

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from mlmon.core.exposition import Form
from mlmon.logging_sdk import ModelLogger, metrics
from mlmon.logging_sdk.testing import CapturingTransport
from mlmon.logging_sdk.transport import RefusedError


def _read(text, parse=parse_text):
    return {
        (sample.name.removeprefix("mlmon_producer_"), tuple(sample.labels.values())): sample.value
        for family in parse(text)
        for sample in family.samples
    }


@pytest.fixture(autouse=True)
def no_others():
    """Let go of the loggers of other tests."""
    gc.collect()


@pytest.mark.parametrize(("form", "parse"), [(Form.TEXT, parse_text), (Form.OPENMETRICS, parse_openmetrics)])
def test_loggers_of_one_model_and_version_are_one(form, parse):
    """Two loggers of one model add up, another version is told apart, and nothing is sent for it."""
    transport = CapturingTransport()
    one, same, other = (
        ModelLogger("exposed", version=version, ship=transport) for version in ("1", "1", "2")
    )
    for log, number in ((one, 2), (same, 3), (other, 5)):
        for _ in range(number):
            log.info("x")
        assert log.flush()
    told = _read(metrics(form), parse)
    assert told["emitted_total", ("exposed", "1")] == told["sent_total", ("exposed", "1")] == 5
    assert told["emitted_total", ("exposed", "2")] == 5
    assert told["queued", ("exposed", "1")] == 0
    assert len(transport.events) == 10
    for log in (one, same, other):
        log.close()


def test_drops_are_told_by_reason():
    """What was given up is one number a reason."""

    class Refusing(CapturingTransport):
        def send(self, _):
            raise RefusedError("no", reason="http_401")

    log = ModelLogger("refused", version="1", ship=Refusing())
    log.info("x")
    assert log.flush()
    assert _read(metrics())["dropped_total", ("refused", "1", "http_401")] == 1
    log.close()
