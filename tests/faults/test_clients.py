"""Many clients at once."""

from mlmon.core import sequences

PROGRAM = """
import json, sys, threading
from mlmon.logging_sdk import ModelLogger
asked = json.loads(sys.argv[1])
start = threading.Barrier(asked["clients"])

def client(number):
    log = ModelLogger("m", ship=asked["ships"][number % len(asked["ships"])], spool="memory")
    start.wait()
    for index in range(asked["count"]):
        log.predicted({"x": 1.0}, value=index)
    log.close(40)
    stats = log.stats()
    told = {"producer": log._outlet.producer.id, "emitted": stats.emitted, "dropped": stats.dropped}
    with lock:
        print(json.dumps(told), flush=True)

lock = threading.Lock()
threads = [threading.Thread(target=client, args=(number,)) for number in range(asked["clients"])]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


def test_a_hundred_clients_at_once_are_all_served(collector, model, ledger):
    """A hundred connections that begin at the same moment, over both wires, lose nothing."""
    running = model(PROGRAM, ships=[collector.http, collector.beats], clients=100, count=200)
    reports = running.told()
    collector.stop()
    found = ledger(collector.store)
    found.check(*reports)
    assert len(reports) == 100
    assert all(told.dropped == {} for told in reports)
    assert sum(map(sequences.count, found.stored.values())) == 20_000
