"""The http door answers after the durable write, and says what became of each line."""

import gzip
import http.client
import threading
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from mlmon.core.config import CollectorConfig
from mlmon.core.errors import StoreError
from mlmon.pipelines.collector.bodies import MOST_LINES
from mlmon.pipelines.collector.http import EVENTS_PATH
from mlmon.pipelines.deadletter import Folder, by_reason
from mlmon.pipelines.pipeline import Pipeline

TIMEOUT_S = 60


class Answered(msgspec.Struct, kw_only=True):
    """An answer of the door."""

    status: int
    retry_after: str | None
    body: dict[str, Any]


def post(collector, body: bytes, headers: dict[str, str] | None = None, method: str = "POST") -> Answered:
    """Send one request on a connection of its own."""
    host, port = collector.address("http")
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
    try:
        connection.request(method, EVENTS_PATH, body, headers or {})
        answer = connection.getresponse()
        content = answer.read()
        return Answered(
            status=answer.status,
            retry_after=answer.getheader("Retry-After"),
            body=msgspec.json.decode(content)
            if answer.getheader("Content-Type") == "application/json"
            else {},
        )
    finally:
        connection.close()


@pytest.fixture
def three(line_of) -> list[bytes]:
    """Give three lines."""
    return [line_of(number) for number in range(3)]


@pytest.fixture
def small(store, dead_folder, opened):
    """Give a collector whose requests may have 10,000 bytes."""
    pipeline = Pipeline(store, Folder(dead_folder))
    config = CollectorConfig(http_port=0, tcp_port=None, beats_port=None, max_batch_bytes=10_000)
    with opened(pipeline, config) as found:
        yield found
    pipeline.close()


