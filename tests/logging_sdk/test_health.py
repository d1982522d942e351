import os
import signal
import subprocess
import sys
import time

import pytest

from mlmon.core import event, health
from mlmon.core.errors import UsageError
from mlmon.core.health import Part
from mlmon.core.schema import Dataset
from mlmon.logging_sdk import ModelLogger
from mlmon.logging_sdk.health import EVERY_S, Measured, Reporter, interval_s
from mlmon.logging_sdk.spool import MemorySpool
from mlmon.logging_sdk.testing import CapturingTransport


def _reports(lines):
    return [health.from_document(event.decode(event.parse(line))) for line in lines]


def _until(condition, timeout_s=60.0):
    end = time.monotonic() + timeout_s
    while not condition() and time.monotonic() < end:
        time.sleep(0.005)
    assert condition()


def test_the_last_report_says_what_became_of_every_event(server):
    """Closing sends one report after the last batch; it is no event and takes no number."""
    server.answers = [(200, {}, b'{"dead_lettered": 1, "duplicates": 2, "errors": []}')]
    log = ModelLogger("m", version="3", service="s", sample=1e-15, namespace="team", ship=server.url)
    for _ in range(4):
        log.predicted({"x": 1.0}, value=1.0)
    log.info("a")
    log.info("b")
    assert log.flush()
    log.close()
    [report] = _reports(server.reports)
    assert (report.part, report.number) == (Part.PRODUCER, 0)
    assert {name: value for name, value in report.counters.items() if value} == {
        health.EMITTED: 2,
        health.SAMPLED_OUT: 4,
        health.SENT: 2,
        health.ACKNOWLEDGED: 2,
        health.DEAD_LETTERED: 1,
        health.DUPLICATES: 2,
    }
    assert report.gauges == {
        health.QUEUED: 0,
        health.SPOOL_BYTES: 0,
        health.OLDEST_SECONDS: 0,
        health.ENDED: 1,
    }
    assert (log.stats().emitted, log.stats().sent) == (2, 2)
    document = event.decode(event.parse(server.reports[0]))
    assert document["event.dataset"] == Dataset.HEALTH
    assert document["mlmon.model.name"] == "m"
    assert document["service.name"] == "s"
    assert document["data_stream.namespace"] == "team"


def test_a_quiet_logger_reports_what_it_did_before(server):
    """The report comes in its time, also where nothing more is logged, and the next one goes on from it."""
    log = ModelLogger("m", ship=server.url, health=0.05)
    log.info("a")
    _until(lambda: len(server.reports) == 1)
    log.info("b")
    _until(lambda: len(server.reports) == 2)
    log.close()
    first, second, last = _reports(server.reports)
    assert [each.counters[health.EMITTED] for each in (first, second, last)] == [1, 2, 2]
    assert [each.gauges[health.ENDED] for each in (first, second, last)] == [0, 0, 1]
    assert [each.number for each in (first, second, last)] == [0, 1, 2]
    assert first.started == last.started <= first.at <= last.at


def test_nothing_new_is_not_reported_but_the_end_is():
    """A report is written when a count has changed, and once more at the end; nothing at all is no report."""
    counters = {health.EMITTED: 0}
    reporter = Reporter(
        lambda: Measured(counters=dict(counters), gauges={}),
        {},
        producer_id="ab",
        every_s=60,
        clock=lambda: 0,
    )
    assert reporter.write() is reporter.write(is_last=True) is None
    counters[health.EMITTED] = 1
    assert reporter.write() is not None
    assert reporter.write() is None
    [last] = _reports([reporter.write(is_last=True)])
    assert (last.number, last.counters, last.gauges) == (1, {"emitted": 1}, {"ended": 1})
    assert 0 < reporter.wait_s <= 60


def test_a_full_spool_is_reported_with_its_drops(server):
    """Reports go beside the spool, so the one that says how much was dropped is never dropped itself."""
    server.answers = [(503, {"Retry-After": "0"}, b"{}")] * 3
    with ModelLogger("m", ship=server.url, spool=lambda: MemorySpool(max_records=2)) as log:
        for index in range(5_000):
            log.predicted({"x": 1.0}, value=index)
        assert log.flush()
    report = _reports(server.reports)[-1]
    dropped = health.by_reason(report.counters)["spool_full"]
    assert dropped > 0
    assert report.counters[health.SENT] + dropped == report.counters[health.EMITTED] == 5_000
    assert report.counters[health.RETRIES] == 3


