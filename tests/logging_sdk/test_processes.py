"""Services as they are run: several processes, tasks and greenlets, and their ends."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from contextlib import suppress

import pytest

APP = """
import os
from mlmon.logging_sdk import ModelLogger

log = ModelLogger("m", ship=os.environ["SHIP"])
log.info("loaded")

def app(environ, start_response):
    name = environ["QUERY_STRING"]
    if name == "die":
        os.kill(os.getpid(), 9)
    log.predicted({"x": 1.0}, label="served", id=name)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]
"""


@pytest.fixture
def gunicorn(server, tmp_path):
    """Give a gunicorn that loads the service before it forks two workers: its process and its address."""
    (tmp_path / "service.py").write_text(APP)
    command = [sys.executable, "-m", "gunicorn", "--preload", "--workers", "2", "--bind", "127.0.0.1:0"]
    process = subprocess.Popen(
        [*command, "--no-control-socket", "service:app"],
        cwd=tmp_path,
        env={**os.environ, "SHIP": server.url},
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stderr is not None
        told = next(found for line in process.stderr if (found := re.search(r"http://127\S+:\d+", line)))
        yield process, told[0]
        process.kill()


def _ask(address: str, name: str) -> bytes:
    with urllib.request.urlopen(f"{address}/?{name}", timeout=60) as answer:
        return bytes(answer.read())


def _until_served_by_another(address: str, pids: set[bytes], names: list[str]) -> None:
    """Ask until a worker answers that is not one of these."""
    end = time.monotonic() + 120
    while time.monotonic() < end:
        names.append(f"r{len(names)}")
        if _ask(address, names[-1]) not in pids:
            return
    pytest.fail("no new worker came")


def test_workers_of_gunicorn_lose_nothing_when_one_is_killed(server, gunicorn):
    """Workers forked from a loaded service ship for themselves; the next one sends what a killed one left."""
    process, address = gunicorn
    names = [f"r{index}" for index in range(200)]
    pids = {_ask(address, name) for name in names}
    time.sleep(0.3)  # the promise holds for what is 50 ms old
    with suppress(OSError):
        _ask(address, "die")
    _until_served_by_another(address, pids, names)
    process.send_signal(signal.SIGTERM)
    assert process.wait(120) == 0
    documents = {(one := json.loads(line))["event.id"]: one for line in server.lines}
    served = Counter(one["mlmon.inference.id"] for one in documents.values() if "mlmon.inference.id" in one)
    assert served == Counter(names)
    assert [one["message"] for one in documents.values()].count("loaded") == 1
    assert len({one["mlmon.producer.id"] for one in documents.values()}) >= 3


GREENLETS = """
from gevent import monkey
monkey.patch_all()
import gevent, signal, sys, time
from mlmon.logging_sdk import ModelLogger

log = ModelLogger("m", ship=sys.argv[1])

def serve(index):
    with log.inference({"x": 1.0}, id=f"r{index}") as inference:
        gevent.sleep(0.001)
        log.info(f"r{index}")
        inference.predict(label="a")

gevent.joinall([gevent.spawn(serve, index) for index in range(200)], raise_error=True)
print("ready", flush=True)
while len(sys.argv) > 2:
    time.sleep(10)
"""


@pytest.mark.parametrize("end", ["exit", "sigterm"])
def test_greenlets_of_gevent_send_their_events(server, end):
    """With everything patched, greenlets log under their own inference, and each end sends what is left."""
    more = [] if end == "exit" else ["wait"]
    command = [sys.executable, "-c", GREENLETS, server.url, *more]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        if end == "sigterm":
            process.send_signal(signal.SIGTERM)
        assert process.wait(120) == (0 if end == "exit" else -signal.SIGTERM)
    documents = [json.loads(line) for line in server.lines]
    lines = [one for one in documents if one["event.dataset"] == "mlmon.app"]
    assert len(documents) == 400
    assert {one["message"] for one in lines} == {f"r{index}" for index in range(200)}
    assert all(one["mlmon.inference.id"] == one["message"] for one in lines)


LATE = """
import os, sys, threading
from mlmon.logging_sdk import ModelLogger

log = ModelLogger("m", ship=sys.argv[1])

def late():
    threading.main_thread().join()
    for _ in range(100):
        log.info("late")

threading.Thread(target=late).start()
for _ in range(100):
    log.info("early")
"""


def test_a_thread_that_logs_while_the_interpreter_ends(server):
    """What threads log after the main thread ended is sent too, and nothing hangs."""
    subprocess.run([sys.executable, "-c", LATE, server.url], check=True, timeout=120)
    assert Counter(json.loads(line)["message"] for line in server.lines) == {"early": 100, "late": 100}


AT_EXIT = """
import atexit, sys
from mlmon.logging_sdk import ModelLogger

class Last:
    def __del__(self):
        log.info("too late")

atexit.register(lambda: log.info("while exiting"))
log = ModelLogger("m", ship=sys.argv[1])
log.info("before")
last = Last()
"""


@pytest.mark.parametrize("up", [True, False])
def test_what_is_logged_while_exiting_hangs_nothing(server, up):
    """Events of exit functions and finalizers are taken or dropped, and the process ends in its time."""
    started = time.monotonic()
    url = server.url if up else "http://127.0.0.1:1"
    done = subprocess.run(
        [sys.executable, "-c", AT_EXIT, url], check=True, timeout=120, stderr=subprocess.PIPE
    )
    assert b"Traceback" not in done.stderr
    assert time.monotonic() - started < 12
    assert [json.loads(line)["message"] for line in server.lines][:1] == (["before"] if up else [])
