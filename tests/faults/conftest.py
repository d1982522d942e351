"""Real processes on loopback: models that log, a collector that is killed, a proxy that injects faults."""

import json
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from mlmon.core import schema, sequences
from mlmon.core.query import Scan
from mlmon.core.schema import Dataset
from mlmon.core.sequences import Runs
from mlmon.pipelines import deadletter, tally
from mlmon.stores.embedded import open_store

DEADLINE_S = 60
MODEL = """
import json, sys, time
from mlmon.logging_sdk import ModelLogger
asked = json.loads(sys.argv[1])
log = ModelLogger("m", ship=asked["ship"], spool=asked.get("spool", "memory"))
pause_s, is_told = asked.get("pause_s", 0.0), asked.get("is_told", False)
for index in range(asked["count"]):
    log.predicted({"x": 1.0}, value=index)
    # Not often: who gives the interpreter away for moments at a time starves its other threads.
    if is_told and (pause_s or index % 5_000 == 0):
        print(index, time.monotonic(), flush=True)
    if pause_s:
        time.sleep(pause_s)
is_all = log.close(asked.get("close_s", 40))
stats = log.stats()
print(json.dumps({
    "producer": log._outlet.producer.id, "emitted": stats.emitted, "dropped": stats.dropped,
    "queued": stats.queued, "adopted": stats.adopted, "is_all": is_all,
    "retries": stats.retries,
}), flush=True)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a model process said of itself at its end."""

    producer: str
    emitted: int
    dropped: dict[str, int]
    queued: int = 0
    adopted: int = 0
    is_all: bool = True
    retries: int = 0


def _environ(**more: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("MLMON_")} | more


class Process:
    """A model process."""

    def __init__(self, program: str, arguments: Sequence[str], prefix: Sequence[str] = ()) -> None:
        self.popen = subprocess.Popen(
            [*prefix, sys.executable, "-W", "ignore::DeprecationWarning", "-c", program, *arguments],
            stdout=subprocess.PIPE,
            text=True,
            env=_environ(),
        )

    def lines(self) -> Iterator[str]:
        """What it prints, line by line."""
        assert self.popen.stdout is not None
        return iter(self.popen.stdout)

    def told(self) -> list[Told]:
        """Wait for its end, which must be a good one, and give what it said."""
        printed, _ = self.popen.communicate(timeout=DEADLINE_S)
        assert self.popen.returncode == 0
        return [Told(**json.loads(line)) for line in printed.splitlines() if line.startswith("{")]

    def first_told(self) -> Told:
        """Wait for the first report, and let it run on."""
        return Told(**json.loads(next(line for line in self.lines() if line.startswith("{"))))

    def kill(self) -> list[str]:
        """Kill it, and give the whole lines that it had printed and nobody read."""
        self.popen.send_signal(signal.SIGKILL)
        rest, _ = self.popen.communicate()
        return rest.splitlines()[:-1] if rest and not rest.endswith("\n") else rest.splitlines()


