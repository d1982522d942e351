"""Real processes that are killed, and those that come after them."""

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

WINDOW_S = 0.25
"""The promise is 50 ms; a machine that runs other things too is given more."""

BURST = """
import sys, time
from mlmon.logging_sdk import ModelLogger
log = ModelLogger("m", ship=sys.argv[1], spool=sys.argv[2])
wait_s = float(sys.argv[3])
for index in range(10**9):
    log.predicted({"x": 1.0}, value=index)
    if index % 100 == 0 or wait_s:
        print(index, time.monotonic(), flush=True)
    time.sleep(wait_s)
"""

NEXT = """
import sys
from mlmon.logging_sdk import ModelLogger
log = ModelLogger("m", ship=sys.argv[1], spool=sys.argv[2])
log.info("started")
assert log.flush(30), log.stats()
stats = log.stats()
assert stats.dropped == {} and stats.queued == 0, stats
"""


def _start(program: str, url: str, folder: Path, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", program, url, str(folder), *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _done(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    process.stdout.close()


def _kill_after(process: subprocess.Popen[str], seconds: float) -> int:
    """Kill a process; gives the number of the last event that it had logged a window before its death."""
    assert process.stdout is not None
    lines = iter(process.stdout)
    told = [next(lines)]
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        told.append(next(lines))
    killed_at = time.monotonic()
    process.send_signal(signal.SIGKILL)
    told += list(lines)
    process.wait()
    _done(process)
    pairs = [line.split() for line in told if line.endswith("\n")]
    return max((int(index) for index, at in pairs if float(at) < killed_at - WINDOW_S), default=-1)


def _run_next(url: str, folder: Path) -> None:
    subprocess.run([sys.executable, "-c", NEXT, url, str(folder)], check=True, timeout=60)


@pytest.mark.parametrize("is_up", [True, False])
@pytest.mark.parametrize("wait_s", [0.0, 0.005])
def test_what_was_written_before_a_kill_arrives(server, tmp_path, is_up, wait_s):
    """After kill -9, in a burst and at 200/s, sink up and down, the next process delivers the rest."""
    url = server.url if is_up else "http://127.0.0.1:1"
    promised = _kill_after(_start(BURST, url, tmp_path, str(wait_s)), 0.8)
    assert promised > 0
    _run_next(server.url, tmp_path)
    documents = [json.loads(line) for line in server.lines]
    arrived = {int(document.get("mlmon.prediction.value", -1)) for document in documents}
    assert set(range(promised + 1)) <= arrived
    ids = Counter(document["event.id"] for document in documents)
    by_number = {(document["mlmon.producer.id"], document["event.sequence"]) for document in documents}
    assert len(by_number) == len(ids)  # whatever comes twice has its id again, so a store knows it
    assert list(tmp_path.glob("*/[!.]*")) == []


def test_two_processes_share_what_a_dead_one_left(server, tmp_path):
    """Of two processes that start at once, one adopts the folder: every event arrives, none twice."""
    dead = _start(BURST, "http://127.0.0.1:1", tmp_path, "0.005")
    promised = _kill_after(dead, 0.5)
    both = [_start(NEXT, server.url, tmp_path) for _ in range(2)]
    assert [process.wait(60) for process in both] == [0, 0]
    for process in both:
        _done(process)
    values = [json.loads(line).get("mlmon.prediction.value") for line in server.lines]
    numbers = [int(value) for value in values if value is not None]
    assert numbers == sorted(set(numbers))
    assert set(range(promised + 1)) <= set(numbers)


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_has_a_folder_of_its_own(server, tmp_path):
    """After a fork parent and child deliver their own events once, and neither folder is left."""
    program = """
import os, sys
from mlmon.logging_sdk import ModelLogger
log = ModelLogger("m", ship=sys.argv[1], spool=sys.argv[2])
for index in range(100):
    log.info("parent")
child = os.fork()
for index in range(100):
    log.info("child" if child == 0 else "parent")
if child == 0:
    assert log.close(20)
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert log.close(20)
"""
    process = _start(program, server.url, tmp_path)
    assert process.wait(60) == 0
    _done(process)
    messages = Counter(json.loads(line)["message"] for line in server.lines)
    assert messages == {"parent": 200, "child": 100}
    assert len({json.loads(line)["event.id"] for line in server.lines}) == 300
    assert list(tmp_path.glob("*/*")) == []


def test_an_exit_with_the_sink_down_keeps_the_events(server, tmp_path):
    """A process that ends while nobody answers leaves its events to the next one."""
    program = """
import sys
from mlmon.logging_sdk import ModelLogger
log = ModelLogger("m", ship=sys.argv[1], spool=sys.argv[2])
for index in range(500):
    log.info("kept")
assert not log.close(0.2)
assert (log.stats().queued, log.stats().dropped) == (500, {}), log.stats()
"""
    process = _start(program, "http://127.0.0.1:1", tmp_path)
    assert process.wait(120) == 0
    _done(process)
    _run_next(server.url, tmp_path)
    assert Counter(json.loads(line)["message"] for line in server.lines) == {"kept": 500, "started": 1}


def test_folders_are_for_the_owner_alone(tmp_path):
    """What waits on disk can be read by the user of the process alone."""
    process = _start(BURST, "http://127.0.0.1:1", tmp_path / "spool", "0.005")
    _kill_after(process, 0.2)
    paths = list((tmp_path / "spool" / "m").rglob("*"))
    assert paths
    assert all(path.stat().st_mode & 0o077 == 0 for path in paths)
