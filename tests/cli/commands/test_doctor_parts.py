"""What the doctor reads off reports: who has a problem, how large it is, and what to change."""

import json
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from mlmon.cli.main import cli
from mlmon.core import health, schema
from mlmon.core.clock import to_ns
from mlmon.core.config import all_keys, variable
from mlmon.core.event import encode
from mlmon.core.health import Part, Report
from mlmon.core.query import Scan
from mlmon.core.schema import Dataset
from mlmon.stores.embedded import Group, open_store

NOW = datetime(2013, 6, 30, 12, tzinfo=UTC)
"""Weeks after the store's last event: a store stamps what it writes with ever later moments."""

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def ports(run, monkeypatch):
    """Close all doors, so that other programs on the machine play no part."""
    for key in all_keys():
        if key.endswith("_port"):
            monkeypatch.setenv(variable(key), "null")
    monkeypatch.setenv("MLMON_PAGE_PORT", "0")


@pytest.fixture
def asked(run, store, ports):
    """Give a function that asks the doctor at this moment, for the rows of its answer and its exit code."""

    def ask():
        shown = CliRunner().invoke(cli, ["doctor", "--format", "json"], obj=lambda: to_ns(NOW))
        return json.loads(shown.stdout), shown.exit_code

    return ask


@pytest.fixture
def doctor(asked, store):
    """Give a function that writes reports, each with how long ago it was, and gives what the doctor says."""

    def look(*told):
        at = [NOW]
        with closing(open_store(store, clock=lambda: to_ns(at[0]))) as opened:
            for ago, report, fields in sorted(told, key=lambda one: -one[0]):
                at[0] = NOW - ago
                opened.write([encode(health.to_document(report, fields))])
        rows, code = asked()
        found: dict[str, list[dict[str, str]]] = {}
        for row in rows:
            found.setdefault(row["check"], []).append(row)
        return found, code

    return look


def producer(ago, counters=None, gauges=None, *, number=1, name="p", started=30 * DAY, service="scoring"):
    """A report of a producer."""
    fields = {schema.SERVICE_NAME: service, schema.HOST_NAME: "box", schema.MODEL_NAME: "flight-delay"}
    return ago, _report(Part.PRODUCER, name, number, ago, started, counters, gauges), fields


def collector(ago, counters=None, gauges=None, *, number=1, started=30 * DAY):
    """A report of a collector."""
    return ago, _report(Part.COLLECTOR, "c", number, ago, started, counters, gauges), {schema.HOST_NAME: "in"}


def analyzers(ago, counters=None, gauges=None, *, message=""):
    """A report of the analyzers."""
    report = _report(Part.ANALYZERS, "a", 1, ago, DAY, counters, gauges, message=message)
    return ago, report, {schema.HOST_NAME: "in"}


def _report(part, part_id, number, ago, started, counters, gauges, message=""):
    return Report(
        part=part, id=part_id, number=number, at=NOW - ago, started=NOW - started,
        counters=counters or {}, gauges=gauges or {}, message=message,
    )  # fmt: skip


def test_a_producer_that_drops_is_named_with_reason_and_fix(doctor):
    """Each reason of a service is a line: how many events, of how many processes, and what to change."""
    found, code = doctor(
        producer(HOUR, {"dropped_spool_full": 2_000, "dropped_http_413": 1}, started=2 * HOUR),
        producer(MINUTE, {"dropped_spool_full": 80}, name="q", started=2 * HOUR),
    )
    full, large = found["producer scoring"]
    assert full["detail"] == (
        "dropped 2,080 events in the last day: the queue was full (spool_full, by 2 of its processes)"
    )
    assert "MLMON_LOG_SPOOL" in full["fix"]
    assert "collector.max_batch_bytes" in large["fix"]
    assert (full["status"], code) == ("warn", 0)


def test_what_was_dropped_long_ago_is_no_problem(doctor):
    """Neither a count that has not grown for a day is one, nor a part that stopped before that."""
    old = {"emitted": 9, "dropped_spool_full": 5}
    found, _ = doctor(
        producer(3 * DAY, {**old, "dropped_http_401": 7}, name="gone"),
        producer(2 * DAY, old),
        producer(MINUTE, old, number=2),
    )
    assert [row["status"] for row in found["producers"]] == ["ok"]
    assert found["producers"][0]["detail"] == "1 producer reported of late; all is sent"
    assert "producer scoring" not in found


def test_a_producer_that_cannot_keep_up_is_named(doctor):
    """A queue whose oldest event waits for over a minute is told, unless its process has ended."""
    waits = {health.QUEUED: 5_000, health.OLDEST_SECONDS: 240}
    found, _ = doctor(
        producer(MINUTE, gauges=waits),
        producer(MINUTE, gauges={**waits, health.ENDED: 1}, name="q", service="ended"),
        producer(11 * MINUTE, gauges=waits, name="r", service="old"),
    )
    [row] = found["producer scoring"]
    assert row["detail"] == "5,000 events wait to be sent, the oldest for 4 min"
    assert {"producer ended", "producer old"}.isdisjoint(found)


