"""Real processes that end in every way a service ends, and what they sent before."""

import json
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

NOBODY = "http://127.0.0.1:1"


def _start(folder: Path, program: str, *arguments: str) -> subprocess.Popen[str]:
    path = folder / "program.py"
    path.write_text("import sys\nfrom mlmon.logging_sdk import ModelLogger\n" + program)
    return subprocess.Popen([sys.executable, str(path), *arguments], stdout=subprocess.PIPE, text=True)


def _messages(server) -> Counter[str]:
    return Counter(json.loads(line)["message"] for line in server.lines)


SERVING = """
import time
log = ModelLogger("m", ship=sys.argv[1])
for index in range(300):
    log.info("served")
print("ready", flush=True)
while True:
    time.sleep(10)
"""


def test_sigterm_sends_what_is_left(server, tmp_path):
    """A process that SIGTERM ends has sent its events before, and ends by that signal."""
    process = _start(tmp_path, SERVING, server.url)
    with process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(120) == -signal.SIGTERM
    assert _messages(server) == {"served": 300}


def test_sigterm_ends_in_time_with_nobody_there(tmp_path):
    """With the other side down SIGTERM ends the process after the grace time, and a second one at once."""
    for times in (1, 2):
        process = _start(tmp_path, SERVING, NOBODY)
        with process:
            assert process.stdout is not None
            process.stdout.readline()
            started = time.monotonic()
            for _ in range(times):
                process.send_signal(signal.SIGTERM)
                time.sleep(0.1 * (times - 1))
            assert process.wait(120) == -signal.SIGTERM
            assert time.monotonic() - started < 10


@pytest.mark.parametrize("handler", ["lambda *_: sys.exit(3)", "signal.SIG_IGN"])
def test_a_handler_of_the_host_stays(server, tmp_path, handler):
    """A host that handles SIGTERM itself keeps its handler, and its normal exit sends the events."""
    program = f"""
import os, signal
signal.signal(signal.SIGTERM, {handler})
log = ModelLogger("m", ship=sys.argv[1])
log.info("served")
os.kill(os.getpid(), signal.SIGTERM)
sys.exit(3)
"""
    with _start(tmp_path, program, server.url) as process:
        assert process.wait(120) == 3
    assert _messages(server) == {"served": 1}


def test_an_exit_does_not_hang_with_nobody_there(tmp_path):
    """Five loggers with the other side down share one grace time at the exit."""
    program = """
logs = [ModelLogger(f"m{index}", ship=sys.argv[1]) for index in range(5)]
for log in logs:
    log.info("lost")
"""
    started = time.monotonic()
    with _start(tmp_path, program, NOBODY) as process:
        assert process.wait(120) == 0
    assert time.monotonic() - started < 12


def test_an_exit_does_not_wait_for_a_sink_that_hangs(tmp_path):
    """A sink that takes the connection and never answers holds the exit up for the grace time alone."""
    program = """
logs = [ModelLogger(f"m{index}", ship=sys.argv[1]) for index in range(3)]
for log in logs:
    log.info("lost")
"""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        with _start(tmp_path, program, f"http://127.0.0.1:{silent.getsockname()[1]}") as process:
            assert process.wait(120) == 0
    assert time.monotonic() - started < 12


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_workers_of_multiprocessing_send_their_events(server, tmp_path, method):
    """Workers send what they logged, by a logger of their own or by one that was made before the fork."""
    program = f"""
import multiprocessing

log = ModelLogger("m", ship=sys.argv[1])

def work(url):
    for _ in range(200):
        log.info("inherited")
    own = ModelLogger("m", ship=url)
    for _ in range(200):
        own.info("own")

if __name__ == "__main__":
    log.info("parent")
    workers = [multiprocessing.get_context("{method}").Process(target=work, args=sys.argv[1:]) for _ in "ab"]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
"""
    with _start(tmp_path, program, server.url) as process:
        assert process.wait(60) == 0
    assert _messages(server) == {"parent": 1, "inherited": 400, "own": 400}
    assert len({json.loads(line)["event.id"] for line in server.lines}) == 801


def test_tasks_send_their_events(server, tmp_path):
    """Tasks of asyncio log without waiting, and the exit after the loop has sent all of it."""
    program = """
import asyncio
log = ModelLogger("m", ship=sys.argv[1])

async def serve(index):
    with log.inference({"x": 1.0}) as inference:
        await asyncio.sleep(0)
        inference.predict(label="a")

async def main():
    await asyncio.gather(*(serve(index) for index in range(300)))

asyncio.run(main())
"""
    with _start(tmp_path, program, server.url) as process:
        assert process.wait(120) == 0
    assert _messages(server) == {"predicted a": 300}


def test_an_exception_that_ends_the_process_is_sent(server, tmp_path):
    """A process that ends by an exception has sent what it logged of it."""
    program = """
log = ModelLogger("m", ship=sys.argv[1])
with log.inference({"x": 1.0}):
    raise SystemExit(7)
"""
    with _start(tmp_path, program, server.url) as process:
        assert process.wait(120) == 7
    assert [json.loads(line)["error.type"] for line in server.lines] == ["SystemExit"]
