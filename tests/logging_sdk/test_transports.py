import json
import socket
import ssl
import struct
import threading
import zlib

import pytest

from mlmon.core.errors import UsageError
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
    server.answers = [(503, {"Retry-After": "7"}, b""), (429, {}, b""), (413, {}, b""), (404, {}, b"path?")]
    transport = from_url(server.url)
    with pytest.raises(UnavailableError) as later:
        transport.send([b"{}"])
    assert later.value.retry_after_s == 7
    with pytest.raises(UnavailableError):
        transport.send([b"{}"])
    with pytest.raises(RefusedError) as large:
        transport.send([b"{}"])
    assert large.value.is_too_large
    with pytest.raises(RefusedError, match="path") as never:
        transport.send([b"{}"])
    assert never.value.reason == "http_404"
    transport.close()


@pytest.mark.parametrize("status", [401, 403])
def test_a_service_that_is_not_let_in_comes_again_slowly(server, status, monkeypatch):
    """Somebody can give it another key, so nothing is dropped; what to do is said, and no key is."""
    monkeypatch.setenv("MLMON_LOG_KEY", "mlmon_1_secret")
    server.answers = [(status, {}, b'{"error": "The key was revoked."}')]
    transport = from_url(server.url)
    with pytest.raises(UnavailableError, match=r"The key was revoked\..*MLMON_LOG_KEY_FILE") as told:
        transport.send([b"{}"])
    assert told.value.retry_after_s == 30
    assert "secret" not in f"{told.value} {told.value!r} {transport!r}"
    monkeypatch.setenv("MLMON_LOG_KEY", "mlmon_2_other")
    transport.send([b"{}"])
    assert server.keys == ["ApiKey mlmon_1_secret", "ApiKey mlmon_2_other"]
    transport.close()


def test_events_of_another_namespace_are_told(server):
    """What the collector kept nowhere is told apart from what it took."""
    server.answers = [
        (
            200,
            {},
            b'{"stored": 1, "wrong_namespace": 2, "errors": [{"reason": "wrong_namespace", "detail": "x"}]}',
        )
    ]
    transport = from_url(server.url)
    receipt = transport.send([b"{}"] * 3)
    assert (receipt.refused, receipt.detail) == (2, "wrong_namespace: x")
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


def _serve(answer, connections=1, host="127.0.0.1"):
    """Start a server for some connections; gives its port, the thread, and a list for what it returns."""
    door = socket.create_server((host, 0))
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

    port, thread, got = _serve(read_all)
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


def _take_one_window(connection: socket.socket, got: list[bytes]) -> None:
    """Acknowledge one window of Beats, and end the connection."""
    stream = connection.makefile("rb")
    window = struct.unpack(">BBI", stream.read(6))[2]
    got.append(zlib.decompress(stream.read(struct.unpack(">BBI", stream.read(6))[2])))
    connection.sendall(struct.pack(">BBI", 0x32, 0x41, window))


def test_beats_connects_again_after_a_silence():
    """A connection that the other side ended while nothing was sent is replaced, and nobody is told."""
    port, thread, got = _serve(_take_one_window, connections=2)
    transport = from_url(f"beats://127.0.0.1:{port}")
    transport.send([b'{"number": 1}'])
    transport.send([b'{"number": 2}'])
    transport.close()
    thread.join(5)
    assert [json.loads(frame[10:])["number"] for frame in got] == [1, 2]


def test_beats_tells_of_a_server_that_ends_what_is_new():
    """A connection that is ended before it took anything is a failure, and is not tried for ever."""
    port, thread, _ = _serve(lambda *_: None)
    transport = from_url(f"beats://127.0.0.1:{port}")
    with pytest.raises(UnavailableError, match="gave no acknowledgement"):
        transport.send([b"{}"])
    thread.join(5)


def _tls_echo(certificates, *, needs_client=False, host="127.0.0.1"):
    """Start a server with a certificate; gives its port, the thread, and what it has read."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates.server)
    if needs_client:
        context.load_verify_locations(certificates.ca)
        context.verify_mode = ssl.CERT_REQUIRED

    def answer(connection: socket.socket, got: list[bytes]) -> None:
        try:
            with context.wrap_socket(connection, server_side=True) as speaking:
                while data := speaking.recv(65536):
                    got.append(data)
        except OSError as error:
            got.append(repr(error).encode())

    return _serve(answer, host=host)


@pytest.mark.parametrize("scheme", ["https", "tcp+tls", "beats+tls"])
@pytest.mark.parametrize(("host", "ca"), [("127.0.0.1", "other_ca"), ("127.0.0.2", "ca")])
def test_a_certificate_that_is_not_trusted_is_named(certificates, scheme, host, ca):
    """A wrong authority and a wrong host are told on each wire, with what to do, and nothing is sent."""
    port, thread, got = _tls_echo(certificates, host=host)
    transport = from_url(f"{scheme}://{host}:{port}?ca={getattr(certificates, ca)}")
    with pytest.raises(UnavailableError, match=r"not trusted.*SSL_CERT_FILE"):
        transport.send([b"{}"])
    transport.close()
    thread.join(5)
    assert b"{}" not in b"".join(got)


def test_a_certificate_of_ours_is_shown(certificates):
    """A server that asks for a certificate gets the one that the URL names."""
    port, thread, got = _tls_echo(certificates, needs_client=True)
    transport = from_url(f"tcp+tls://127.0.0.1:{port}?ca={certificates.ca}&cert={certificates.client}")
    transport.send([b"{}"])
    transport.close()
    thread.join(5)
    assert b"".join(got) == b"{}\n"


def test_files_of_tls_that_are_no_good_are_named(certificates, tmp_path):
    """A file that is missing is told when the logger is made."""
    missing = tmp_path / "missing.pem"
    for options in (f"ca={missing}", f"ca={certificates.ca}&cert={missing}"):
        for scheme in ("https", "tcp+tls", "beats+tls"):
            with pytest.raises(UsageError, match=r"missing\.pem.*No such file"):
                from_url(f"{scheme}://127.0.0.1:1?{options}")
