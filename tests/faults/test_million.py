"""A million events through one fault after the other."""

import time

import pytest

from mlmon.core import sequences

KILLED = """
import json, sys, time
from mlmon.logging_sdk import ModelLogger
asked = json.loads(sys.argv[1])
log = ModelLogger("m", ship=asked["ship"], spool=asked["spool"])
for index in range(asked["count"]):
    log.predicted({"x": 1.0}, value=index)
log._outlet.shipper.spool.persist()  # now all of it is on disk, and a kill may come
print(json.dumps({"producer": log._outlet.producer.id, "emitted": asked["count"], "dropped": {}}), flush=True)
time.sleep(600)
"""
LATER = """
import json, os, sys, time
from mlmon.logging_sdk import ModelLogger
asked = json.loads(sys.argv[1])
log = ModelLogger("m", ship=asked["ship"], spool=asked["spool"])

def serve(count, ahead_every):
    for index in range(count):
        is_ahead = index % ahead_every == ahead_every - 1
        log.predicted({"x": 1.0}, value=index, timestamp=32_472_144_000 * 10**9 if is_ahead else None)

def tell():
    is_all = log.close(50)
    stats = log.stats()
    told = {"producer": log._outlet.producer.id, "emitted": stats.emitted, "dropped": stats.dropped}
    os.write(1, (json.dumps({**told, "is_all": is_all, "adopted": stats.adopted}) + "\\n").encode())

serve(asked["count"] // 2, 1_000)
if not (child := os.fork()):
    serve(asked["forked"], 1_000)
    tell()
    os._exit(0)
serve(asked["count"] - asked["count"] // 2, 1_000)
tell()
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
"""


@pytest.mark.slow
def test_a_million_events_through_many_faults(make_collector, model, ledger, accounting, proxy, tmp_path):
    """Kills on both sides, resets, lost answers, an outage, a fork and wrong clocks leave none unknown."""
    collector, spool = make_collector(), tmp_path / "spool"
    collector.start()
    between = proxy(collector.http, resets=[300_000 * number for number in range(1, 6)], answers_lost=3)
    # A model is killed when it has logged everything and sent a part of it.
    killed = model(KILLED, ship=between.url, spool=spool, count=300_000)
    [dead] = [killed.first_told()]
    killed.kill()
    # The next one adopts the rest, forks, and has a wrong clock; the collector is killed three times.
    running = model(LATER, ship=collector.http, spool=spool, count=400_000, forked=100_000)
    for outage_s in (0.0, 1.0, 0.0):
        collector.until_stored(100_000)
        collector.kill()
        time.sleep(outage_s)
        collector.start()
    beats = model(LATER, ship=collector.beats, spool=tmp_path / "other", count=150_000, forked=50_000)
    reports = [dead, *running.told(), *beats.told()]
    collector.stop()
    found = ledger(collector.store)
    found.check(*reports)
    assert [told.dropped for told in reports] == [{}] * 5
    assert sum(told.emitted for told in reports) == 1_000_000
    assert sum(map(sequences.count, found.lettered.values())) == 700
    assert sum(map(sequences.count, found.stored.values())) == 999_300

    assert list(spool.rglob("*.seg")) == []
    said = accounting(collector.store)
    assert (said["emitted"], said["stored"], said["letters_waiting"]) == (1_000_000, 999_300, 700)
    assert (said["unknown"], said["on_the_way"], said["dropped"]) == (0, 0, 0)
