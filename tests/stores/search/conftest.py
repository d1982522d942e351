"""A stub of a cluster that fails as told, and connections to it and to real ones."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from mlmon.core import schema
from mlmon.core.event import Event, encode
from mlmon.stores.search.access import Access
from mlmon.stores.search.connection import Http


@dataclass(slots=True)
class StubCluster:
    """Keeps documents by id; `faults` are answered first, one a request: a status, or a status an item."""

    faults: list[object] = field(default_factory=list)
    documents: dict[str, bytes] = field(default_factory=dict)
    requests: list[int] = field(default_factory=list)
    """How many documents each request had."""
    paths: list[str] = field(default_factory=list)
    looks: list[str] = field(default_factory=list)
    """The paths of requests that only read; there is nothing to see here."""
    lock: threading.Lock = field(default_factory=threading.Lock)
    url: str = ""

    def answer(self, path: str, body: bytes) -> tuple[int, bytes] | None:
        """Give status and body; None where the connection is to be cut after the work is done."""
        rows = body.split(b"\n")[:-1]
        pairs = list(zip(rows[::2], rows[1::2], strict=True))
        with self.lock:
            self.requests.append(len(pairs))
            self.paths.append(path)
            fault = self.faults.pop(0) if self.faults else None
            if isinstance(fault, int):
                reason = {"type": "stub", "reason": f"the stub says {fault}"}
                return fault, json.dumps({"error": reason, "status": fault}).encode()
            items = [self._item(action, source, fault) for action, source in pairs]
        if fault == "cut":
            return None
        has_errors = any("error" in item["create"] for item in items)
        return 200, json.dumps({"errors": has_errors, "items": items}).encode()

    def _item(self, action: bytes, source: bytes, fault: object) -> dict:
        name = json.loads(action)["create"]["_id"]
        status = fault(name, source) if callable(fault) else 201
        if status == 201 and name in self.documents:
            status = 409
        if status == 201:
            self.documents[name] = source
            return {"create": {"status": 201}}
        return {"create": {"status": status, "error": {"type": "stub", "reason": f"{name}: {status}"}}}


@pytest.fixture
def stub() -> Iterator[StubCluster]:
    """Give a stub that listens on the loopback."""
    cluster = StubCluster()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            cluster.looks.append(self.path)
            self.send_response(404)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            answered = cluster.answer(self.path, body)
            if answered is None:
                self.close_connection = True
                return
            status, text = answered
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        cluster.url = f"elasticsearch://127.0.0.1:{server.server_address[1]}"
        yield cluster
        server.shutdown()
        thread.join()


@pytest.fixture
def connect() -> Iterator[Callable[..., Http]]:
    """Give a function that connects to an address; all connections are closed at the end."""
    made: list[Http] = []

    def open_one(url: str, **access: Any) -> Http:
        made.append(Http(Access(url=url, **access)))
        return made[-1]

    yield open_one
    for each in made:
        each.close()


@pytest.fixture
def inference() -> Callable[..., Event]:
    """Give a function that makes an inference of an id."""

    def make(name: str, **fields: object) -> Event:
        return encode(
            {
                schema.TIMESTAMP: "2013-03-01T00:00:00Z",
                schema.LOG_LEVEL: "info",
                schema.EVENT_ID: name,
                schema.EVENT_DATASET: str(schema.Dataset.INFERENCE),
                schema.EVENT_OUTCOME: "success",
                schema.MODEL_NAME: "flights",
                schema.INFERENCE_ID: name,
                **fields,
            }
        )

    return make
