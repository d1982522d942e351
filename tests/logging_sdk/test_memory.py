"""How far a process grows while nobody takes its events."""

import subprocess
import sys

import pytest

CAP = 4 * 1024 * 1024
REST = 24 * 1024 * 1024
"""What a process may grow by beside the cap: threads, the batch on its way, what the allocator keeps."""

PROGRAM = """
import logging, sys
from pathlib import Path
from mlmon.logging_sdk import ModelLogger
from mlmon.logging_sdk.disk import DiskSpool
from mlmon.logging_sdk.spool import MemorySpool

logging.disable()
cap, folder = int(sys.argv[1]), sys.argv[2]

def peak():
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) * 1024

def make():
    front = MemorySpool(max_bytes=cap)
    return DiskSpool(folder, max_bytes=4 * cap, front=front) if folder else front

log = ModelLogger("m", ship="http://127.0.0.1:1", spool=make)
features = {f"feature_{index}": index * 1.2345678 for index in range(12)}
log.predicted(features, label="late", score=0.5)
before = peak()
for _ in range(149_999):
    log.predicted(features, label="late", score=0.5)
log.shipper.spool.persist()
stats = log.stats()
assert stats.emitted == 150_000 == stats.queued + sum(stats.dropped.values()), stats
assert set(stats.dropped) == {"spool_full"} and stats.queued > 1_000, stats
print(peak() - before)
log.close(0)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize("place", ["memory", "disk"])
def test_a_long_outage_is_bounded_and_counted(tmp_path, place):
    """With the sink down a process grows by its cap and no more, and every event is kept or counted."""
    folder = "" if place == "memory" else str(tmp_path / "spool")
    command = [sys.executable, "-c", PROGRAM, str(CAP), folder]
    told = subprocess.run(command, check=True, timeout=60, stdout=subprocess.PIPE, text=True)
    assert int(told.stdout) < CAP + REST
    assert sum(path.stat().st_size for path in tmp_path.rglob("*.seg")) <= 4 * CAP
