"""Real receivers: a webhook in a process of its own, and an Alertmanager that tells it."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

import pytest

WEBHOOK = """
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
class Take(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with open(sys.argv[1], "ab") as file:
            file.write(body.replace(b"\\n", b" ") + b"\\n")
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_):
        pass
server = HTTPServer(("127.0.0.1", int(sys.argv[2])), Take)
print(server.server_port, flush=True)
server.serve_forever()
"""
PATIENCE_S = 60.0


def until(look: Callable[[], bool], what: str) -> None:
    """Wait until something is so."""
    end = time.monotonic() + PATIENCE_S
    while not look():
        assert time.monotonic() < end, f"{what} did not come in {PATIENCE_S:.0f} s"
        time.sleep(0.05)


@dataclass(frozen=True, kw_only=True)
class Webhook:
    """A webhook that writes down what it is told."""

    port: int
    path: Path
    process: subprocess.Popen[str]

    def bodies(self) -> list[dict]:
        """What it was told so far."""
        return [json.loads(line) for line in self.path.read_text().splitlines()] if self.path.exists() else []

    def wait(self, count: int) -> list[dict]:
        """What it was told, once that is so much."""
        until(lambda: len(self.bodies()) >= count, f"message {count}")
        return self.bodies()


@pytest.fixture
def start_webhook(tmp_path) -> Iterator[Callable[..., Webhook]]:
    """Give a function that starts a webhook, on a port."""
    started = []

    def start(port: int = 0) -> Webhook:
        path = tmp_path / "told.ndjson"
        process = subprocess.Popen(
            [sys.executable, "-c", WEBHOOK, str(path), str(port)], stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        assert process.stdout is not None
        return Webhook(port=int(process.stdout.readline()), path=path, process=process)

    yield start
    for process in started:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


@pytest.fixture
def webhook(start_webhook) -> Webhook:
    """Give a webhook that listens."""
    return start_webhook()


@pytest.fixture
def alertmanager(require, tmp_path, webhook) -> Iterator[str]:
    """Give the address of a real Alertmanager that tells the webhook what it is told."""
    program = require("alertmanager")
    hook = {"url": f"http://127.0.0.1:{webhook.port}/", "send_resolved": True}
    config = {
        "route": {"receiver": "hook", "group_wait": "0s", "group_interval": "1s", "group_by": ["alertname"]},
        "receivers": [{"name": "hook", "webhook_configs": [hook]}],
    }
    (tmp_path / "alertmanager.yml").write_text(json.dumps(config))
    log = (tmp_path / "alertmanager.log").open("w+")
    process = subprocess.Popen(
        [
            program,
            f"--config.file={tmp_path / 'alertmanager.yml'}",
            f"--storage.path={tmp_path / 'alertmanager'}",
            "--web.listen-address=127.0.0.1:0",
            "--cluster.listen-address=",
        ],
        stderr=log,
        stdout=log,
    )
    found: list[str] = []

    def is_up() -> bool:
        log.seek(0)
        found[:] = re.findall(r'"Listening on" address=(\S+)', log.read())
        if not found:
            return False
        with urlopen(f"http://{found[0]}/-/ready", timeout=30) as answer:
            return bool(answer.status == 200)

    until(is_up, "Alertmanager")
    yield f"http://{found[0]}"
    process.terminate()
    process.wait()
    log.close()
