"""The collector as a real process: what it asks of strangers, and how it ends under load."""

import http.client
import os
import signal
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import pytest
from pylogbeat import ConnectionException, PyLogBeatClient

from mlmon.core import schema
from mlmon.core.query import Scan
from mlmon.core.schema import Dataset
from mlmon.pipelines.collector.gate import MOST_BYTES_RECEIVING
from mlmon.stores.embedded import open_store

DEADLINE_S = 120
LOCKED = """
collector: {{http_port: 0, tcp_port: null, beats_port: null, require_keys: true, tls_cert: {server}}}
"""


@pytest.fixture
def collect(command, tmp_path) -> Iterator[Callable[..., tuple[subprocess.Popen[str], dict[str, str]]]]:
    """Give a function that starts a collector on free ports; gives the process and its addresses by door."""
    running = []

    def start(*arguments: str, doors: int = 3) -> tuple[subprocess.Popen[str], dict[str, str]]:
        process = subprocess.Popen(
            [*command, "collect", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env={name: value for name, value in os.environ.items() if not name.startswith("MLMON_")},
        )
        running.append(process)
        assert process.stdout is not None
        lines = [process.stdout.readline().split() for _ in range(doors)]
        return process, {line[0]: line[1] for line in lines}

    yield start
    for process in running:
        if process.poll() is None:
            process.kill()
        process.communicate()


FREE = ("--http-port", "0", "--tcp-port", "0", "--beats-port", "0")


@pytest.fixture
def stored_ids(tmp_path) -> Callable[[], list[str]]:
    """Give a function that reads the id of each inference in the store."""

    def read() -> list[str]:
        store = open_store(tmp_path / "mlmon-data", read_only=True)
        scan = Scan(dataset=Dataset.INFERENCE, fields=(schema.EVENT_ID,))
        found = [row[schema.EVENT_ID] for batch in store.scan(scan) for row in batch]
        store.close()
        return found

    return read


def line(number: int) -> bytes:
    """Make an inference."""
    return msgspec.json.encode(
        {
            schema.TIMESTAMP: "2013-03-01T00:00:00.000Z",
            schema.LOG_LEVEL: "info",
            schema.EVENT_ID: f"p-{number}",
            schema.EVENT_DATASET: str(Dataset.INFERENCE),
            schema.EVENT_OUTCOME: "success",
            schema.MODEL_NAME: "m",
            schema.INFERENCE_ID: f"i{number}",
        }
    )


def test_a_door_to_the_world_needs_a_decision(process, tmp_path):
    """Without one the collector does not start, and the message has every choice."""
    refused = process("collect", "--host", "0.0.0.0", cwd=tmp_path)  # noqa: S104 - nothing is bound
    assert refused.returncode == 2
    for choice in ("collector.tls_cert", "collector.allow_plaintext", "collector.host: 127.0.0.1"):
        assert choice in refused.stderr.replace("\n", " ")


def test_a_key_opens_a_locked_collector(collect, process, certificates, tmp_path, monkeypatch, stored_ids):
    """Over TLS a logger and the command line deliver with a key, and are told what to do without one."""
    from mlmon.core.errors import WireError
    from mlmon.logging_sdk import ModelLogger
    from mlmon.logging_sdk.transport import from_url

    (tmp_path / "locked.yaml").write_text(LOCKED.format(server=certificates.server))
    _, doors = collect("--config", "locked.yaml", doors=1)
    url = f"{doors['http']}?ca={certificates.ca}"
    transport = from_url(url)
    with pytest.raises(WireError, match="MLMON_LOG_KEY"):
        transport.send([line(0)])
    transport.close()
    (tmp_path / "truth.csv").write_text("id,label\ni0,late\n")
    load = ("outcomes", "load", "truth.csv", "--model", "m", "--ship", url)
    refused = process(*load, cwd=tmp_path)
    assert refused.returncode == 3
    assert "mlmon keys create" in refused.stderr
    made = process("keys", "create", "--namespace", "shop", cwd=tmp_path)
    (tmp_path / "key").write_text(made.stdout)
    monkeypatch.setenv("MLMON_LOG_KEY_FILE", str(tmp_path / "key"))
    _wait_until_let_in(url)
    log = ModelLogger("m", ship=url, spool="memory")
    log.predicted({"x": 1.0}, label="late")
    assert log.close()
    assert len(stored_ids()) == 2  # one to find out that the key is good


def _wait_until_let_in(url: str) -> None:
    from mlmon.core.errors import WireError
    from mlmon.logging_sdk.transport import from_url

    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        transport = from_url(url)
        try:
            transport.send([line(0)])
        except WireError:
            time.sleep(0.1)
        else:
            return
        finally:
            transport.close()
    pytest.fail("the key was not taken in time")


def by_http(url: str) -> Callable[[list[bytes]], bool]:
    """Give a function that posts a batch and says whether it was taken."""
    address = urlsplit(url)

    def deliver(lines: list[bytes]) -> bool:
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=DEADLINE_S)
        try:
            return _posted(connection, lines)
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    return deliver


