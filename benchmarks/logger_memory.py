"""How much a model's process grows while its sink is down for a million events, against its cap."""

import subprocess
import sys
import tempfile
from pathlib import Path

NAME = "logger_memory"
PEER = "the cap of 64 MiB, and 24 MiB for what is not records"
GOAL = 1.0

EVENTS = 1_000_000
CAP = 64 * 1024 * 1024
REST = 24 * 1024 * 1024

PROGRAM = """
import logging, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import _record
from mlmon.logging_sdk import ModelLogger
from mlmon.logging_sdk.disk import DiskSpool
from mlmon.logging_sdk.spool import MemorySpool

logging.disable()
events, cap, folder = int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]

def peak():
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024

make = lambda: DiskSpool(folder, max_bytes=4 * cap) if folder else MemorySpool(max_bytes=cap)
log = ModelLogger("flight-delay", ship="http://127.0.0.1:1", spool=make, health=False)
log.predicted(_record.FEATURES, **_record.PREDICTED)
log.flush(0.5)
before = peak()
for _ in range(events - 1):
    log.predicted(_record.FEATURES, **_record.PREDICTED)
log.shipper.spool.persist()
stats = log.stats()
assert stats.emitted == events == stats.queued + sum(stats.dropped.values()), stats
assert set(stats.dropped) == {"spool_full"}, stats
print(peak() - before, stats.queued)
log.close(0)
"""


def _growth(folder: Path | str) -> tuple[int, int]:
    here = Path(__file__).parent
    command = [sys.executable, "-c", PROGRAM, str(here), str(EVENTS), str(CAP), str(folder)]
    told = subprocess.run(command, check=True, timeout=150, stdout=subprocess.PIPE, text=True)  # noqa: S603
    grown, queued = told.stdout.split()
    return int(grown), int(queued)


def run() -> tuple[float, str]:
    """Log in processes of their own, as fast as it goes, with nobody there; every event is accounted for."""
    in_memory, kept = _growth("")
    with tempfile.TemporaryDirectory(prefix="mlmon-bench-") as name:
        on_disk, kept_on_disk = _growth(Path(name))
    mega = 1024 * 1024
    note = (
        f"{EVENTS:,} events with the sink down: {in_memory / mega:.0f} MiB more in memory, {kept:,} kept; "
        f"{on_disk / mega:.0f} MiB more with 256 MiB on disk, {kept_on_disk:,} kept; the rest counted"
    )
    return max(in_memory, on_disk) / (CAP + REST), note