def test_a_report_that_fails_costs_nothing_and_the_next_one_says_it_all(server):
    """A collector that does not take a report still gets every event, and a later report."""
    server.answers = [(200, {}, b"{}"), (400, {}, b"{}")]
    log = ModelLogger("m", ship=server.url, health=0.05)
    log.info("a")
    _until(lambda: server.requests >= 2)
    log.info("b")
    assert log.flush()
    log.close()
    assert len(server.lines) == 2
    assert log.stats().dropped == {}
    assert _reports(server.reports)[-1].counters[health.EMITTED] == 2


def test_only_a_network_gets_reports_unless_they_are_asked_for(monkeypatch):
    """Standard output, files and transports of a caller's own get none; an argument overrules it."""
    monkeypatch.delenv("MLMON_LOG_HEALTH", raising=False)
    assert interval_s(None, "http://a:1") == interval_s(None, ["beats://a", "tcp://b"]) == EVERY_S
    for ship in ("stdout:", "file:///var/log/m", ["http://a:1", "file:///m"], CapturingTransport()):
        assert interval_s(None, ship) is None
        assert interval_s(True, ship) == EVERY_S
        assert interval_s(5, ship) == 5.0
    assert interval_s(False, "http://a:1") is None


def test_the_variable_sets_the_pace_or_turns_reports_off(monkeypatch):
    """`MLMON_LOG_HEALTH` is a number of seconds or `off`, and anything else is said at once."""
    monkeypatch.setenv("MLMON_LOG_HEALTH", "300")
    assert interval_s(None, "http://a:1") == 300.0
    assert interval_s(None, "stdout:") is None
    monkeypatch.setenv("MLMON_LOG_HEALTH", "off")
    assert interval_s(None, "http://a:1") is None
    assert interval_s(10, "http://a:1") == 10.0
    for wrong in ("often", "0", "-3", "nan"):
        monkeypatch.setenv("MLMON_LOG_HEALTH", wrong)
        with pytest.raises(UsageError, match="MLMON_LOG_HEALTH"):
            interval_s(None, "http://a:1")
    with pytest.raises(UsageError, match="health=0 is no time"):
        interval_s(0, "http://a:1")


def test_a_report_reaches_a_transport_that_asked_for_it():
    """With `health=True` the testing kit gets the last report, after every event."""
    transport = CapturingTransport()
    with ModelLogger("m", ship=transport, health=True) as log:
        log.info("a")
    assert [each["event.dataset"] for each in transport.events] == [Dataset.APP, Dataset.HEALTH]


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_reports_for_itself(server):
    """A child counts from 0 and reports under an id of its own."""
    log = ModelLogger("m", ship=server.url)
    log.info("parent")
    log.info("parent")
    assert log.flush()
    child = os.fork()
    if child == 0:
        log.info("child")
        os._exit(0 if log.close() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    log.close()
    of_child, of_parent = _reports(server.reports)
    assert of_child.id != of_parent.id
    assert (of_child.counters[health.EMITTED], of_parent.counters[health.EMITTED]) == (1, 2)


@pytest.mark.parametrize("end", ["pass", "import os, signal; os.kill(os.getpid(), signal.SIGTERM)"])
def test_a_process_that_ends_reports_last(server, end):
    """A normal exit and a SIGTERM both send the last report within the grace time."""
    program = f"""
import threading
from mlmon.logging_sdk import ModelLogger
log = ModelLogger("m", ship={server.url!r})
for index in range(500):
    log.predicted({{"x": 1.0}}, value=index)
{end}
threading.Event().wait({0 if end == "pass" else 20})
"""
    code = subprocess.run([sys.executable, "-c", program], check=False, timeout=120).returncode
    assert code in (0, -signal.SIGTERM)
    report = _reports(server.reports)[-1]
    assert report.counters[health.EMITTED] == report.counters[health.ACKNOWLEDGED] == len(server.lines) == 500
    assert report.gauges[health.ENDED] == 1