class Collector:
    """A real `mlmon collect`, which keeps its ports over restarts."""

    def __init__(self, store: Path, *, prefix: Sequence[str] = ()) -> None:
        self.store = store
        self._prefix = prefix
        http, beats = _ports(2)
        self.http = f"http://127.0.0.1:{http}"
        self.beats = f"beats://127.0.0.1:{beats}"
        self._arguments = ["--http-port", str(http), "--tcp-port", "0", "--beats-port", str(beats)]
        self._popen: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it and wait until its doors are open."""
        assert self._popen is None
        program = "from mlmon.cli.main import main; main()"
        command = [*self._prefix, sys.executable, "-c", program, "collect", "--store", str(self.store)]
        self._popen = subprocess.Popen(
            [*command, *self._arguments], stdout=subprocess.PIPE, text=True, env=_environ()
        )
        assert self._popen.stdout is not None
        doors = [self._popen.stdout.readline().partition(" ")[0] for _ in range(3)]
        assert doors == ["http", "tcp", "beats"]

    def until_stored(self, number: int) -> None:
        """Wait until it has stored so many events since its start."""
        end = time.monotonic() + DEADLINE_S
        while self._stored() < number:
            assert time.monotonic() < end, "the events did not come"
            time.sleep(0.01)

    def _stored(self) -> int:
        with urllib.request.urlopen(f"{self.http}/v1/status", timeout=DEADLINE_S) as answer:
            return int(json.loads(answer.read())["stored"])

    def kill(self) -> None:
        """End it at once."""
        assert self._popen is not None
        self._popen.kill()
        self._popen.communicate()
        self._popen = None

    def stop(self) -> None:
        """End it in order."""
        assert self._popen is not None
        self._popen.terminate()
        self._popen.communicate(timeout=DEADLINE_S)
        assert self._popen.returncode == 0
        self._popen = None

    def end(self) -> None:
        """End it if it runs."""
        if self._popen is not None:
            self.kill()


def _ports(number: int) -> list[int]:
    """Free ports that no connection is given by the system, so that they stay free over a restart."""
    chance = random.Random()
    found: list[int] = []
    while len(found) < number:
        port = chance.randrange(15_000, 32_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            found.append(port)
    return found


class StubProxy:
    """Passes bytes on to a door, and injects faults: resets, lost answers and slowness.

    `resets` are how many bytes each of the first connections may send before it is reset. So many
    connections as `answers_lost` are reset when the door answers. A chunk of at most `chunk` bytes is passed
    on every `pause_s`.
    """

    def __init__(
        self,
        to: str,
        *,
        resets: Sequence[int] = (),
        answers_lost: int = 0,
        chunk: int = 1 << 16,
        pause_s: float = 0.0,
    ) -> None:
        scheme, _, address = to.partition("://")
        host, _, port = address.partition(":")
        self._target = (host, int(port))
        self._resets = list(resets)
        self._answers_lost = answers_lost
        self._chunk, self._pause_s = chunk, pause_s
        self.was_reset = 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"{scheme}://127.0.0.1:{self._listening.getsockname()[1]}"
        self._threads: list[threading.Thread] = []
        self._open: list[socket.socket] = []
        self._is_over = False
        self._spawn(self._accept)

    def _spawn(self, target: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._is_over:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self._target)
            except OSError:
                client.close()
                continue
            self._open += [client, server]
            budget = self._resets.pop(0) if self._resets else None
            self._spawn(self._forward, client, server, budget)
            self._spawn(self._back, server, client)

    def _forward(self, client: socket.socket, server: socket.socket, budget: int | None) -> None:
        passed = 0
        with suppress(OSError):
            while data := client.recv(self._chunk):
                if budget is not None and passed + len(data) > budget:
                    server.sendall(data[: budget - passed])
                    self.was_reset += 1
                    _reset(client)
                    _reset(server)
                    return
                passed += len(data)
                server.sendall(data)
                if self._pause_s:
                    time.sleep(self._pause_s)
        _shut(server)

    def _back(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(1 << 16):
                if self._answers_lost:
                    self._answers_lost -= 1
                    self.was_reset += 1
                    _reset(client)
                    _reset(server)
                    return
                client.sendall(data)
        _shut(client)

    def close(self) -> None:
        """Cut everything."""
        self._is_over = True
        _shut(self._listening)
        self._listening.close()
        for each in self._open:
            _shut(each)
        for thread in self._threads:
            thread.join(5)
        for each in self._open:
            each.close()


def _shut(each: socket.socket) -> None:
    with suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)


def _reset(each: socket.socket) -> None:
    """Reset a connection, as a router that lost its mind does; the other end sees no orderly end."""
    with suppress(OSError):
        each.shutdown(socket.SHUT_RD)  # wakes the thread that reads it, which would keep it open
        each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(each.detach())


@dataclass(kw_only=True)
class Ledger:
    """Which sequence numbers are stored and dead-lettered, by producer."""

    stored: dict[str, Runs] = field(default_factory=dict)
    lettered: dict[str, Runs] = field(default_factory=dict)
    documents: int = 0

    def of(self, producer: str) -> Runs:
        """What is known of a producer's events."""
        return sequences.union(self.stored.get(producer, ()), self.lettered.get(producer, ()))

    def check(self, *reports: Told) -> None:
        """Every event of each report is stored, dead-lettered or counted as dropped; nothing is left over.

        A record that a kill tore is counted by the process that adopts it, and was never whole.
        """
        for told in reports:
            known = self.of(told.producer)
            assert not known or known[-1][1] < told.emitted, "more than was emitted"
            missing = told.emitted - sequences.count(known)
            dropped = sum(told.dropped.values()) - told.dropped.get("spool_damaged", 0)
            assert missing == dropped + told.queued, (told, known[:20])


