"""Connections are bounded in number, in memory, and in how long they may keep a place for nothing."""

import contextlib
import http.client
import socket
import time

import msgspec
import pytest

from mlmon.core.config import CollectorConfig
from mlmon.pipelines.collector import gate, server

TIMEOUT_S = 60
PARTS = {
    "http": b"POST /v1/events HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{",
    "tcp": b'{"message": "',
    "beats": b"2W\x00\x00\x00\x01",
}


@pytest.fixture
def strict(pipeline, opened):
    """Give a collector that takes three connections and cuts who is slow after a second."""
    config = CollectorConfig(http_port=0, tcp_port=0, beats_port=0, max_connections=3, slow_after="1s")
    with opened(pipeline, config) as found:
        yield found


def status(collector, connection: http.client.HTTPConnection | None = None) -> dict:
    """Ask the http door for its counters, on a connection that stays open or one of its own."""
    host, port = collector.address("http")
    asking = connection or http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
    asking.request("GET", "/v1/status")
    found = msgspec.json.decode(asking.getresponse().read())
    if connection is None:
        asking.close()
    assert isinstance(found, dict)
    return found


def is_over(sender: socket.socket) -> bool:
    """Wait for the end of a connection."""
    try:
        while sender.recv(1000):
            pass
    except ConnectionResetError:
        return True
    return True


def test_one_connection_too_many_is_closed_at_once(strict, line_of, until):
    """At each door it hears nothing more, over http 503; who leaves makes room, and the rest is served."""
    host, port = strict.address("http")
    watcher = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
    senders = [strict.connect(door) for door in ("tcp", "beats")]
    until(lambda: status(strict, watcher)["connections"]["open"] == 3)
    for door in ("tcp", "beats"):
        with strict.connect(door) as late:
            assert is_over(late)
    with strict.connect("http") as late:
        assert late.recv(100).startswith(b"HTTP/1.1 503")
    assert status(strict, watcher)["connections"]["turned_away"] == 3
    senders.pop().close()
    until(lambda: status(strict, watcher)["connections"]["open"] == 2)
    with strict.connect("tcp") as sender:
        sender.sendall(line_of(1) + b"\n")
        until(lambda: status(strict, watcher)["stored"] == 1)
    watcher.close()
    senders.pop().close()


@pytest.mark.parametrize("door", ["tcp", "beats"])
def test_as_many_as_there_is_room_for_are_all_taken(strict, door, until):
    """However fast they follow each other: who has just been taken counts once, not twice."""
    host, port = strict.address("http")
    with contextlib.closing(http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)) as watcher:
        for _ in range(50):
            until(lambda: status(strict, watcher)["connections"]["open"] == 1)
            with strict.connect(door), strict.connect(door):
                until(lambda: status(strict, watcher)["connections"]["open"] == 3)
        assert status(strict, watcher)["connections"]["turned_away"] == 0


@pytest.mark.parametrize("door", ["http", "tcp", "beats"])
def test_a_sender_that_stops_amid_a_message_is_cut_off(strict, door):
    """At each door, within a few times the limit, and it is counted."""
    part = PARTS[door] if door != "beats" else PARTS[door] + b"2J\x00\x00\x00\x01\x00\x00"
    with strict.connect(door) as sender:
        sender.sendall(part)
        began = time.monotonic()
        assert is_over(sender)
        assert 0.9 <= time.monotonic() - began < 5
    assert status(strict)["connections"]["cut_slow"] == 1


def test_a_sender_that_trickles_is_cut_off(strict):
    """A byte now and then does not keep a place."""
    began = time.monotonic()
    with strict.connect("http") as sender:
        while time.monotonic() - began < TIMEOUT_S:
            try:
                sender.sendall(b"P")
            except OSError:
                return
            time.sleep(0.05)  # the trickle is what is tested
    pytest.fail("nobody cut it off")


@pytest.mark.parametrize("door", ["tcp", "beats"])
def test_a_sender_between_messages_stays(strict, door, line_of, until, pipeline):
    """Who has nothing to send is not slow."""
    whole = {
        "tcp": lambda it: it + b"\n",
        "beats": lambda it: b"2W\x00\x00\x00\x01" + b"2J" + bytes(3) + b"\x01" + len(it).to_bytes(4) + it,
    }[door]
    with strict.connect(door) as sender:
        sender.sendall(whole(line_of(1)))
        until(lambda: pipeline.counters().stored == 1)
        time.sleep(1.6)  # longer than the limit, by a whole look
        sender.sendall(whole(line_of(2)))
        until(lambda: pipeline.counters().stored == 2)


@pytest.fixture
def narrow(pipeline, opened, monkeypatch):
    """Give a collector that may hold 3,500 bytes of what is being received."""
    monkeypatch.setattr(server, "Gate", lambda **more: gate.Gate(most_bytes_receiving=3500, **more))
    with opened(pipeline) as found:
        yield found


def test_bodies_that_are_being_received_are_bounded(narrow, line_of, until):
    """Beyond the bound http answers 429, and who was there before is served."""
    head = b"POST /v1/events HTTP/1.1\r\nHost: a\r\nContent-Length: 3000\r\n\r\n"
    with narrow.connect("http") as first, narrow.connect("http") as second:
        first.sendall(head + b" " * 2000)
        until(lambda: status(narrow)["connections"]["bytes_receiving"] == 2000)
        second.sendall(head + b" " * 2000)
        assert second.recv(100).startswith(b"HTTP/1.1 429")
        first.sendall(b" " * (999 - len(line_of(2))) + b"\n" + line_of(2))
        assert first.recv(100).startswith(b"HTTP/1.1 200")
    until(lambda: status(narrow)["connections"]["bytes_receiving"] == 0)


def test_lines_that_find_no_room_wait(narrow, line_of, until, pipeline, stored_ids):
    """A connection is not read while another's line fills the room, and loses nothing by it."""
    with narrow.connect("tcp") as first:
        first.sendall(b'{"message": "' + b"x" * 4000)
        until(lambda: status(narrow)["connections"]["bytes_receiving"] > 3500)
        with narrow.connect("tcp") as second:
            second.sendall(line_of(1) + b"\n")
            until(lambda: status(narrow)["connections"]["open"] == 3)
            assert stored_ids() == []
            first.sendall(b'"}\n')
            until(lambda: pipeline.counters().stored == 2)
    assert stored_ids() == ["producer-1"]


def test_many_connections_at_once_are_all_served(collector, line_of, until, pipeline):
    """A hundred senders that connect together each get their answer."""
    senders = [collector.connect("tcp") for _ in range(100)]
    for number, sender in enumerate(senders):
        sender.sendall(line_of(number) + b"\n")
    until(lambda: pipeline.counters().stored == 100)
    assert status(collector)["connections"]["open"] == 101
    for sender in senders:
        sender.close()
    until(lambda: status(collector)["connections"]["open"] == 1)
