import os
import pty
import subprocess
import sys

import pytest

SCRIPT = """
from mlmon.cli.progress import progress, stages
with progress("Loading", 3) as advance:
    for _ in range(3):
        advance(1)
with stages() as told:
    told("join", 1, 2)
    told("join", 2, 2)
print("done")
"""


@pytest.fixture
def shown() -> str:
    """Run the script with stderr on a terminal and give what stood there."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT],
        stdout=subprocess.PIPE,
        stderr=follower,
        text=True,
        env=os.environ | {"TERM": "xterm-256color"},
    )
    out, _ = process.communicate(timeout=120)
    os.close(follower)
    text = os.read(leader, 1 << 20).decode()
    os.close(leader)
    assert out == "done\n"
    return text


def test_a_terminal_shows_progress(shown):
    """On a terminal the work and how much of it is done are shown, on stderr."""
    assert "Loading" in shown
    assert "3/3" in shown
    assert "2/2" in shown


def test_nothing_without_a_terminal():
    """Where stderr is a file, nothing is shown."""
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, timeout=30
    )
    assert (ended.stdout, ended.stderr) == ("done\n", "")
