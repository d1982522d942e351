import json
import socket
import struct
import threading
import zlib

import pytest

from mlmon.logging_sdk import ModelLogger
from mlmon.logging_sdk.transport import RefusedError, UnavailableError, from_url


def test_http_posts_lines_over_one_connection(server):
    """Batches go as NDJSON, and the collector's answer says how many went to the dead letters."""
    server.answers = [
        (200, {}, b'{"dead_lettered": 1, "errors": [{"index": 0, "reason": "not_valid", "detail": "x"}]}')
    ]
    transport = from_url(server.url)
    receipt = transport.send([b'{"a":1}', b'{"a":2}'])
    assert (receipt.dead_lettered, receipt.detail) == (1, "not_valid: x")
    assert transport.send([b"{}"]).dead_lettered == 0
    assert server.lines == [b'{"a":1}', b'{"a":2}', b"{}"]
    transport.close()


def test_http_tells_later_from_never(server):
    """429 and 503 are sent again after Retry-After, 413 and other 4xx are refused with their status."""
    server.answers = [(503, {"Retry-After": "7"}, b""), (429, {}, b""), (413, {}, b""), (401, {}, b"key?")]
    transport = from_url(server.url)
    with pytest.raises(UnavailableError) as later:
        transport.send([b"{}"])
    assert later.value.retry_after_s == 7
    with pytest.raises(UnavailableError):
        transport.send([b"{}"])
    with pytest.raises(RefusedError) as large:
        transport.send([b"{}"])
    assert large.value.is_too_large
    with pytest.raises(RefusedError, match="key") as never:
        transport.send([b"{}"])
    assert never.value.reason == "http_401"
    transport.close()


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "tcp://127.0.0.1:1", "beats://127.0.0.1:1"])
def test_nobody_there_is_unavailable(url):
    """Each wire says that nobody answers in the one way that means: try again."""
    transport = from_url(url)
    with pytest.raises(UnavailableError, match=r"127\.0\.0\.1:1"):
        transport.send([b"{}"])
    transport.close()


def test_files_get_lines_and_are_opened_anew(tmp_path):
    """A file gets one line an event, also after another program has moved it away."""
    path = tmp_path / "logs" / "model.ndjson"
    transport = from_url(f"file://{path}")
    transport.send([b"1", b"2"])
    path.rename(tmp_path / "old")
    transport.send([b"3"])
    transport.close()
    assert (tmp_path / "old").read_bytes() == b"1\n2\n"
    assert path.read_bytes() == b"3\n"


def test_stdout_gets_lines(capsys):
    """Standard output gets one line of JSON an event, which is the default."""
    with ModelLogger("m") as log:
        log.info("hello")
    assert json.loads(capsys.readouterr().out)["message"] == "hello"


def _serve(answer, connections=1):
    """Start a server for some connections; gives its port, the thread, and a list for what it returns."""
    door = socket.create_server(("127.0.0.1", 0))
    got: list[bytes] = []

    def run() -> None:
        with door:
            for _ in range(connections):
                connection, _ = door.accept()
                with connection:
                    connection.settimeout(5)
                    answer(connection, got)

    thread = threading.Thread(target=run)
    thread.start()
    return door.getsockname()[1], thread, got


def test_tcp_sends_lines():
    """The tcp wire sends ended lines; what it sends is not acknowledged."""

    def read_all(connection: socket.socket, got: list[bytes]) -> None:
        while data := connection.recv(65536):
            got.append(data)

    port, thread, got = _serve(read_all, connections=2)  # the first asks whether anybody is there
    log = ModelLogger("m", ship=f"tcp://127.0.0.1:{port}")
    log.info("hello")
    assert log.close()
    thread.join(5)
    (line,) = b"".join(got).splitlines()
    assert json.loads(line)["message"] == "hello"
    assert (log.stats().sent, log.stats().acknowledged) == (1, 0)


def test_beats_waits_for_the_acknowledgement():
    """The Beats wire sends one window and counts it once its last number is acknowledged."""

    def acknowledge(connection: socket.socket, got: list[bytes]) -> None:
        stream = connection.makefile("rb")
        window = struct.unpack(">BBI", stream.read(6))[2]
        got.append(zlib.decompress(stream.read(struct.unpack(">BBI", stream.read(6))[2])))
        connection.sendall(struct.pack(">BBI", 0x32, 0x41, window))
        connection.recv(1)

    port, thread, got = _serve(acknowledge)
    log = ModelLogger("m", ship=f"beats://127.0.0.1:{port}")
    log.predicted({"x": 1.0}, label="late")
    assert log.close()
    thread.join(5)
    version, kind, number, length = struct.unpack(">BBII", got[0][:10])
    assert (version, kind, number) == (0x32, 0x4A, 1)
    assert json.loads(got[0][10 : 10 + length])["mlmon.prediction.label"] == "late"
    assert log.stats().acknowledged == 1
