"""The Beats door acknowledges what is durable, and nothing else."""

import select
import socket
import struct
import zlib

import pytest
from pylogbeat import PyLogBeatClient

from mlmon.core.config import CollectorConfig
from mlmon.pipelines import deadletter
from mlmon.pipelines.collector import beats
from mlmon.pipelines.deadletter import Folder
from mlmon.pipelines.pipeline import Pipeline
from mlmon.pipelines.validate import Limits, Validator

TIMEOUT_S = 60
ACK_BYTES = 6


def window(size: int) -> bytes:
    """Announce so many records."""
    return b"2W" + struct.pack(">I", size)


def record(sequence: int, payload: bytes) -> bytes:
    """Make a record."""
    return b"2J" + struct.pack(">II", sequence, len(payload)) + payload


def acknowledged(sender: socket.socket) -> int:
    """Read one acknowledgement."""
    found = b""
    while len(found) < ACK_BYTES:
        part = sender.recv(ACK_BYTES - len(found))
        assert part, "the connection was closed"
        found += part
    assert found[:2] == b"2A"
    (sequence,) = struct.unpack(">I", found[2:])
    assert isinstance(sequence, int)
    return sequence


def is_silent(sender: socket.socket) -> bool:
    """Tell whether nothing has come."""
    return not select.select([sender], [], [], 0.1)[0]


def test_pylogbeats_client_is_acknowledged(collector, line_of, stored_ids):
    """The client of Beats for Python sends window after window, and each is durable when it returns."""
    host, port = collector.address("beats")
    with PyLogBeatClient(host, port, timeout=TIMEOUT_S, ssl_enable=False, use_logging=True) as client:
        client.send([line_of(0), line_of(1)])
        assert stored_ids() == ["producer-0", "producer-1"]
        client.send([line_of(number) for number in range(500)])
    assert len(stored_ids()) == 500


def test_no_acknowledgement_comes_before_the_durable_write(writer, dead_folder, opened, line_of):
    """While the store writes, the sender hears nothing; then it hears the last number."""
    writer.may_go.clear()
    pipeline = Pipeline(writer, Folder(dead_folder))
    with opened(pipeline) as collector, collector.connect("beats") as sender:
        sender.sendall(window(2) + record(1, line_of(1)) + record(2, line_of(2)))
        assert writer.entered.wait(TIMEOUT_S)
        assert is_silent(sender)
        writer.may_go.set()
        assert acknowledged(sender) == 2
        assert writer.ids == ["producer-1", "producer-2"]
    pipeline.close()


def test_a_sender_that_waits_long_gets_signs_of_life(writer, dead_folder, opened, line_of, monkeypatch):
    """Zeros come while the store writes, so that the sender does not give up."""
    monkeypatch.setattr(beats, "_ALIVE_S", 0.01)
    writer.may_go.clear()
    pipeline = Pipeline(writer, Folder(dead_folder))
    with opened(pipeline) as collector, collector.connect("beats") as sender:
        sender.sendall(window(1) + record(7, line_of(1)))
        assert acknowledged(sender) == 0
        assert writer.ids == []
        writer.may_go.set()
        while (number := acknowledged(sender)) == 0:
            pass
        assert number == 7
    pipeline.close()


def test_a_window_that_is_not_finished_at_the_end_is_not_stored(collector, line_of, stored_ids, pipeline):
    """The sender has heard nothing, so it will send all of it again."""
    with collector.connect("beats") as sender:
        sender.sendall(window(3) + record(1, line_of(1)) + record(2, line_of(2)))
        sender.shutdown(socket.SHUT_WR)
        assert sender.recv(1) == b""
    assert pipeline.counters().received == 0
    assert stored_ids() == []


def test_a_sender_that_pauses_within_its_window_hears_what_is_durable(collector, line_of, stored_ids):
    """Who announces more than it sends is told of the part, and then of the rest."""
    with collector.connect("beats") as sender:
        sender.sendall(window(3) + record(1, line_of(1)) + record(2, line_of(2)))
        assert acknowledged(sender) == 2
        assert stored_ids() == ["producer-1", "producer-2"]
        sender.sendall(record(3, line_of(3)))
        assert acknowledged(sender) == 3
    assert len(stored_ids()) == 3


