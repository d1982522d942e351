"""Wires that break or crawl between a model and a real collector."""

import random
import time

import pytest

from mlmon.core import sequences


@pytest.mark.parametrize("wire", ["http", "beats"])
def test_a_connection_reset_within_a_frame_loses_nothing(collector, model, ledger, proxy, tmp_path, wire):
    """Reset again and again, in heads, in frames and in answers, every event arrives and is stored once."""
    chance = random.Random(5)
    resets = [1, 30, 200, *(chance.randrange(300, 30_000) for _ in range(7))]
    between = proxy(getattr(collector, wire), resets=resets)
    running = model(ship=between.url, spool=tmp_path / "spool", count=8_000)
    [told] = running.told()
    collector.stop()
    found = ledger(collector.store)
    found.check(told)
    assert (sequences.count(found.stored[told.producer]), told.dropped) == (8_000, {})
    assert between.was_reset >= 5
    assert found.lettered == {}


@pytest.mark.parametrize("wire", ["http", "beats"])
def test_a_connection_that_is_reset_before_the_answer_doubles_nothing(collector, model, ledger, proxy, wire):
    """Where the events were stored and the acknowledgement was lost, they come again and are known."""
    between = proxy(getattr(collector, wire), answers_lost=3)
    [told] = model(ship=between.url, count=3_000).told()
    collector.stop()
    found = ledger(collector.store)
    found.check(told)
    assert (sequences.count(found.stored[told.producer]), told.dropped) == (3_000, {})
    assert between.was_reset == 3


def test_a_slow_sink_slows_nobody_and_loses_nothing(collector, model, ledger, proxy, tmp_path):
    """Behind a wire that carries 200 kB/s the calls stay quick, and all that fits arrives."""
    between = proxy(collector.http, chunk=4_096, pause_s=0.02)
    program = """
import json, sys, time
from mlmon.logging_sdk import ModelLogger
asked = json.loads(sys.argv[1])
log = ModelLogger("m", ship=asked["ship"], spool=asked["spool"])
log.predicted({"x": 1.0}, value=0)
start = time.process_time()
for index in range(1, 1_500):
    log.predicted({"x": 1.0}, value=index)
spent_s = time.process_time() - start
is_all = log.close(40)
stats = log.stats()
print(json.dumps({"producer": log._outlet.producer.id, "emitted": stats.emitted, "dropped": stats.dropped}))
assert spent_s < 1.0, spent_s
"""
    began = time.monotonic()
    [told] = model(program, ship=between.url, spool=tmp_path / "spool").told()
    assert time.monotonic() - began > 1.5, "the wire was not slow"
    collector.stop()
    found = ledger(collector.store)
    found.check(told)
    assert (sequences.count(found.stored[told.producer]), told.dropped) == (1_500, {})


def test_a_slow_sink_and_a_small_spool_drop_and_count(collector, model, ledger, accounting, proxy):
    """What does not fit into memory while the wire crawls is dropped, and the numbers say how many."""
    between = proxy(collector.http, chunk=4_096, pause_s=0.02)
    program = """
import json, sys
from mlmon.logging_sdk import ModelLogger
from mlmon.logging_sdk.spool import MemorySpool
asked = json.loads(sys.argv[1])
log = ModelLogger("m", ship=asked["ship"], spool=lambda: MemorySpool(max_bytes=200_000))
for index in range(5_000):
    log.predicted({"x": 1.0}, value=index)
is_all = log.close(40)
stats = log.stats()
print(json.dumps({"producer": log._outlet.producer.id, "emitted": stats.emitted, "dropped": stats.dropped}))
"""
    [told] = model(program, ship=between.url).told()
    collector.stop()
    found = ledger(collector.store)
    assert told.dropped["spool_full"] > 0
    found.check(told)
    said = accounting(collector.store)
    assert (said["dropped"], said["unknown"]) == (told.dropped["spool_full"], 0)
