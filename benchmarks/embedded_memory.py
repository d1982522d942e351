"""The most memory a process takes to answer a monitoring question over ten million stored events."""

import importlib.util
import subprocess
import sys
import tempfile
from pathlib import Path
from types import ModuleType

NAME = "embedded_memory"
PEER = "a limit of 512 MB"
GOAL = 1.0
LIMIT_KB = 512 * 1024
EVENTS = 1_000_000
TIMES = 10

ASK = """
import importlib.util, re, sys, time
from pathlib import Path
spec = importlib.util.spec_from_file_location("_embedded", sys.argv[1])
shared = importlib.util.module_from_spec(spec)
spec.loader.exec_module(shared)
from mlmon.stores.embedded import open_store
store = open_store(sys.argv[2], read_only=True)
start = time.perf_counter()
rows = store.query(shared.QUESTION).rows
seconds = time.perf_counter() - start
store.close()
# Not getrusage: what it calls the highest size of a process includes that of the one that started it.
highest = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]
print(highest, sum(row["n"] for row in rows), len(rows), seconds)
"""


def _shared() -> ModuleType:
    spec = importlib.util.spec_from_file_location("_embedded", Path(__file__).with_name("_embedded.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run() -> tuple[float, str]:
    """Ask in a process of its own, and read its highest resident size."""
    shared = _shared()
    with tempfile.TemporaryDirectory(prefix="mlmon-bench-") as name:
        folder = Path(name)
        shared.fill(folder, EVENTS)
        shared.multiply(folder, TIMES)
        arguments = [sys.executable, "-c", ASK, str(Path(__file__).with_name("_embedded.py")), name]
        done = subprocess.run(arguments, check=True, capture_output=True, text=True)  # noqa: S603 - our own
    kilobytes, count, groups, seconds = done.stdout.split()
    assert int(count) == EVENTS * TIMES
    took = f"{int(kilobytes) / 1024:.0f} MB, {float(seconds):.2f} s"
    note = f"{int(count):,} events, {int(groups):,} groups: {took}"
    return int(kilobytes) / LIMIT_KB, note
