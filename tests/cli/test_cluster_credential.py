"""A collector whose user a real, secured cluster no longer knows while it writes."""

import http.client
import json
import os
import subprocess
import threading
import time
from contextlib import closing
from urllib.parse import urlsplit

import pytest

from mlmon.core import schema
from mlmon.core.config import StoreConfig
from mlmon.core.schema import Dataset
from mlmon.stores.search import access, facts, roles, setup
from mlmon.stores.search.connection import Http
from mlmon.stores.search.roles import Role
from mlmon.stores.search.templates import Options

pytestmark = pytest.mark.slow
NAMESPACE = "credential"
STREAM = f"/logs-mlmon.inference-{NAMESPACE}"
DOORS = ("--http-port", "0", "--tcp-port", "0", "--beats-port", "0")
BATCH = 20
PATIENCE_S = 60.0


class Sender:
    """Sends batch after batch over http until it is told to stop, each until it is taken."""

    def __init__(self, address):
        self.address = urlsplit(address)
        self.taken = []
        """The answers of the batches that were taken."""
        self.refusals = []
        """Why they were not taken before."""
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def _run(self):
        connection = http.client.HTTPConnection(self.address.hostname, self.address.port, timeout=PATIENCE_S)
        while not self.stop.is_set():
            start = BATCH * len(self.taken)
            body = b"\n".join(_inference(number) for number in range(start, start + BATCH))
            connection.request("POST", "/v1/events", body)
            answer = connection.getresponse()
            told = json.loads(answer.read())
            if answer.status == 200:
                self.taken.append(told)
            else:
                self.refusals.append((answer.status, told["error"]))
                self.stop.wait(0.05)
        connection.close()


def _inference(number):
    document = {
        schema.TIMESTAMP: "2013-03-01T00:00:00Z",
        schema.LOG_LEVEL: "info",
        schema.EVENT_ID: f"p-{number}",
        schema.EVENT_DATASET: str(Dataset.INFERENCE),
        schema.EVENT_OUTCOME: "success",
        schema.MODEL_NAME: "m",
        schema.INFERENCE_ID: f"i{number}",
    }
    return json.dumps(document).encode()


def _until(is_so):
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)  # between two tries of the poll with its deadline


@pytest.fixture(scope="module")
def secured(start_secured):
    """Start a server with a writer and one who may do everything."""
    everything = {"cluster": ["all"], "indices": [{"names": ["*"], "privileges": ["all"]}]}
    return start_secured({"writer": roles.elasticsearch(Role.WRITER, NAMESPACE), "admin": everything})


@pytest.fixture
def admin(secured):
    """Connect as the one who may do everything, to a cluster that is set up."""
    settings = StoreConfig(url=secured.url, user="admin", ca_file=secured.ca_file)
    with closing(Http(access.of(settings, {"MLMON_STORE_PASSWORD": secured.password}))) as connection:
        found = facts.probe(connection, "elasticsearch")
        list(setup.apply(connection, setup.plan(connection, found, Options())))
        yield connection


@pytest.fixture
def send(secured, admin, command, tmp_path):
    """Give a function that starts a sender to a collector which writes to the cluster as its writer."""
    running = []

    def start(**secret):
        own = {
            "MLMON_STORE_USER": "writer",
            "MLMON_STORE_CA_FILE": secured.ca_file,
            "MLMON_STORE_NAMESPACE": NAMESPACE,
            **secret,
        }
        process = subprocess.Popen(
            [*command, "collect", "--store", secured.url, *DOORS],
            stdout=subprocess.PIPE, text=True, cwd=tmp_path, env={**os.environ, **own},
        )  # fmt: skip
        assert process.stdout is not None
        sending = Sender(process.stdout.readline().split()[1])
        running.append((process, sending))
        sending.thread.start()
        return sending

    yield start
    for process, sending in running:
        sending.stop.set()
        sending.thread.join(PATIENCE_S)
        process.terminate()
        process.communicate(timeout=PATIENCE_S)
    secured.let_in("admin", "writer")


def test_a_credential_that_expires_amid_writing_loses_and_doubles_nothing(secured, admin, send):
    """While the user is gone senders hear why and what to do; afterwards each event is there once."""
    sender = send(MLMON_STORE_PASSWORD=secured.password)
    _until(lambda: len(sender.taken) > 5)
    secured.let_in("admin")
    _until(lambda: sender.refusals)
    status, why = sender.refusals[0]
    assert status == 503
    assert "does not let this writer in (401)" in why
    assert "Check its key or user" in why
    secured.let_in("admin", "writer")
    taken = len(sender.taken)
    _until(lambda: len(sender.taken) > taken + 5)
    sender.stop.set()
    sender.thread.join(PATIENCE_S)
    sent = BATCH * len(sender.taken)
    assert sum(told["stored"] for told in sender.taken) == sent
    assert sum(told["duplicates"] for told in sender.taken) == 0
    assert admin.send("POST", f"{STREAM}/_refresh").is_well
    assert admin.send("GET", f"{STREAM}/_count").json()["count"] == sent


def test_the_collector_counts_what_it_could_not_write(secured, send):
    """Its status says how many events its senders still have to bring."""
    sender = send(MLMON_STORE_PASSWORD=secured.password)
    _until(lambda: len(sender.taken) > 2)
    secured.let_in("admin")
    _until(lambda: sender.refusals)
    connection = http.client.HTTPConnection(sender.address.hostname, sender.address.port, timeout=PATIENCE_S)
    connection.request("GET", "/v1/status")
    failed = json.loads(connection.getresponse().read())["failed"]
    connection.close()
    assert failed >= BATCH


def test_a_new_password_in_its_file_is_taken_up_without_a_restart(secured, send, tmp_path):
    """Where the password changes in the cluster and then in the file, the collector goes on by itself."""
    secret = tmp_path / "password"
    secret.write_text(secured.password)
    sender = send(MLMON_STORE_PASSWORD_FILE=str(secret))
    _until(lambda: len(sender.taken) > 2)
    secured.let_in("admin", writer="another one")
    _until(lambda: sender.refusals)
    secret.write_text("another one")
    taken = len(sender.taken)
    _until(lambda: len(sender.taken) > taken + 2)