FORMS: dict[str, Callable[[list[bytes]], bytes]] = {
    "ndjson": b"\n".join,
    "ndjson with ends": lambda lines: b"".join(line + b"\r\n" for line in lines),
    "array": lambda lines: b" [" + b", ".join(lines) + b"]\n",
    "pretty array": lambda lines: msgspec.json.format(b"[" + b",".join(lines) + b"]"),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("encoding", [None, "gzip"])
def test_events_come_in_every_form(collector, three, stored_ids, form, encoding):
    """NDJSON and JSON arrays, plain or compressed, hold the same events."""
    body = form(three)
    headers = {"Content-Encoding": "gzip"} if encoding else {}
    answer = post(collector, gzip.compress(body) if encoding else body, headers)
    assert answer.status == 200
    assert answer.body == {
        "received": 3,
        "stored": 3,
        "duplicates": 0,
        "dead_lettered": 0,
        "wrong_namespace": 0,
        "errors": [],
    }
    assert stored_ids() == ["producer-0", "producer-1", "producer-2"]


@pytest.mark.parametrize("indent", [0, 2])
def test_one_object_is_one_event(collector, line_of, stored_ids, indent):
    """A single event may be printed over several lines."""
    answer = post(collector, msgspec.json.format(line_of(7), indent=indent) + b"\n")
    assert answer.body["stored"] == 1
    assert stored_ids() == ["producer-7"]


def test_joined_gzip_files_are_one_body(collector, three, stored_ids):
    """Members that follow each other are all read."""
    body = b"".join(gzip.compress(line + b"\n") for line in three)
    assert post(collector, body, {"Content-Encoding": "gzip"}).body["stored"] == 3
    assert len(stored_ids()) == 3


@pytest.mark.parametrize("body", [b"", b"\n \r\n", b"[]"])
def test_an_empty_body_holds_nothing(collector, body):
    """Nothing received is no error."""
    answer = post(collector, body)
    assert (answer.status, answer.body["received"]) == (200, 0)


def test_what_is_sent_again_is_a_duplicate(collector, three, stored_ids):
    """A sender that never saw its answer may repeat the request."""
    post(collector, b"\n".join(three))
    answer = post(collector, b"\n".join(three))
    assert (answer.body["stored"], answer.body["duplicates"]) == (0, 3)
    assert len(stored_ids()) == 3


def test_broken_lines_cost_no_other(collector, three, stored_ids, dead_folder):
    """The answer names each broken line by its place, and its neighbours are stored."""
    body = b"\n".join([three[0], b'{"message": "cut', three[1], b'{"message": "\xff"}', three[2]])
    answer = post(collector, body)
    assert (answer.status, answer.body["stored"], answer.body["dead_lettered"]) == (200, 3, 2)
    assert [(each["index"], each["reason"]) for each in answer.body["errors"]] == [
        (1, "not_json"),
        (3, "not_utf8"),
    ]
    assert all(each["detail"] for each in answer.body["errors"])
    assert len(stored_ids()) == 3
    assert by_reason(dead_folder) == {"not_json": 1, "not_utf8": 1}


def test_a_first_line_that_is_cut_costs_no_other(collector, three, stored_ids):
    """Looking for one object over several lines does not swallow the lines behind a broken one."""
    answer = post(collector, b"\n".join([b'{"message": "cut', *three]))
    assert (answer.body["stored"], answer.body["dead_lettered"]) == (3, 1)
    assert len(stored_ids()) == 3


def test_twenty_errors_are_shown_at_most(collector):
    """The count is whole where the list is not."""
    answer = post(collector, b"nothing\n" * 50)
    assert answer.body["dead_lettered"] == 50
    assert len(answer.body["errors"]) == 20


@pytest.mark.parametrize("body", [b"[1, 2", b'[{"a": 1}{"b": 2}]', b"[" * 5000])
def test_an_array_that_is_none_is_refused_as_a_whole(collector, body):
    """Where no line can be told from another, the answer is 400."""
    answer = post(collector, body)
    assert answer.status == 400
    assert "JSON array" in answer.body["error"]


@pytest.mark.parametrize("first", [b'[{"message": "cut', b"[1, 2", b"[INFO] started", b"["])
def test_a_first_line_that_begins_like_an_array_costs_no_other(collector, three, stored_ids, first):
    """A broken line is a dead letter wherever it stands, and its neighbours are stored."""
    answer = post(collector, b"\n".join([first, *three]))
    assert (answer.status, answer.body["stored"], answer.body["dead_lettered"]) == (200, 3, 1)
    assert len(stored_ids()) == 3


@pytest.mark.parametrize(
    "body",
    [b"[" + b"1," * 2_000_000 + b"1]", b"[" + b"{}," * 2_000_000 + b"{}]", b"\n" * 10 + b"1\n" * 900_000],
)
def test_a_body_of_a_great_many_tiny_values_is_refused(collector, body):
    """Each value would cost far more memory than its bytes, so they are counted before they are read."""
    assert post(collector, body).status == 413


def test_an_array_of_many_values_is_read(collector, line_of):
    """An array with more commas than the limit is looked at more closely, and taken."""
    lines = [line_of(number, labels={str(key): "" for key in range(60)}) for number in range(28_000)]
    answer = post(collector, b"[" + b",".join(lines) + b"]")
    assert answer.body["stored"] == 28_000


def test_an_unknown_encoding_is_refused(collector):
    """The answer names what is understood."""
    answer = post(collector, b"{}", {"Content-Encoding": "zstd"})
    assert answer.status == 415
    assert "gzip" in answer.body["error"]


@pytest.mark.parametrize("body", [b"no gzip", gzip.compress(b"{}" * 100)[:-9]])
def test_a_broken_gzip_body_is_refused(collector, body):
    """What cannot be unpacked to its end is refused as a whole."""
    answer = post(collector, body, {"Content-Encoding": "gzip"})
    assert answer.status == 400
    assert "gzip" in answer.body["error"]


def test_a_body_over_the_limit_is_refused(small, stored_ids, line_of):
    """The answer comes though the body is larger, and names the setting."""
    answer = post(small, line_of(0) + b"\n" + b" " * 15_000)
    assert answer.status == 413
    assert "collector.max_batch_bytes" in answer.body["error"]
    assert stored_ids() == []


def test_a_gzip_bomb_is_refused(small):
    """What would grow a thousandfold is unpacked no further than the limit."""
    bomb = gzip.compress(bytes(100_000_000))
    for body in (bomb, gzip.compress(b"{}\n" * 3000) + bomb):
        assert post(small, body, {"Content-Encoding": "gzip"}).status == 413


def test_a_request_of_too_many_lines_is_refused(collector):
    """Lines cost memory beside their bytes, so their number is bounded too."""
    answer = post(collector, b"x\n" * (MOST_LINES + 1))
    assert answer.status == 413
    assert str(MOST_LINES) in answer.body["error"]


def test_a_store_that_fails_is_503_with_a_time_to_come_back(writer, dead_folder, opened, line_of):
    """Nothing is acknowledged that is not durable."""
    writer.failures.append(StoreError("The disk is full."))
    pipeline = Pipeline(writer, Folder(dead_folder))
    with opened(pipeline) as collector:
        answer = post(collector, line_of(0))
        assert (answer.status, answer.retry_after) == (503, "1")
        assert "disk is full" in answer.body["error"]
        assert post(collector, line_of(0)).body["stored"] == 1
    pipeline.close()


def test_a_full_queue_is_429_with_a_time_to_come_back(writer, dead_folder, opened, line_of):
    """A sender that is turned away is told so at once, and who waits is answered."""
    writer.may_go.clear()
    pipeline = Pipeline(writer, Folder(dead_folder), most_bytes_waiting=1)
    with opened(pipeline) as collector:
        first: list[Answered] = []
        waiting = threading.Thread(target=lambda: first.append(post(collector, line_of(0))))
        waiting.start()
        assert writer.entered.wait(TIMEOUT_S)
        answer = post(collector, line_of(1))
        assert (answer.status, answer.retry_after) == (429, "1")
        writer.may_go.set()
        waiting.join(TIMEOUT_S)
        assert first[0].body["stored"] == 1
    pipeline.close()


def test_only_posts_are_taken(collector):
    """Another method is 405."""
    assert post(collector, b"", method="GET").status == 405


def test_counters_and_health_can_be_asked(collector, line_of):
    """Two more addresses tell a machine that the collector lives and what it did."""
    post(collector, line_of(0))
    host, port = collector.address("http")
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
    connection.request("GET", "/health")
    assert msgspec.json.decode(connection.getresponse().read()) == {"status": "ok"}
    connection.request("GET", "/v1/status")
    assert msgspec.json.decode(connection.getresponse().read())["stored"] == 1
    connection.close()


def test_a_sender_that_leaves_amid_its_request_stores_nothing(collector, line_of, stored_ids):
    """Half a request is none, and the door serves the next."""
    with collector.connect("http") as sender:
        sender.sendall(b"POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: 9999\r\n\r\n" % EVENTS_PATH.encode())
        sender.sendall(line_of(0) + b"\n")
    assert post(collector, line_of(1)).body["stored"] == 1
    assert stored_ids() == ["producer-1"]