def test_retries_and_calls_that_could_not_be_meant_are_told(doctor):
    """Retries count for ten minutes, misuse for a day."""
    found, _ = doctor(
        producer(3 * HOUR, {health.RETRIES: 50, health.MISUSED: 1}),
        producer(9 * MINUTE, {health.RETRIES: 60, health.MISUSED: 4}, number=2),
        producer(MINUTE, {health.RETRIES: 67, health.MISUSED: 4}, number=3),
    )
    misused, retried = found["producer scoring"]
    assert misused["detail"] == "3 calls of the last day could not be meant"
    assert retried["detail"].startswith("tried again 7 times in the last 10 min")


def test_a_collector_in_trouble_is_told_from_every_side(doctor):
    """Load, store, doors, disk and slow writes are a line each; a disk that is full fails the check."""
    found, code = doctor(
        collector(9 * MINUTE, {health.TURNED_AWAY: 10, health.FAILED: 1, "refused_key_missing": 4}),
        collector(
            MINUTE,
            {
                health.TURNED_AWAY: 30,
                health.FAILED: 2,
                "refused_key_missing": 9,
                "refused_wrong_namespace": 2,
            },
            {health.DISK_FREE_BYTES: 50e6, health.WRITE_P99_SECONDS: 2.5},
            number=2,
        ),
    )
    assert found["collector load"][0]["detail"].startswith("let the senders of 20 events come back later")
    assert found["collector store"][0]["detail"].startswith("could not write 1 events")
    key, namespace = found["collector doors"]
    assert "without a key (key_missing)" in key["detail"]
    assert "mlmon keys create" in key["fix"]
    assert "(wrong_namespace)" in namespace["detail"]
    assert found["collector disk"][0]["detail"] == "50 MB free on in"
    assert found["collector writes"][0]["detail"].startswith("one write of a hundred takes 2.5 s")
    assert (found["collector disk"][0]["status"], code) == ("fail", 1)


def test_a_store_that_is_analysed_is_well(doctor):
    """With or without a report of a pass, all being analysed is well."""
    found, _ = doctor()
    assert (found["analysis"][0]["status"], found["analysis"][0]["detail"]) == ("ok", "all is analysed")
    found, _ = doctor(analyzers(2 * HOUR, gauges={health.PASS_SECONDS: 1.5}))
    assert found["analysis"][0]["detail"] == (
        "the last good pass ended 2 h ago and took 1.5 s; all is analysed"
    )
    assert found["analysis"][0]["status"] == "ok"


def test_a_pass_that_failed_is_told_with_its_reason(doctor):
    """What the last report says of the failure is what the doctor says."""
    found, _ = doctor(
        analyzers(
            MINUTE, gauges={health.SUCCESS_AGE_SECONDS: 3540}, message="a pass failed: The disk is full."
        )
    )
    [row] = found["analysis"]
    assert row["detail"].startswith("a pass failed: The disk is full. the last good pass ended 1 h ago")
    assert row["status"] == "warn"


@pytest.mark.parametrize(("ago", "status"), [(2 * MINUTE, "ok"), (4 * MINUTE, "warn")])
def test_no_pass_for_three_times_its_time_is_told(doctor, store, asked, ago, status):
    """Where a process holds the analyzers' lock and has ended no pass in time, it hangs."""
    doctor(analyzers(ago, gauges={health.PASS_SECONDS: 2}))
    with closing(open_store(store)) as held:
        held.lock(Group.RESULTS)
        rows, _ = asked()
    [row] = [row for row in rows if row["check"] == "analysis"]
    assert row["status"] == status
    assert ("hangs" in row["fix"]) == (status == "warn")


def test_passes_that_take_longer_than_their_time_are_told(doctor, store, asked):
    """A pass of 90 s every minute cannot keep up, and what to compute less of is said."""
    doctor(analyzers(MINUTE, gauges={health.PASS_SECONDS: 90}))
    with closing(open_store(store)) as held:
        held.lock(Group.RESULTS)
        rows, _ = asked()
    [row] = [row for row in rows if row["check"] == "analysis"]
    assert "analyze.windows" in row["fix"]


def test_what_waits_for_a_pass_is_told(doctor, store):
    """An event that was stored an hour ago and that no pass has seen is told, with the command to run."""
    with closing(open_store(store, clock=lambda: to_ns(NOW - HOUR))) as opened:
        [first] = opened.scan(Scan(dataset=Dataset.INFERENCE, limit=1))
        document = {name: value for name, value in first[0].items() if name != schema.EVENT_INGESTED}
        opened.write([encode(document | {schema.EVENT_ID: "new", schema.INFERENCE_ID: "new"})])
    found, _ = doctor(analyzers(50 * MINUTE, gauges={health.PASS_SECONDS: 1, health.ENDED: 1}))
    [row] = found["analysis"]
    assert row["detail"].endswith("the oldest event that is not analysed was stored 1 h ago")
    assert (row["status"], row["fix"][:28]) == ("warn", "Run a pass: mlmon analyze. O")
