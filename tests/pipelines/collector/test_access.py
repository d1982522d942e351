"""Whoever shows a key writes to its namespace, and whoever shows none is told and counted."""

import http.client
import socket
import ssl
from typing import Any

import msgspec
import pytest

from mlmon.core import schema
from mlmon.core.config import CollectorConfig
from mlmon.core.query import Scan
from mlmon.core.schema import Dataset
from mlmon.pipelines import keys
from mlmon.pipelines.collector.access import Access
from mlmon.pipelines.collector.http import EVENTS_PATH
from mlmon.pipelines.keys import Keyring, RefusedKeyError

TIMEOUT_S = 60


@pytest.fixture
def key_file(tmp_path):
    """Give the file of the keys."""
    return tmp_path / keys.FILE


@pytest.fixture
def locked(pipeline, opened, key_file):
    """Give a collector whose http door asks for a key; the others are closed."""
    config = CollectorConfig(http_port=0, tcp_port=None, beats_port=None, require_keys=True)
    with opened(pipeline, config, keys=key_file) as found:
        yield found


def ask(collector, path: str, authorization: str | None = None, body: bytes | None = None) -> Any:
    """Ask the http door; gives status, headers and what it said."""
    host, port = collector.address("http")
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
    headers = {} if authorization is None else {"Authorization": authorization}
    connection.request("GET" if body is None else "POST", path, body, headers)
    answer = connection.getresponse()
    said = msgspec.json.decode(answer.read())
    connection.close()
    return answer.status, answer.headers, said


def namespaces(store) -> dict[str, str]:
    """Read back the namespace of each event."""
    scan = Scan(dataset=Dataset.INFERENCE, fields=(schema.EVENT_ID, schema.NAMESPACE))
    return {row[schema.EVENT_ID]: row[schema.NAMESPACE] for batch in store.scan(scan) for row in batch}


@pytest.mark.parametrize("scheme", ["ApiKey", "Bearer", "bearer"])
def test_a_key_lets_events_into_its_namespace(locked, key_file, store, line_of, until, scheme):
    """A key that was made while the collector runs is taken, and its events carry its namespace."""
    _, shown = keys.create(key_file, namespace="shop")
    until(lambda: ask(locked, EVENTS_PATH, f"{scheme} {shown}", b"")[0] == 200)
    assert ask(locked, EVENTS_PATH, f"{scheme} {shown}", line_of(1))[2]["stored"] == 1
    assert namespaces(store) == {"producer-1": "shop"}


def test_who_shows_no_good_key_is_refused_and_counted(locked, key_file, stored_ids, line_of, until, caplog):
    """The answer is 401 with what to do; nothing is stored, and the log says it once."""
    made, shown = keys.create(key_file, namespace="shop")
    until(lambda: ask(locked, "/v1/status", f"ApiKey {shown}")[0] == 200)
    for authorization in (None, "Basic dTpw", "ApiKey mlmon_1_2", f"ApiKey {shown}0"):
        status, headers, said = ask(locked, EVENTS_PATH, authorization, line_of(1))
        assert status == 401
        assert headers["WWW-Authenticate"].startswith("ApiKey")
        assert "mlmon keys create" in said["error"]
    assert ask(locked, "/v1/status")[0] == 401
    assert ask(locked, "/health")[0] == 200
    refused = ask(locked, "/v1/status", f"ApiKey {shown}")[2]["refused_keys"]
    assert refused["missing"] == 3
    assert refused["unknown"] >= 2
    keys.revoke(key_file, made.id)
    until(lambda: ask(locked, "/v1/status", f"ApiKey {shown}")[2].get("reason") == keys.REVOKED)
    assert stored_ids() == []
    assert caplog.text.count("is not let in") == 1
    assert shown not in caplog.text


def test_another_namespace_is_refused(locked, key_file, store, line_of, until):
    """Among others an event of another namespace is left out and told; alone it is 403, to be kept."""
    _, shown = keys.create(key_file, namespace="shop")
    until(lambda: ask(locked, "/v1/status", f"ApiKey {shown}")[0] == 200)
    wrong = line_of(2, **{schema.NAMESPACE: "bank"})
    status, _, said = ask(locked, EVENTS_PATH, f"ApiKey {shown}", line_of(1) + b"\n" + wrong)
    assert (status, said["stored"], said["wrong_namespace"], said["dead_lettered"]) == (200, 1, 1, 0)
    assert said["errors"][0]["reason"] == "wrong_namespace"
    status, _, said = ask(locked, EVENTS_PATH, f"ApiKey {shown}", wrong)
    assert (status, said["wrong_namespace"]) == (403, 1)
    assert "'bank'" in said["error"]
    assert namespaces(store) == {"producer-1": "shop"}
    assert ask(locked, "/v1/status", f"ApiKey {shown}")[2]["wrong_namespace"] == 2


def test_a_refusal_is_said_once_a_minute(key_file, caplog):
    """Strangers cannot fill the log, and the next time it says how many there were."""
    now = [0.0]
    access = Access(Keyring(key_file), monotonic=lambda: now[0])
    for _ in range(5):
        with pytest.raises(RefusedKeyError):
            access.admit(None, "192.0.2.7:1")
    now[0] = 60.0
    with pytest.raises(RefusedKeyError):
        access.admit("ApiKey x", "192.0.2.7:1")
    assert [record.getMessage().split()[-1] for record in caplog.records] == ["1.", "5."]
    assert access.refused == {"missing": 5, "unknown": 1}


@pytest.fixture
def secured(pipeline, opened, certificates):
    """Give a collector whose doors speak TLS and ask for a certificate."""
    config = CollectorConfig(
        http_port=0,
        tcp_port=0,
        beats_port=0,
        tls_cert=certificates.server,
        tls_client_ca=certificates.ca,
        max_connections=20,
    )
    with opened(pipeline, config) as found:
        yield found


@pytest.mark.parametrize("door", ["http", "tcp", "beats"])
def test_each_door_speaks_tls(secured, certificates, door, pipeline, until):
    """Our own logger delivers over each, with a certificate that the door asks for."""
    from mlmon.logging_sdk import ModelLogger

    url = f"{getattr(secured.doors, door)}?ca={certificates.ca}&cert={certificates.client}"
    assert url.startswith({"http": "https://", "tcp": "tcp+tls://", "beats": "beats+tls://"}[door])
    log = ModelLogger("flights", ship=url, spool="memory")
    for _ in range(3000):
        log.predicted({"temp": 1.0}, label="late")
    assert log.close()
    until(lambda: pipeline.counters().stored >= 3000)


@pytest.mark.parametrize("door", ["http", "tcp", "beats"])
def test_who_shows_no_certificate_is_not_let_in(secured, certificates, door, pipeline, line_of):
    """A client without one, and one in plain text, are closed, and nothing of theirs is stored."""
    context = ssl.create_default_context(cafile=certificates.ca)
    with context.wrap_socket(secured.connect(door), server_hostname="127.0.0.1") as bare:
        assert _ends(bare, line_of(1) + b"\n")
    with secured.connect(door) as plain:
        assert _ends(plain, line_of(1) + b"\n" + b"x" * 100)
    assert pipeline.counters().received == 0


def _ends(sender: socket.socket, data: bytes) -> bool:
    """Send, and wait for the end, however it is told: TLS 1.3 says it after the handshake."""
    try:
        sender.sendall(data)
        while sender.recv(1000):
            pass
    except TimeoutError:
        return False
    except OSError:
        return True
    return True
