"""The tcp door takes lines however they come, and a bad one costs no other."""

import socket

import pytest

from mlmon.core.config import CollectorConfig
from mlmon.core.errors import StoreError
from mlmon.core.schema import Dataset
from mlmon.pipelines import deadletter
from mlmon.pipelines.deadletter import Folder, by_reason
from mlmon.pipelines.pipeline import Pipeline
from mlmon.pipelines.validate import Limits, Validator


@pytest.fixture
def names():
    """Give a function of a count, which lists the ids of the first lines."""
    return lambda count: sorted(f"producer-{number}" for number in range(count))


@pytest.mark.parametrize("piece", [1, 7, 100, 1 << 20])
def test_lines_may_be_cut_anywhere(collector, line_of, stored_ids, names, until, piece):
    """The network's cuts are not the sender's lines."""
    data = b"".join(line_of(number) + b"\n" for number in range(5))
    with collector.connect("tcp") as sender:
        sender.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(data), piece):
            sender.sendall(data[start : start + piece])
    until(lambda: stored_ids() == names(5))


def test_a_last_line_without_its_end_counts_when_the_sender_is_done(collector, line_of, stored_ids, until):
    """A sender that closes without a line end loses nothing; carriage returns and blank lines do no harm."""
    with collector.connect("tcp") as sender:
        sender.sendall(b"\r\n\n" + line_of(0) + b"\r\n" + line_of(1))
    until(lambda: stored_ids() == ["producer-0", "producer-1"])


def test_a_line_is_stored_while_the_connection_stays_open(collector, line_of, stored_ids, until):
    """Whole lines do not wait for the end of the connection."""
    with collector.connect("tcp") as sender:
        sender.sendall(line_of(0) + b"\n")
        until(lambda: stored_ids() == ["producer-0"])


def test_a_line_over_the_limit_goes_to_the_dead_letters(
    store, dead_folder, opened, line_of, stored_ids, until
):
    """Its beginning is kept with the reason, and the lines around it are stored."""
    config = CollectorConfig(http_port=None, tcp_port=0, beats_port=None, max_event_bytes=1000)
    pipeline = Pipeline(store, Folder(dead_folder), Validator(Limits(max_event_bytes=1000)))
    with opened(pipeline, config) as collector, collector.connect("tcp") as sender:
        sender.sendall(line_of(0) + b'\n{"message": "' + b"x" * 5_000_000 + b'"}\n' + line_of(1) + b"\n")
        until(lambda: stored_ids() == ["producer-0", "producer-1"])
    pipeline.close()
    (letter,) = deadletter.read(dead_folder)
    assert letter.reason == "too_large"
    assert letter.source.startswith("tcp 127.0.0.1:")
    assert len(letter.record) == 1001


def test_a_broken_line_costs_no_other(collector, line_of, stored_ids, dead_folder, until):
    """Garbage between two events is dead-lettered."""
    with collector.connect("tcp") as sender:
        sender.sendall(line_of(0) + b"\n\xff\xfe\n{cut\n" + line_of(1) + b"\n")
    until(lambda: stored_ids() == ["producer-0", "producer-1"])
    assert by_reason(dead_folder).total() == 2


def test_a_reset_connection_loses_only_the_line_it_cut(
    collector, line_of, stored_ids, names, dead_folder, until, reset
):
    """All lines that came whole before a reset are stored, and what there is of the cut one is kept."""
    sender = collector.connect("tcp")
    sender.sendall(b"".join(line_of(number) + b"\n" for number in range(2000)) + line_of(2000)[:50])
    reset(sender)
    until(lambda: stored_ids() == names(2000))
    until(lambda: [each.record for each in deadletter.read(dead_folder)] == [line_of(2000)[:50]])


def test_lines_of_other_tools_become_app_logs(collector, stored_ids, until):
    """Two equal lines without ids are two log lines."""
    with collector.connect("tcp") as sender:
        sender.sendall(b'{"level": "INFO", "message": "up"}\n' * 2)
    until(lambda: len(stored_ids(Dataset.APP)) == 2)


def test_a_store_that_fails_for_a_while_loses_nothing(writer, dead_folder, opened, line_of, until):
    """The sender cannot be told, so the door tries again until the store takes the lines."""
    writer.failures += [StoreError("The disk is full.")] * 3
    pipeline = Pipeline(writer, Folder(dead_folder))
    with opened(pipeline) as collector, collector.connect("tcp") as sender:
        sender.sendall(line_of(0) + b"\n" + line_of(1) + b"\n")
        until(lambda: writer.ids == ["producer-0", "producer-1"])
    pipeline.close()
