"""From a model's process through the collector and the jobs to the account, all of them real processes."""

import json
import os
import signal
import subprocess
import sys
import urllib.request

import pytest

MODEL = """
import os, sys, time
from mlmon.logging_sdk import ModelLogger

ship, spool, sample = sys.argv[1], sys.argv[2], float(sys.argv[4])
log = ModelLogger("m", service="api", ship=ship, spool=spool, sample=sample)
for number in range(int(sys.argv[3])):
    with log.inference(id=f"{os.getpid()}-{number}") as inference:
        inference.predict(score=0.5)
print(log.stats().emitted, flush=True)
if "wait" in sys.argv:
    time.sleep(60)
"""
DEADLINE_S = 120


@pytest.fixture
def environ(tmp_path) -> dict[str, str]:
    """Give an environment where what is missing for a moment is missed."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("MLMON_")}
    return ours | {"MLMON_ANALYZE_GAP_AFTER": "0s", "XDG_STATE_HOME": str(tmp_path / "state")}


@pytest.fixture
def door(command, tmp_path, environ):
    """Run a collector, and give the address of its http door."""
    ports = ("--http-port", "0", "--tcp-port", "0", "--beats-port", "0")
    with subprocess.Popen(
        [*command, "collect", "--store", "store", *ports],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path, env=environ,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        line = next(line for line in process.stdout if line.startswith("http"))
        yield line.split()[1]
        process.terminate()
        process.communicate(timeout=DEADLINE_S)


@pytest.fixture
def mlmon(command, tmp_path, environ):
    """Give a function that runs a command line on the store; gives its exit code and rows."""

    def run(*arguments: str):
        ended = subprocess.run(
            [*command, *arguments, "--store", "store"],
            capture_output=True, text=True, check=False, timeout=120, cwd=tmp_path, env=environ,
        )  # fmt: skip
        return ended.returncode, ended.stdout

    return run


def model(environ, tmp_path, ship: str, count: int, sample: float, *more: str) -> subprocess.Popen:
    """A model's process."""
    arguments = [ship, f"{tmp_path}/spool?mode=sync", str(count), str(sample), *more]
    return subprocess.Popen(
        [sys.executable, "-c", MODEL, *arguments], stdout=subprocess.PIPE, text=True, env=environ
    )


def test_the_account_of_a_process_that_is_killed(door, mlmon, environ, tmp_path):
    """Sampling, a dead letter, a kill and the adoption of its spool: each event is accounted for at last."""
    with model(environ, tmp_path, door, 400, 0.5) as process:
        kept = int(process.communicate(timeout=DEADLINE_S)[0])
    refused = json.dumps({"event.dataset": "mlmon.inference", "mlmon.producer.id": "x", "event.sequence": 0})
    request = urllib.request.Request(f"{door}/v1/events", data=refused.encode())
    urllib.request.urlopen(request, timeout=10).close()

    # Nobody listens at this port, so all that is logged stays in the spool.
    with model(environ, tmp_path, "http://127.0.0.1:9", 300, 1.0, "wait") as process:
        assert process.stdout is not None
        killed = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=DEADLINE_S)

    assert mlmon("analyze")[0] == 0
    [of_letter, of_service] = sorted(
        json.loads(mlmon("accounting", "--format", "json")[1]), key=lambda row: row["model"]
    )
    assert (of_letter["letters_waiting"], of_letter["unknown"]) == (1, 0)
    assert (of_service["emitted"], of_service["stored"], of_service["unknown"]) == (kept, kept, 0)
    assert of_service["sampled_out"] == 400 - kept

    with model(environ, tmp_path, door, 10, 1.0) as process:
        process.communicate(timeout=DEADLINE_S)
    assert mlmon("deadletter", "drop", "--yes")[0] == 0
    assert mlmon("analyze")[0] == 0
    code, text = mlmon("accounting", "--check", "--by", "producer", "--format", "json")
    rows = json.loads(text)
    assert code == 0, rows
    assert sorted(row["stored"] for row in rows) == sorted([0, 10, killed, kept])
    assert sum(row["letters_discarded"] for row in rows) == 1
    assert json.loads(mlmon("findings", "--state", "all", "--format", "json")[1]) == []
