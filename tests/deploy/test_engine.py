"""The stack on a real Docker engine; without one these are skipped, and the end of the run says so."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

PROJECT = "mlmon-under-test"
MOST_S = 900
SERVICE = """
import sys
from mlmon.logging_sdk import ModelLogger
log = ModelLogger("under-test", version="1", ship=sys.argv[1], spool="memory")
for number in range(100):
    log.predicted({"x": float(number)}, label="a", score=0.5)
log.close(timeout_s=60)
print(log.stats().acknowledged)
"""

Run = Callable[..., str]


@pytest.fixture(scope="module")
def compose(root: Path, require, tmp_path_factory) -> Iterator[Run]:
    """Start the stack under a name of its own; gives a function that runs docker compose on it."""
    docker = require("docker")
    secrets = tmp_path_factory.mktemp("stack") / ".env"
    subprocess.run([sys.executable, "deploy/stack.py", "--env", str(secrets)], cwd=root, check=True)
    start = [docker, "compose", "--project-name", PROJECT, "--env-file", str(secrets)]
    start += ["--profile", "elasticsearch"]

    def run(*words: str) -> str:
        done = subprocess.run(
            [*start, *words], cwd=root, capture_output=True, text=True, check=False, timeout=MOST_S
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    try:
        run("up", "--build", "--detach")
        _wait_for_health(run)
        yield run
    finally:
        run("down", "--volumes", "--remove-orphans")


def _wait_for_health(run: Run) -> None:
    deadline = time.monotonic() + MOST_S
    while True:
        parts = [json.loads(line) for line in run("ps", "--all", "--format", "json").splitlines()]
        failed = [part["Service"] for part in parts if part["State"] == "exited" and part["ExitCode"]]
        assert failed == [], run("logs", "--tail", "50", *failed)
        if all(part["Health"] in ("", "healthy") for part in parts):
            return
        assert time.monotonic() < deadline, run("ps", "--all")
        time.sleep(2)


def _shipped(words: Sequence[str]) -> int:
    done = subprocess.run(
        [sys.executable, "-c", SERVICE, *words], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def test_events_come_in_by_both_ways_and_are_analysed(compose, tmp_path, monkeypatch):
    """What a service ships to collector and Logstash is in Elasticsearch, and the analyzers find it."""
    monkeypatch.setenv("MLMON_LOG_KEY", compose("exec", "-T", "collector", "mlmon", "keys", "create",
                                                "--namespace", "default").strip())  # fmt: skip
    for name in ("ca.crt", "tls.crt", "tls.key"):
        compose("cp", f"certificates:/tls/service/{name}", str(tmp_path / name))
    trust = f"?ca={tmp_path}/ca.crt"
    own = f"&cert={tmp_path}/tls.crt&cert_key={tmp_path}/tls.key"
    assert _shipped([f"https://127.0.0.1:5959{trust}"]) == 100
    assert _shipped([f"beats+tls://127.0.0.1:5044{trust}{own}"]) == 100
    deadline = time.monotonic() + 180
    while True:
        found = json.loads(compose("exec", "-T", "page", "mlmon", "models", "--format", "json"))
        if [each for each in found if each["model"] == "under-test" and each["inferences"] == 200]:
            return
        assert time.monotonic() < deadline, found
        time.sleep(2)
