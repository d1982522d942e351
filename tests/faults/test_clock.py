"""Clocks that jump."""

from mlmon.core import sequences

PROGRAM = """
import json, sys, time
from mlmon.logging_sdk import ModelLogger
asked = json.loads(sys.argv[1])
shift_s = 0
clock = lambda: time.time_ns() + shift_s * 10**9
log = ModelLogger("m", ship=asked["ship"], spool=asked["spool"], clock=clock)
for shift_s in asked["shifts_s"]:
    for index in range(300):
        log.predicted({"x": 1.0}, value=index)
    assert log.flush(30)
log.close(40)
stats = log.stats()
print(json.dumps({"producer": log._outlet.producer.id, "emitted": stats.emitted, "dropped": stats.dropped}))
"""
YEAR_S = 365 * 86_400


def test_jumps_backwards_lose_nothing(collector, model, ledger, tmp_path):
    """A clock that jumps back by years and forth again dates events wrongly, and loses none."""
    shifts = [0, -YEAR_S, 0, -12 * YEAR_S, -3600]
    [told] = model(PROGRAM, ship=collector.http, spool=tmp_path / "spool", shifts_s=shifts).told()
    collector.stop()
    found = ledger(collector.store)
    found.check(told)
    assert sequences.count(found.stored[told.producer]) == told.emitted == 1_500


def test_jumps_forwards_are_lettered_and_accounted_for(collector, model, ledger, tmp_path):
    """What is dated too far ahead goes to the dead letters, by its number; the rest is stored."""
    shifts = [0, YEAR_S, 0, 1800, 7_200, -YEAR_S]
    [told] = model(PROGRAM, ship=collector.beats, spool=tmp_path / "spool", shifts_s=shifts).told()
    collector.stop()
    found = ledger(collector.store)
    found.check(told)
    assert found.lettered[told.producer] == ((300, 599), (1_200, 1_499))
    assert sequences.count(found.stored[told.producer]) == 1_200
