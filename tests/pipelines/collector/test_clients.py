"""Clients that people have already, and our own logger, over every door."""

import logging

import pytest
from logstash_async.constants import constants
from logstash_async.formatter import LogstashFormatter
from logstash_async.handler import AsynchronousLogstashHandler

from mlmon.core import schema
from mlmon.core.query import Scan
from mlmon.core.schema import Dataset
from mlmon.logging_sdk import ModelLogger

DELIVERY_S = 15
"""The handler of python-logstash-async gathers for a while before it sends."""


@pytest.fixture
def quick(monkeypatch):
    """Let the handler look at its queue more often than every two seconds."""
    monkeypatch.setattr(constants, "QUEUE_CHECK_INTERVAL", 0.05)
    monkeypatch.setattr(constants, "QUEUED_EVENTS_FLUSH_INTERVAL", 0.1)


@pytest.mark.parametrize(("door", "transport"), [("tcp", "TcpTransport"), ("beats", "BeatsTransport")])
@pytest.mark.usefixtures("quick")
def test_python_logstash_async_delivers(collector, store, until, door, transport):
    """The stock handler with its own formatter needs nothing but the address."""
    host, port = collector.address(door)
    handler = AsynchronousLogstashHandler(
        host, port, database_path=None, transport=f"logstash_async.transport.{transport}"
    )
    handler.setFormatter(LogstashFormatter())
    log = logging.Logger("shop.checkout")  # noqa: LOG001 - one that no other test can reach
    log.addHandler(handler)
    for number in range(3):
        log.warning("slow by %d ms", number, extra={"order": number})
    fields = (schema.MESSAGE, schema.LOG_LEVEL, schema.LOG_LOGGER, schema.LABELS)
    scan = Scan(dataset=Dataset.APP, fields=fields)
    until(lambda: sum(map(len, store.scan(scan))) == 3, DELIVERY_S)
    handler.close()
    rows = sorted((row for batch in store.scan(scan) for row in batch), key=lambda row: row[schema.MESSAGE])
    assert [row[schema.MESSAGE] for row in rows] == [f"slow by {number} ms" for number in range(3)]
    assert {row[schema.LOG_LEVEL] for row in rows} == {"warning"}
    assert {row[schema.LOG_LOGGER] for row in rows} == {"shop.checkout"}
    assert [row[schema.LABELS]["order"] for row in rows] == ["0", "1", "2"]


@pytest.mark.parametrize("door", ["http", "tcp", "beats"])
def test_our_own_logger_delivers(collector, pipeline, stored_ids, until, door):
    """Inferences, outcomes and lines of the SDK are all valid events at the collector."""
    log = ModelLogger("flights", version="1", ship=getattr(collector.doors, door))
    for number in range(100):
        log.predicted({"temp": number / 2, "carrier": "UA"}, label="late", score=0.5, duration_ns=1000)
    with log.inference(features={"temp": 1.0}) as inference:
        inference.predict(label="late", score=0.8)
    log.outcome(inference.id, label="on_time")
    log.warning("weather missing", extra={"origin": "JFK"})
    log.close()
    until(lambda: pipeline.counters().stored >= 103)  # reports of health are more
    assert len(stored_ids(Dataset.INFERENCE)) == 101
    assert len(stored_ids(Dataset.OUTCOME)) == 1
    assert len(stored_ids(Dataset.APP)) == 1
    assert pipeline.counters().dead_lettered == {}