def by_beats(url: str) -> Callable[[list[bytes]], bool]:
    """Give a function that sends a window and says whether it was acknowledged."""
    address = urlsplit(url)
    client = PyLogBeatClient(address.hostname, address.port, timeout=DEADLINE_S, use_logging=True)

    def deliver(lines: list[bytes]) -> bool:
        try:
            client.send(lines)
        except (OSError, ConnectionException, struct.error):
            client.close()
            return False
        return True

    return deliver


def test_a_stop_under_load_loses_nothing_that_was_acknowledged(collect, stored_ids):
    """Senders at http and Beats go on while it stops; after their retry each event is stored once."""
    process, doors = collect(*FREE)
    acknowledged: set[int] = set()
    unanswered: list[list[int]] = []

    def send(sender: int) -> None:
        deliver = (by_http if sender % 2 else by_beats)(doors["http" if sender % 2 else "beats"])
        for batch in range(10_000):
            numbers = [sender * 10_000_000 + batch * 100 + place for place in range(100)]
            if not deliver([line(number) for number in numbers]):
                unanswered.append(numbers)
                return
            acknowledged.update(numbers)

    senders = [threading.Thread(target=send, args=(number,)) for number in range(6)]
    for each in senders:
        each.start()
    deadline = time.monotonic() + DEADLINE_S
    while len(acknowledged) < 3000:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    assert process.wait(DEADLINE_S) == 0
    for each in senders:
        each.join(DEADLINE_S)
    found = stored_ids()
    assert len(found) == len(set(found))
    assert {f"p-{number}" for number in acknowledged} <= set(found)
    assert len(unanswered) == len(senders)
    deliver = by_http(collect(*FREE)[1]["http"])
    for numbers in unanswered:
        assert deliver([line(number) for number in numbers])
        acknowledged.update(numbers)
    assert sorted(stored_ids()) == sorted(f"p-{number}" for number in acknowledged)


def _posted(connection: http.client.HTTPConnection, lines: list[bytes]) -> bool:
    connection.request("POST", "/v1/events", b"\n".join(lines))
    answer = connection.getresponse()
    answer.read()
    return answer.status == 200


def test_memory_is_bounded_whatever_the_number_of_senders(collect):
    """Three hundred senders of half a large body each cost no more than what may be received at once."""
    process, doors = collect(*FREE)
    address = urlsplit(doors["http"])
    before = peak_bytes(process.pid)
    head = b"POST /v1/events HTTP/1.1\r\nHost: a\r\nContent-Length: 50000000\r\n\r\n"
    senders = []
    for _ in range(300):
        sender = socket.create_connection((address.hostname, address.port), timeout=DEADLINE_S)
        senders.append(sender)
        with suppress(OSError):  # it is turned away while it still sends
            sender.sendall(head + bytes(1 << 20))
    grown = peak_bytes(process.pid) - before
    for sender in senders:
        sender.close()
    assert by_http(doors["http"])([line(1)])
    assert grown < MOST_BYTES_RECEIVING + len(senders) * (256 << 10)


def peak_bytes(pid: int) -> int:
    """Read the most memory that a process has had."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024
