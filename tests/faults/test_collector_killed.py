"""A collector that is killed in the middle of batches, and started again."""

import pytest

from mlmon.core import sequences


@pytest.mark.parametrize("wire", ["http", "beats"])
def test_three_kills_lose_nothing_and_double_nothing(collector, model, ledger, tmp_path, wire):
    """Killed three times while events come in, the store ends with each event once."""
    running = model(ship=getattr(collector, wire), spool=tmp_path / "spool", count=12_000, pause_s=0.0002)
    for _ in range(3):
        collector.until_stored(2_500)
        collector.kill()
        collector.start()
    [told] = running.told()
    collector.stop()
    found = ledger(collector.store)
    assert (told.emitted, told.is_all, told.dropped) == (12_000, True, {})
    found.check(told)
    assert sequences.count(found.stored[told.producer]) == 12_000


def test_events_in_memory_outlive_the_collector(collector, model, ledger):
    """With the spool in memory a model that lives loses nothing when the collector dies and comes back."""
    running = model(ship=collector.http, count=6_000, pause_s=0.0002)
    collector.until_stored(1_000)
    collector.kill()
    collector.start()
    [told] = running.told()
    collector.stop()
    found = ledger(collector.store)
    found.check(told)
    assert (sequences.count(found.stored[told.producer]), told.dropped) == (6_000, {})


def test_letters_outlive_the_collector(collector, model, ledger, accounting, tmp_path):
    """Refused events are accounted for over kills as stored ones are, each once."""
    program = """
import json, sys, time
from mlmon.logging_sdk import ModelLogger
asked = json.loads(sys.argv[1])
log = ModelLogger("m", ship=asked["ship"], spool=asked["spool"])
for index in range(4_000):
    ahead = 32_472_144_000 * 10**9 if index % 10 == 3 else None
    log.predicted({"x": 1.0}, value=index, timestamp=ahead)
    time.sleep(0.0002)
is_all = log.close(40)
stats = log.stats()
print(json.dumps({"producer": log._outlet.producer.id, "emitted": stats.emitted, "dropped": stats.dropped}))
"""
    running = model(program, ship=collector.http, spool=tmp_path / "spool")
    for _ in range(2):
        collector.until_stored(800)
        collector.kill()
        collector.start()
    [told] = running.told()
    collector.stop()
    found = ledger(collector.store)
    found.check(told)
    assert sequences.count(found.stored[told.producer]) == 3_600
    assert sequences.count(found.lettered[told.producer]) == 400
    said = accounting(collector.store)
    assert (said["emitted"], said["stored"], said["letters_waiting"], said["unknown"]) == (
        4_000,
        3_600,
        400,
        0,
    )
