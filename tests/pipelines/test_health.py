"""A collector's report: in the store like any event, and counted nowhere."""

import logging
import threading

import pytest

from mlmon.core import health
from mlmon.core.errors import StoreError
from mlmon.core.health import Part
from mlmon.core.query import Scan
from mlmon.core.schema import Dataset
from mlmon.pipelines.deadletter import Folder
from mlmon.pipelines.health import Seen, Watch, reporting
from mlmon.pipelines.pipeline import BusyError, Pipeline

TIMEOUT_S = 60


@pytest.fixture
def reports(store):
    """Give a function that reads the reports of the store in their order."""

    def read():
        documents = [document for batch in store.scan(Scan(dataset=Dataset.HEALTH)) for document in batch]
        return sorted(map(health.from_document, documents), key=lambda report: report.number)

    return read


def test_a_report_says_what_became_of_every_line(pipeline, line_of, reports, tmp_path):
    """Its counts are those of the pipeline and the doors, and it is not among them itself."""
    lines = [line_of(1), line_of(2), line_of(1), b"{"]
    pipeline.submit(lines, "test").result(TIMEOUT_S)
    pipeline.submit([line_of(3, **{"data_stream.namespace": "theirs"})], "t", namespace="ours").result(
        TIMEOUT_S
    )
    watch = Watch(pipeline, tmp_path)
    watch.doors = lambda: Seen(connections=3, refused={"no_key": 5})
    watch.write()
    watch.write(is_last=True)
    first, last = reports()
    assert (first.part, first.number, last.number, first.id) == (Part.COLLECTOR, 0, 1, last.id)
    assert {name: number for name, number in last.counters.items() if number} == {
        health.RECEIVED: 5,
        health.STORED: 2,
        health.DUPLICATES: 1,
        "dead_lettered_not_json": 1,
        "refused_wrong_namespace": 1,
        "refused_no_key": 5,
    }
    assert first.counters == last.counters
    assert last.gauges[health.CONNECTIONS] == 3
    assert 0 < last.gauges[health.WRITE_P50_SECONDS] <= last.gauges[health.WRITE_P99_SECONDS] < TIMEOUT_S
    assert last.gauges[health.DISK_FREE_BYTES] > 0
    assert [first.gauges[health.ENDED], last.gauges[health.ENDED]] == [0, 1]


def test_reports_come_by_themselves_and_once_more_at_the_end(pipeline, reports, tmp_path):
    """On a thread of its own a collector reports every so often; the last report is written at the end."""
    second = threading.Event()

    class Counting(Watch):
        def write(self, *, is_last: bool = False) -> None:
            super().write(is_last=is_last)
            if self.report().number == 2:
                second.set()

    with reporting(Counting(pipeline, tmp_path), every_s=0.01):
        assert second.wait(TIMEOUT_S)
    found = reports()
    assert [report.gauges[health.ENDED] for report in found] == [0] * (len(found) - 1) + [1]


@pytest.fixture
def stubbed(writer, dead_folder):
    """Give a pipeline into a store that waits; it is busy with a single waiting line."""
    writer.may_go.clear()
    made = Pipeline(writer, Folder(dead_folder), most_bytes_waiting=1)
    yield made
    writer.may_go.set()
    made.close()


def test_a_busy_collector_still_reports(writer, stubbed, line_of, tmp_path):
    """Where senders are turned away a report is not, and it says how long the oldest line has waited."""
    waiting = stubbed.submit([line_of(1)], "test")
    assert writer.entered.wait(TIMEOUT_S)
    with pytest.raises(BusyError):
        stubbed.submit([line_of(2), line_of(3)], "test")
    report = Watch(stubbed, tmp_path).report()
    assert report.counters[health.TURNED_AWAY] == 2
    assert report.gauges[health.WAITING_BYTES] == len(line_of(1))
    assert report.gauges[health.OLDEST_SECONDS] >= 0
    written = stubbed.report(b"{}")
    writer.may_go.set()
    waiting.result(TIMEOUT_S)
    written.result(TIMEOUT_S)
    assert stubbed.counters().received == 1
    assert stubbed.counters().oldest_s == stubbed.counters().bytes_waiting == 0


def test_a_report_that_cannot_be_written_is_said_in_the_log(writer, stubbed, tmp_path, caplog):
    """A store that fails costs the report and nothing else; the failure is not counted as lines."""
    writer.failures.append(StoreError("The disk is full."))
    writer.may_go.set()
    with caplog.at_level(logging.WARNING, "mlmon.collector"):
        Watch(stubbed, tmp_path).write()
    assert "The disk is full." in caplog.text
    assert stubbed.counters().failed == 0
