"""A server that answers as a test tells it to, and loggers that ship to memory."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mlmon.core.schema import Dataset
from mlmon.logging_sdk.testing import Captured, capture

_HEALTH = b'"%b"' % Dataset.HEALTH.encode()


@dataclass
class StubServer:
    """What came in, and the answers still to give: status, headers, body; afterwards 200 and `{}`.

    `reports` are what producers told of themselves, `lines` all else.
    """

    url: str = ""
    lines: list[bytes] = field(default_factory=list)
    reports: list[bytes] = field(default_factory=list)
    requests: int = 0
    keys: list[str | None] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)


@pytest.fixture(autouse=True)
def state_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test a folder of its own where events wait that nobody sent elsewhere."""
    monkeypatch.delenv("MLMON_LOG_SPOOL", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def server() -> Iterator[StubServer]:
    """Give a stub of the collector's HTTP door on a free port."""
    stub = StubServer()

    class Door(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            stub.requests += 1
            stub.keys.append(self.headers["Authorization"])
            status, headers, answer = stub.answers.pop(0) if stub.answers else (200, {}, b"{}")
            if status == 200:
                for line in body.splitlines():
                    (stub.reports if _HEALTH in line else stub.lines).append(line)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Door) as door:
        door.daemon_threads = True
        stub.url = f"http://127.0.0.1:{door.server_port}"
        thread = threading.Thread(target=door.serve_forever, args=(0.01,))
        thread.start()
        yield stub
        door.shutdown()
        thread.join()


@pytest.fixture
def events() -> Iterator[Captured]:
    """Give what all loggers log, checked against the schema."""
    with capture() as captured:
        yield captured