def _ledger(store: Path) -> Ledger:
    """Read a store and its dead letters; an event that is stored twice fails."""
    found: dict[str, list[int]] = {}
    ids: Counter[str] = Counter()
    reader = open_store(store, read_only=True)
    fields = (schema.EVENT_ID, schema.PRODUCER_ID, schema.EVENT_SEQUENCE)
    try:
        for dataset in (Dataset.INFERENCE, Dataset.APP, Dataset.OUTCOME):
            for batch in reader.scan(Scan(dataset=dataset, fields=fields, batch_size=50_000)):
                ids.update(row[schema.EVENT_ID] for row in batch)
                for row in batch:
                    found.setdefault(row[schema.PRODUCER_ID], []).append(row[schema.EVENT_SEQUENCE])
    finally:
        reader.close()
    assert ids.total() == len(ids), "an event is stored twice"
    letters = tally.tally(store / deadletter.FOLDER).producers
    return Ledger(
        stored={name: sequences.runs(numbers) for name, numbers in found.items()},
        lettered={name: account.waiting for name, account in letters.items()},
        documents=len(ids),
    )


@pytest.fixture
def ledger() -> Callable[[Path], Ledger]:
    """Give a function of a store's folder, which says what became of the events."""
    return _ledger


@pytest.fixture
def accounting() -> Callable[[Path], Counter[str]]:
    """Give a function of a store's folder, which asks `mlmon accounting` and adds up what it says."""

    def ask(store: Path) -> Counter[str]:
        program = "from mlmon.cli.main import main; main()"
        words = ["accounting", "--store", str(store), "--by", "producer", "--format", "json"]
        printed = subprocess.run(
            [sys.executable, "-c", program, *words],
            check=True,
            capture_output=True,
            timeout=DEADLINE_S,
            env=_environ(),
        ).stdout
        total: Counter[str] = Counter()
        for row in json.loads(printed):
            total.update({name: value for name, value in row.items() if isinstance(value, int)})
        return total

    return ask


@pytest.fixture
def model() -> Iterator[Callable[..., Process]]:
    """Give a function of options, which starts a model process that logs; what still runs is killed."""
    running: list[Process] = []

    def start(program: str = MODEL, *, prefix: Sequence[str] = (), **asked: Any) -> Process:
        asked = {name: str(value) if isinstance(value, Path) else value for name, value in asked.items()}
        running.append(Process(program, [json.dumps(asked)], prefix))
        return running[-1]

    yield start
    for process in running:
        if process.popen.poll() is None:
            process.kill()
        assert process.popen.stdout is not None
        process.popen.stdout.close()


@pytest.fixture
def make_collector(tmp_path) -> Iterator[Callable[..., Collector]]:
    """Give a function that makes a collector which is not started yet; it is ended with the test."""
    made: list[Collector] = []

    def make(store: Path | None = None, **more: Any) -> Collector:
        made.append(Collector(store or tmp_path / "store", **more))
        return made[-1]

    yield make
    for each in made:
        each.end()


@pytest.fixture
def collector(make_collector) -> Collector:
    """Give a collector that runs."""
    made: Collector = make_collector()
    made.start()
    return made


@pytest.fixture
def proxy() -> Iterator[Callable[..., StubProxy]]:
    """Give a function that puts a stub before a door, which injects faults."""
    made: list[StubProxy] = []

    def put(to: str, **faults: Any) -> StubProxy:
        made.append(StubProxy(to, **faults))
        return made[-1]

    yield put
    for each in made:
        each.close()
