"""Doors open together or not at all, and close without losing what was taken."""

import http.client
import socket
import struct
import threading
import time

import msgspec
import pytest

from mlmon.core.config import CollectorConfig
from mlmon.core.errors import WireError
from mlmon.pipelines.collector.http import EVENTS_PATH
from mlmon.pipelines.deadletter import Folder
from mlmon.pipelines.pipeline import Pipeline

TIMEOUT_S = 60


@pytest.mark.parametrize("setting", ["http_port", "tcp_port", "beats_port"])
def test_a_port_in_use_is_named(pipeline, opened, setting):
    """The error has the port, the setting and what to do, and no other door stays open."""
    free = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
    names = ("http_port", "tcp_port", "beats_port")
    ports = {name: each.getsockname()[1] for name, each in zip(names, free, strict=True)}
    for name, each in zip(names, free, strict=True):
        if name != setting:
            each.close()
    with (
        pytest.raises(WireError, match=rf"Port {ports[setting]} .*collector\.{setting}"),
        opened(pipeline, CollectorConfig(**ports)),
    ):
        pass
    for each in free:
        each.close()
    for port in ports.values():
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S)


def test_a_host_that_is_not_here_is_a_wire_error(pipeline, opened):
    """An address of another machine cannot be listened on, and the error says which setting has it."""
    config = CollectorConfig(
        host="192.0.2.1",
        http_port=0,
        tcp_port=None,
        beats_port=None,
        allow_plaintext=True,
        require_keys=False,
    )
    with pytest.raises(WireError, match=r"192\.0\.2\.1.*collector\.host"), opened(pipeline, config):
        pass


def test_a_door_without_a_port_stays_closed(pipeline, opened):
    """Null closes a door; the others open."""
    with opened(pipeline, CollectorConfig(http_port=None, tcp_port=0, beats_port=None)) as collector:
        assert collector.doors.http is None
        assert collector.doors.beats is None
        assert collector.address("tcp")[1] > 0


def test_doors_listen_on_ipv6_too(pipeline, opened, line_of):
    """An address with colons is put into brackets in the URL."""
    config = CollectorConfig(host="::1", http_port=0, tcp_port=0, beats_port=0)
    with opened(pipeline, config) as collector:
        assert collector.doors.http.startswith("http://[::1]:")
        assert post(collector, line_of(0))["stored"] == 1


def test_small_requests_on_one_connection_are_answered_at_once(collector, line_of):
    """An answer does not wait for the sender's delayed ACK, which comes after 40 ms."""
    host, port = collector.address("http")
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
    taken_s = []
    for number in range(15):
        started = time.perf_counter()
        connection.request("POST", EVENTS_PATH, line_of(number))
        assert connection.getresponse().read()
        taken_s.append(time.perf_counter() - started)
    connection.close()
    assert min(taken_s[1:]) < 0.03, taken_s


def test_a_stop_with_requests_in_flight_loses_nothing(writer, dead_folder, opened, line_of):
    """Whoever was being served is answered after the durable write, at each door."""
    writer.may_go.clear()
    pipeline = Pipeline(writer, Folder(dead_folder))
    answers: list[dict] = []
    with opened(pipeline) as collector:
        posting = threading.Thread(target=lambda: answers.append(post(collector, line_of(1))))
        posting.start()
        assert writer.entered.wait(TIMEOUT_S)
        with collector.connect("tcp") as tcp, collector.connect("beats") as beats:
            tcp.sendall(line_of(2) + b"\n")
            payload = line_of(3)
            beats.sendall(struct.pack(">2sI2sII", b"2W", 1, b"2J", 9, len(payload)) + payload)
            wait_for_bytes(pipeline, 3 * len(payload))
            stopping = threading.Thread(target=collector.stop)
            stopping.start()
            assert wait_until_refused(collector.address("tcp"))
            assert answers == []
            writer.may_go.set()
            assert beats.recv(100) == b"2A" + struct.pack(">I", 9)
            assert tcp.recv(1) == b""
        stopping.join(TIMEOUT_S)
        posting.join(TIMEOUT_S)
    pipeline.close()
    assert [found["stored"] for found in answers] == [1]
    assert sorted(writer.ids) == ["producer-1", "producer-2", "producer-3"]


def test_a_stop_takes_what_a_sender_had_sent(pipeline, opened, line_of, stored_ids):
    """What was received on a connection that stays open is stored at the stop, with its last line."""
    with opened(pipeline) as collector, collector.connect("tcp") as sender:
        sender.sendall(line_of(1) + b"\n")
        wait_for_bytes(pipeline, 1, is_done=lambda: pipeline.counters().stored == 1)
        sender.sendall(line_of(2))
        assert post(collector, line_of(3))["stored"] == 1
        collector.stop()
    assert stored_ids() == ["producer-1", "producer-2", "producer-3"]


def wait_for_bytes(pipeline: Pipeline, count: int, is_done=None) -> None:
    """Wait until so many bytes were taken and wait for the store."""
    done = is_done or (lambda: pipeline.counters().bytes_waiting >= count)
    pause = threading.Event()
    for _ in range(1000):
        if done():
            return
        pause.wait(0.01)
    pytest.fail("nothing came in time")


def wait_until_refused(address: tuple[str, int]) -> bool:
    """Wait until a door takes no more connections."""
    pause = threading.Event()
    for _ in range(1000):
        try:
            socket.create_connection(address, timeout=TIMEOUT_S).close()
        except OSError:
            return True
        pause.wait(0.01)
    return False


def post(collector, body: bytes) -> dict:
    """Send one request."""
    host, port = collector.address("http")
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
    connection.request("POST", EVENTS_PATH, body)
    answer = msgspec.json.decode(connection.getresponse().read())
    connection.close()
    return answer
