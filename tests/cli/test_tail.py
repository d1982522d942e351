"""Files that are followed by a real process, which is killed, while another one writes and rotates."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mlmon.core import schema
from mlmon.core.query import Scan
from mlmon.core.schema import Dataset
from mlmon.pipelines import deadletter
from mlmon.stores.embedded import open_store

DEADLINE_S = 120
LINES = 100_000
KILLS = 5
CLOSED = "collector: {http_port: null, tcp_port: null, beats_port: null}\n"

# Writes numbered lines, every other with an id and the rest without an id or a time, and flushes amid lines;
# every so often it rotates, by renaming or by copying and truncating. It writes a share for each word it is
# sent, so that something is always left to write when the collector is killed, however slow that one is.
WRITER = """
import json, os, shutil, sys, time
path, way, pause_s = sys.argv[1], sys.argv[3], float(sys.argv[4])
count, shares = int(sys.argv[2]), int(sys.argv[5])

def line(number):
    if number % 2:
        return json.dumps({"message": str(number)}) + "\\n"
    return json.dumps({
        "@timestamp": "2013-03-01T00:00:00.000Z", "log.level": "info", "message": str(number),
        "event.id": f"p-{number}", "event.dataset": "mlmon.app",
    }) + "\\n"

def rotate(number):
    if way == "rename":
        os.rename(path, f"{path}.{number}")
    else:
        shutil.copyfile(path, f"{path}.{number}")
        os.truncate(path, 0)

file = open(path, "a")
for start in range(0, count, 500):
    if start % (count // shares // 500 * 500) == 0:
        sys.stdin.readline()
    text = "".join(map(line, range(start, min(start + 500, count))))
    middle = len(text) // 2
    for piece in (text[:middle], text[middle:]):
        file.write(piece)
        file.flush()
        time.sleep(pause_s)
    if start % (count // 8 // 500 * 500) == 0 and start:
        rotate(start)
        if way == "rename":
            file.close()
            file = open(path, "a")
file.close()
"""


@pytest.fixture
def writer() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Give a function that starts a process which writes a log file and rotates it."""
    running: list[subprocess.Popen[bytes]] = []

    def start(path: Path, way: str, *, pause_s: float = 0.012) -> subprocess.Popen[bytes]:
        words = [sys.executable, "-c", WRITER, str(path), str(LINES), way, str(pause_s), str(KILLS + 1)]
        running.append(subprocess.Popen(words, stdin=subprocess.PIPE, bufsize=0))
        return running[-1]

    yield start
    for process in running:
        process.kill()
        process.communicate()


@pytest.fixture
def tailing(command, tmp_path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Give a function that starts a collector which has no door and follows files."""
    (tmp_path / "mlmon.yaml").write_text(CLOSED)
    running: list[subprocess.Popen[str]] = []

    def start(*patterns: str) -> subprocess.Popen[str]:
        named = [word for pattern in patterns for word in ("--tail", pattern)]
        environ = {name: value for name, value in os.environ.items() if not name.startswith("MLMON_")}
        process = subprocess.Popen(
            [*command, "collect", *named],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path, env=environ,
        )  # fmt: skip
        running.append(process)
        assert process.stdout is not None
        assert process.stdout.readline().startswith("tail")
        return process

    yield start
    for process in running:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def stored(tmp_path) -> Callable[[], Counter[str]]:
    """Give a function that counts the stored log lines by their message."""

    def read() -> Counter[str]:
        store = open_store(tmp_path / "mlmon-data", read_only=True)
        scan = Scan(dataset=Dataset.APP, fields=(schema.MESSAGE,))
        found = Counter(row[schema.MESSAGE] for batch in store.scan(scan) for row in batch)
        store.close()
        return found

    return read


def wait_until(is_done: Callable[[], bool]) -> None:
    """Poll until something holds, or the deadline has passed."""
    deadline = time.monotonic() + DEADLINE_S
    while not is_done():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.05)


def is_made(path: Path) -> Callable[[], bool]:
    """Whether a store has been made."""
    return (path / "mlmon-data" / "tail.json").exists


@pytest.mark.parametrize("way", ["rename", "copy"])
def test_five_kills_amid_rotations_lose_and_double_nothing(tailing, writer, stored, tmp_path, way):
    """Of 100,000 lines, written while files rotate and the collector is killed, each is stored once."""
    path = tmp_path / "app.log"
    path.touch()
    process = tailing("app.log")
    writing = writer(path, way)
    assert writing.stdin is not None
    writing.stdin.write(b"go\n")
    kept = 0
    for _ in range(KILLS):
        wait_until(is_made(tmp_path))
        enough = kept + 5_000
        wait_until(lambda: sum(stored().values()) > enough)  # noqa: B023 - it is over before the next turn
        process.send_signal(signal.SIGKILL)
        process.wait()
        kept = sum(stored().values())
        writing.stdin.write(b"go\n")  # lines come and files rotate while nobody follows them
        process = tailing("app.log")
    writing.stdin.close()  # what is left of the last share needs no word
    assert writing.wait(DEADLINE_S) == 0
    wait_until(lambda: sum(stored().values()) >= LINES)
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=DEADLINE_S)
    found = stored()
    assert (len(found), set(found.values())) == (LINES, {1})
    assert f"{0:,} refused" in told
    assert deadletter.by_reason(tmp_path / "mlmon-data" / deadletter.FOLDER) == {}


def test_a_line_is_stored_within_a_second(tailing, stored, tmp_path):
    """A line that is written is stored less than a second later, on a machine that is not too busy."""
    path = tmp_path / "app.log"
    path.write_text('{"message": "first"}\n')
    tailing("*.log")
    wait_until(is_made(tmp_path))
    wait_until(lambda: stored()["first"] == 1)
    waits_s = []
    for message in ("second", "third", "fourth", "fifth"):
        with path.open("a") as file:
            file.write(f'{{"message": "{message}"}}\n')
        written = time.monotonic()
        wait_until(lambda: stored()[message] == 1)  # noqa: B023 - it is over before the next turn
        waits_s.append(time.monotonic() - written)
    assert min(waits_s) < 1