@pytest.mark.parametrize("announced", [b"", window(0), window(1)])
def test_records_beyond_their_window_are_taken_one_by_one(collector, line_of, stored_ids, announced):
    """A window of none, or none at all, does not make records wait."""
    with collector.connect("beats") as sender:
        sender.sendall(announced + record(1, line_of(1)) + record(2, line_of(2)))
        assert [acknowledged(sender), acknowledged(sender)] == [1, 2]
    assert stored_ids() == ["producer-1", "producer-2"]


def test_a_window_that_came_before_a_reset_is_stored(collector, line_of, stored_ids, until, reset):
    """A reset amid a frame costs that window alone, which nobody was told is durable."""
    sender = collector.connect("beats")
    whole = b"".join(record(number, line_of(number)) for number in range(1, 101))
    cut = window(2) + record(1, line_of(200)) + record(2, line_of(201))[:-5]
    sender.sendall(window(100) + whole + cut)
    reset(sender)
    until(lambda: len(stored_ids()) == 100)
    with collector.connect("beats") as again:
        again.sendall(window(1) + record(1, line_of(200)))
        assert acknowledged(again) == 1
    assert len(stored_ids()) == 101


def test_a_large_window_is_acknowledged_in_parts(collector, line_of, stored_ids, monkeypatch):
    """A window that would take much memory is written as it comes."""
    monkeypatch.setattr(beats, "_MOST_BYTES_OPEN", 1000)
    with collector.connect("beats") as sender:
        sender.sendall(window(50) + b"".join(record(n, line_of(n)) for n in range(1, 51)))
        numbers = [acknowledged(sender)]
        while numbers[-1] < 50:
            numbers.append(acknowledged(sender))
    assert len(numbers) > 5
    assert numbers == sorted(numbers)
    assert len(stored_ids()) == 50


def test_what_is_no_beats_ends_the_connection_and_no_other(collector, line_of, caplog):
    """A sender that speaks something else is cut off, and the log says why."""
    with collector.connect("beats") as good, collector.connect("beats") as bad:
        bad.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert bad.recv(1) == b""
        good.sendall(window(1) + record(1, line_of(1)))
        assert acknowledged(good) == 1
    assert "not the Beats protocol" in caplog.text


def test_a_bomb_ends_the_connection(collector, caplog):
    """A compressed frame over the limit is not unpacked."""
    packed = zlib.compress(bytes(80 << 20))
    with collector.connect("beats") as sender:
        sender.sendall(b"2C" + struct.pack(">I", len(packed)) + packed)
        assert sender.recv(1) == b""
    assert "collector.max_batch_bytes" in caplog.text


def test_a_bad_record_is_dead_lettered_and_acknowledged(store, dead_folder, opened, line_of, stored_ids):
    """What is kept with its reason is durable too; sending it again would not help."""
    pipeline = Pipeline(store, Folder(dead_folder), Validator(Limits(max_event_bytes=1000)))
    config = CollectorConfig(http_port=None, tcp_port=None, beats_port=0, max_event_bytes=1000)
    with opened(pipeline, config) as collector, collector.connect("beats") as sender:
        sender.sendall(window(3) + record(1, b"{cut") + record(2, b"x" * 5000) + record(3, line_of(3)))
        assert acknowledged(sender) == 3
        assert stored_ids() == ["producer-3"]
    pipeline.close()
    assert [(each.reason, len(each.record)) for each in deadletter.read(dead_folder)] == [
        ("not_json", 4),
        ("too_large", 1001),
    ]


def test_a_compressed_frame_beyond_its_window_is_taken_in_bounds(collector, line_of, stored_ids):
    """Records that nobody announced are written as they come, also those of one compressed frame."""
    packed = zlib.compress(b"".join(record(number, line_of(number)) for number in range(1, 41)))
    with collector.connect("beats") as sender:
        sender.sendall(window(1) + b"2C" + struct.pack(">I", len(packed)) + packed)
        assert [acknowledged(sender) for _ in range(40)] == list(range(1, 41))
    assert len(stored_ids()) == 40
