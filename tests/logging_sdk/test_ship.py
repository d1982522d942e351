import gc
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Sequence

import pytest

from mlmon.core import event
from mlmon.logging_sdk import Handler, ModelLogger
from mlmon.logging_sdk.ship import Pace, Shipper
from mlmon.logging_sdk.spool import MemorySpool
from mlmon.logging_sdk.testing import CapturingTransport
from mlmon.logging_sdk.transport import Receipt, RefusedError, UnavailableError, connector

QUICK = Pace(first_retry_s=0.005, last_retry_s=0.02)


class StubTransport:
    """Raises the faults it is given, one a call, then takes everything."""

    is_acknowledged = True

    def __init__(self, *faults: Exception) -> None:
        self.faults = list(faults)
        self.taken: list[bytes] = []

    def send(self, records: Sequence[bytes]) -> Receipt:
        """Raise the next fault, or take the batch."""
        if self.faults:
            raise self.faults.pop(0)
        self.taken += records
        return Receipt(dead_lettered=sum(record == b"bad" for record in records))

    def close(self) -> None:
        """Nothing to free."""


def _shipper_to(transport: StubTransport) -> Shipper:
    return Shipper(MemorySpool, lambda: transport, QUICK)


def _put(shipper: Shipper, *records: bytes) -> None:
    for record in records:
        shipper.spool.append(record, logging.INFO)
    shipper.wake()


def test_no_thread_runs_before_the_first_event():
    """Making a logger starts no thread, the first event does, and closing ends it."""
    log = ModelLogger("m", ship=CapturingTransport())
    assert log.shipper.thread_id is None
    log.info("x")
    assert log.flush()
    assert log.shipper.thread_id in {thread.ident for thread in threading.enumerate()}
    assert log.close()
    assert log.shipper.thread_id not in {thread.ident for thread in threading.enumerate()}


def test_everything_arrives_in_order_and_is_counted():
    """A burst of 20,000 events arrives in order, and the counters agree."""
    transport = CapturingTransport()
    with ModelLogger("m", ship=transport) as log:
        for index in range(20_000):
            log.predicted({"x": float(index)}, value=index)
        assert log.flush(20)
        stats = log.stats()
    assert [document["event.sequence"] for document in transport.events] == list(range(20_000))
    assert (stats.emitted, stats.sent, stats.acknowledged, stats.queued) == (20_000, 20_000, 20_000, 0)


def test_a_batch_is_sent_again_until_it_is_taken():
    """What cannot be sent now is sent again in order, also where a transport fails in its own way."""
    transport = StubTransport(
        UnavailableError("down"), OSError("torn"), UnavailableError("x", retry_after_s=0.01)
    )
    shipper = _shipper_to(transport)
    _put(shipper, b"1", b"2", b"bad")
    assert shipper.flush(5)
    assert transport.taken == [b"1", b"2", b"bad"]
    assert (shipper.retries, shipper.sent, shipper.dead_lettered) == (3, 3, 1)
    shipper.close(1)


def test_a_refused_batch_is_dropped_with_its_reason():
    """What will never be taken is dropped and counted by reason, and the next batch goes on."""
    transport = StubTransport(RefusedError("no", reason="http_401"))
    shipper = _shipper_to(transport)
    _put(shipper, b"1")
    assert shipper.flush(5)
    _put(shipper, b"2")
    assert shipper.flush(5)
    assert (transport.taken, dict(shipper.refused)) == ([b"2"], {"http_401": 1})
    shipper.close(1)


def test_a_batch_that_is_too_large_goes_in_halves():
    """A batch that is too large is halved until it is taken, and only a record too large alone is dropped."""

    class Narrow(StubTransport):
        def send(self, records: Sequence[bytes]) -> Receipt:
            if len(records) > 1 or records[0] == b"huge":
                raise RefusedError("large", reason="http_413", is_too_large=True)
            return super().send(records)

    transport = Narrow()
    shipper = _shipper_to(transport)
    _put(shipper, b"1", b"huge", b"3", b"4", b"5")
    assert shipper.flush(5)
    assert transport.taken == [b"1", b"3", b"4", b"5"]
    assert dict(shipper.refused) == {"http_413": 1}
    shipper.close(1)


def test_closing_while_the_other_side_is_down_ends_in_time():
    """A close with nobody there gives up in its time, and what is left is counted."""
    shipper = _shipper_to(StubTransport(*[UnavailableError("down")] * 10_000))
    _put(shipper, b"1", b"2")
    assert not shipper.close(0.1)
    assert dict(shipper.refused) == {"unsent_at_close": 2}


def test_the_first_place_that_answers_is_used(server):
    """Of several URLs the first that answers gets the events."""
    transport = connector(["http://127.0.0.1:1", server.url])()
    transport.send([b"{}"])
    transport.close()
    assert server.lines == [b"{}"]


def test_an_exiting_process_sends_what_is_left(server):
    """A process that ends right after its last event has sent it."""
    program = f"""
from mlmon.logging_sdk import Handler, ModelLogger
log = ModelLogger("m", ship={server.url!r})
for index in range(500):
    log.predicted({{"x": 1.0}}, value=index)
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)
    assert len(server.lines) == 500


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_is_a_producer_of_its_own(server):
    """After a fork parent and child each send their own events once, under producer ids of their own."""
    log = ModelLogger("m", ship=server.url)
    log.info("before")
    assert log.flush()
    log.info("parent's, queued while forking")
    child = os.fork()
    if child == 0:
        log.info("child")
        os._exit(0 if log.flush(5) and log.stats().emitted == 1 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    log.info("after")
    assert log.close()
    documents = [event.decode(event.parse(line)) for line in server.lines]
    messages = sorted(document["message"] for document in documents)
    assert messages == ["after", "before", "child", "parent's, queued while forking"]
    assert len({document["mlmon.producer.id"] for document in documents}) == 2
    assert len({document["event.id"] for document in documents}) == 4


def test_what_is_logged_after_close_is_dropped_and_counted():
    """Events after close() take numbers and are counted as dropped, also where they are many at once."""
    log = ModelLogger("m", ship=CapturingTransport())
    log.info("in time")
    assert log.close()
    log.info("late")
    log.outcomes(["a", "b"], labels=["x", "y"])
    stats = log.stats()
    assert (stats.emitted, stats.sent, stats.queued) == (4, 1, 0)
    assert stats.dropped == {"logged_after_close": 3}
    assert log.close()


@pytest.mark.parametrize("wait", ["memory", "disk"])
def test_a_backlog_of_20_000_causes_no_collections(tmp_path, wait):
    """Logging 20,000 inferences that wait makes nothing that the garbage collector must look at."""
    down = StubTransport(*[UnavailableError("down")] * 1_000)
    log = ModelLogger("m", ship=down, spool=wait if wait == "memory" else tmp_path)
    handler = Handler(logger=log)
    service = logging.Logger("service", logging.INFO)  # noqa: LOG001 - out of the tree, so that none inherits
    service.addHandler(handler)
    features = {f"f{index}": index + 0.5 for index in range(12)}
    log.predicted(features, label="late", score=0.8)
    collected: list[str] = []
    gc.collect()
    gc.callbacks.append(lambda phase, _: collected.append(phase))
    try:
        for _ in range(10_000):
            log.predicted(features, label="late", score=0.8)
            service.info("x", extra={"mlmon": {"features": features, "label": "late", "score": 0.8}})
    finally:
        gc.callbacks.pop()
    assert collected == []
    assert log.stats().queued == 20_001
    down.faults.clear()
    assert log.close()
