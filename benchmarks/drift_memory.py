"""The most memory a process takes to say the drift of 20 columns over ten million stored rows."""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import _drift
import _embedded

NAME = "drift_memory"
PEER = "a limit of 512 MB"
GOAL = 1.0
LIMIT_KB = 512 * 1024
ROWS = 500_000
TIMES = 20

ASK = """
import re, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import _drift
taken = _drift.asked(Path(sys.argv[2]), days=int(sys.argv[3]))
print(Path("/proc/self/status").read_text(), taken)
"""


def run() -> tuple[float, str]:
    """Ask in a process of its own, day by day, and read its highest resident size."""
    with tempfile.TemporaryDirectory(prefix="mlmon-bench-") as name:
        folder = Path(name)
        _drift.fill(folder, *_drift.tables(ROWS))
        _embedded.multiply(folder, TIMES)
        # The copies lie next to each other in time, a day each but for the last step.
        arguments = [sys.executable, "-c", ASK, str(Path(__file__).parent), name, str(TIMES)]
        done = subprocess.run(arguments, check=True, capture_output=True, text=True)  # noqa: S603 - our own
    found = re.search(r"VmHWM:\s+(\d+) kB", done.stdout)
    assert found is not None
    kilobytes, taken = int(found[1]), float(done.stdout.split()[-1])
    note = f"{ROWS * TIMES:,} x {_drift.FEATURES} in {TIMES} days: {kilobytes / 1024:.0f} MB, {taken:.1f} s"
    return kilobytes / LIMIT_KB, note
