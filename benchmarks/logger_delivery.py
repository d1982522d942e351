"""Records delivered a second from a spool on disk, against python-logstash-async with its cache on disk."""

import logging
import multiprocessing
import socketserver
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import monotonic

import _record
from logstash_async.handler import AsynchronousLogstashHandler

from mlmon.logging_sdk import ModelLogger

NAME = "logger_delivery"
PEER = "python-logstash-async with a database on disk"
GOAL = 1 / 100

FORK = multiprocessing.get_context("fork")
OURS = 50_000
THEIRS = 600


class Counted:
    """How many lines came in, and how many are awaited; shared with the process of the sink."""

    def __init__(self, awaited: int) -> None:
        self.lines = FORK.Value("l", 0)
        self._awaited = awaited
        self._is_there = FORK.Event()

    def add(self, lines: int) -> None:
        """Count lines."""
        with self.lines.get_lock():
            self.lines.value += lines
        if self.lines.value >= self._awaited:
            self._is_there.set()

    def wait(self) -> None:
        """Wait for all of them, at most a minute."""
        assert self._is_there.wait(60), f"{self.lines.value} of {self._awaited} came"


def _http(counted: Counted) -> socketserver.TCPServer:
    class Door(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # as any server does that cares; else each answer waits 40 ms

        def do_POST(self) -> None:
            counted.add(self.rfile.read(int(self.headers["Content-Length"])).count(b"\n") + 1)
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002 - the base's name

    return ThreadingHTTPServer(("127.0.0.1", 0), Door)


def _tcp(counted: Counted) -> socketserver.TCPServer:
    class Door(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            for _ in self.rfile:
                counted.add(1)

    return socketserver.ThreadingTCPServer(("127.0.0.1", 0), Door)


@contextmanager
def _serving(door: socketserver.TCPServer) -> Iterator[int]:
    """Serve in a process of its own, which takes no turn from those that log; gives the port."""
    process = FORK.Process(target=door.serve_forever, daemon=True)
    process.start()
    try:
        yield int(door.socket.getsockname()[1])
    finally:
        process.kill()
        process.join()
        door.server_close()


def run() -> tuple[float, str]:
    """Log a burst by each, and wait until its sink has all of it."""
    with tempfile.TemporaryDirectory(prefix="mlmon-bench-") as name:
        ours_s = _ours(Path(name)) / OURS
        theirs_s = _theirs(Path(name)) / THEIRS
    note = f"{1 / ours_s:,.0f} records/s against {1 / theirs_s:,.0f}, from the first call to the last arrival"
    return ours_s / theirs_s, note


def _ours(folder: Path) -> float:
    counted = Counted(OURS)
    with (
        _serving(_http(counted)) as port,
        ModelLogger("flight-delay", ship=f"http://127.0.0.1:{port}", spool=folder / "ours") as log,
    ):
        started = monotonic()
        for _ in range(OURS):
            log.predicted(_record.FEATURES, **_record.PREDICTED)
        counted.wait()
        return monotonic() - started


def _theirs(folder: Path) -> float:
    counted = Counted(THEIRS)
    with _serving(_tcp(counted)) as port:
        handler = AsynchronousLogstashHandler("127.0.0.1", port, str(folder / "theirs.db"))
        logger = logging.Logger("theirs", logging.INFO)  # noqa: LOG001 - out of the tree, so none inherits
        logger.addHandler(handler)
        started = monotonic()
        for _ in range(THEIRS):
            logger.info("predicted", extra=_record.RECORD)
        counted.wait()
        taken = monotonic() - started
        handler.close()
    return taken
