"""The most memory a process takes to answer a monitoring question over ten million stored events."""

import subprocess
import sys
import tempfile
from pathlib import Path

import _embedded

NAME = "embedded_memory"
PEER = "a limit of 512 MB"
GOAL = 1.0
LIMIT_KB = 512 * 1024
EVENTS = 1_000_000
TIMES = 10

ASK = """
import re, sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import _embedded
from mlmon.stores.embedded import open_store
store = open_store(sys.argv[2], read_only=True)
start = time.perf_counter()
rows = store.query(_embedded.QUESTION).rows
seconds = time.perf_counter() - start
store.close()
# Not getrusage: what it calls the highest size of a process includes that of the one that started it.
highest = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]
print(highest, sum(row["n"] for row in rows), len(rows), seconds)
"""


def run() -> tuple[float, str]:
    """Ask in a process of its own, and read its highest resident size."""
    with tempfile.TemporaryDirectory(prefix="mlmon-bench-") as name:
        folder = Path(name)
        _embedded.fill(folder, EVENTS)
        _embedded.multiply(folder, TIMES)
        arguments = [sys.executable, "-c", ASK, str(Path(__file__).parent), name]
        done = subprocess.run(arguments, check=True, capture_output=True, text=True)  # noqa: S603 - our own
    kilobytes, count, groups, seconds = done.stdout.split()
    assert int(count) == EVENTS * TIMES
    took = f"{int(kilobytes) / 1024:.0f} MB, {float(seconds):.2f} s"
    note = f"{int(count):,} events, {int(groups):,} groups: {took}"
    return int(kilobytes) / LIMIT_KB, note
