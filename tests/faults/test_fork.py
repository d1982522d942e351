"""Processes that fork while they log."""

from mlmon.core import sequences

PROGRAM = """
import json, os, sys, threading, time
from mlmon.logging_sdk import ModelLogger
asked = json.loads(sys.argv[1])
log = ModelLogger("m", ship=asked["ship"], spool=asked["spool"])
go_on = True

def busy():
    while go_on:
        log.predicted({"x": 1.0}, value=1)
        time.sleep(0.0005)

def tell():
    assert log.close(40)
    stats = log.stats()
    told = {"producer": log._outlet.producer.id, "emitted": stats.emitted, "dropped": stats.dropped}
    os.write(1, (json.dumps(told) + "\\n").encode())

thread = threading.Thread(target=busy)
thread.start()
children = []
for _ in range(4):
    time.sleep(0.05)
    child = os.fork()
    if child == 0:
        for index in range(500):
            log.predicted({"x": 1.0}, value=index)
        tell()
        os._exit(0)
    children.append(child)
assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * 4
go_on = False
thread.join()
tell()
"""


def test_a_fork_while_another_thread_logs(collector, model, ledger, tmp_path):
    """Parent and children each deliver their own events, once, wherever in a call the fork came."""
    reports = model(PROGRAM, ship=collector.http, spool=tmp_path / "spool").told()
    collector.stop()
    found = ledger(collector.store)
    found.check(*reports)
    assert len({told.producer for told in reports}) == 5
    assert [told.emitted for told in reports].count(500) >= 4
    assert all(told.dropped == {} for told in reports)
    assert sum(map(sequences.count, found.stored.values())) == sum(told.emitted for told in reports)
