import base64
import json
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from threading import Thread
from types import SimpleNamespace

import pytest

from mlmon.cli import wiring_cluster
from mlmon.core.config import Config, StoreConfig
from mlmon.stores.search.roles import Role, name_of


@pytest.fixture(params=["elasticsearch", "opensearch"])
def engine(request) -> str:
    """Give each engine."""
    return request.param


@pytest.fixture
def roles(engine) -> str:
    """Give what `mlmon setup --roles` prints for the engine."""
    url = f"{engine}+https://{engine}:9200"
    return json.dumps(wiring_cluster.roles(Config(store=StoreConfig(url=url))))


@pytest.fixture
def cluster(certificates) -> Iterator[SimpleNamespace]:
    """Give a stub of a cluster behind TLS: what it was asked, its status, and the keys it knows.

    While it is starting, it has another status for so many answers.
    """
    stub = SimpleNamespace(asked=[], status=200, url="", keys=[], starting=[])

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if stub.starting:
                self._answer(stub.starting.pop(), {"reason": "starting"})
                return
            stub.asked.append((self.command, self.path, self.headers["Authorization"], json.loads(body)))
            self._answer(stub.status, {"reason": "stub", **self._made()})

        def do_GET(self) -> None:
            known = self.headers["Authorization"].removeprefix("ApiKey ") in stub.keys
            self._answer(200 if known else 401, {})

        def _made(self) -> dict[str, str]:
            if self.path != "/_security/api_key":
                return {}
            stub.keys.append(base64.b64encode(b"id:%d" % len(stub.keys)).decode())
            return {"id": "id", "api_key": str(len(stub.keys) - 1)}

        def _answer(self, status: int, body: dict[str, str]) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        do_POST = do_PUT  # noqa: N815 - the standard library's name

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.server)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    stub.url = f"https://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield stub
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def environ(script, engine, cluster, certificates, tmp_path) -> dict[str, str]:
    """Give the variables that the service gets."""
    names = script("stack").SECRETS
    passwords = {name: f"secret of {name}" for name in names}
    where = {"CLUSTER": cluster.url, "CA_FILE": certificates.ca, "KEY_FILE": str(tmp_path / "key")}
    return {**passwords, **where, "ENGINE": engine}


def test_every_part_gets_a_user_with_a_role_that_exists(script, engine, roles, cluster, environ):
    """All roles are put before the users, and every user has one of them and a password of its own."""
    told = script("access").run(environ, roles)
    paths = [path for _, path, _, _ in cluster.asked if path != "/_security/api_key"]
    assert told.startswith(f"{len(paths)} roles and users")
    assert paths[: len(Role)] == list(json.loads(roles))
    users = [body for _, path, _, body in cluster.asked if "user" in path and "kibana_system" not in path]
    key = "roles" if engine == "elasticsearch" else "opendistro_security_roles"
    assert {role for body in users for role in body[key]} == {name_of(role) for role in Role}
    assert len({body["password"] for body in users}) == len(users) == len(script("access").USERS)
    assert ("/_security/user/kibana_system/_password" in paths) == (engine == "elasticsearch")


@pytest.mark.parametrize("engine", ["elasticsearch"], indirect=True)
def test_logstash_gets_a_key_that_writes(script, roles, cluster, environ, tmp_path):
    """The key has the writer's rights, may ask for the cluster's version, and is for its owner's eyes."""
    script("access").run(environ, roles)
    [asked] = [body for _, path, _, body in cluster.asked if path == "/_security/api_key"]
    writer = json.loads(roles)[f"/_security/role/{name_of(Role.WRITER)}"]
    assert writer["cluster"] == []
    assert asked["role_descriptors"] == {name_of(Role.WRITER): {**writer, "cluster": ["monitor"]}}
    assert (tmp_path / "key").read_text() == "id:0\n"
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("engine", ["elasticsearch"], indirect=True)
def test_a_good_key_stays_and_a_lost_one_is_made_again(script, roles, cluster, environ, tmp_path):
    """A second run makes no key, unless the cluster no longer knows the one that is there."""
    for _ in range(2):
        script("access").run(environ, roles)
    assert len(cluster.keys) == 1
    cluster.keys[0] = "forgotten"
    script("access").run(environ, roles)
    assert (tmp_path / "key").read_text() == "id:1\n"


def test_it_asks_as_the_administrator(script, engine, roles, cluster, environ):
    """Each request is signed by the engine's first user."""
    script("access").run(environ, roles)
    name, variable = ("elastic", "ELASTIC") if engine == "elasticsearch" else ("admin", "OPENSEARCH")
    [signed] = {header for _, _, header, _ in cluster.asked}
    assert base64.b64decode(signed.split()[1]).decode() == f"{name}:secret of {variable}_PASSWORD"


def test_a_refusal_has_its_reason_and_no_secret(root, roles, cluster, environ):
    """As a command it ends with 1 and one line, which names the request and what the cluster said."""
    cluster.status = 403
    done = _command(root, roles, environ)
    assert done.returncode == 1
    assert '/mlmon_writer was refused with 403: {"reason": "stub"}' in done.stderr
    assert "secret of" not in done.stderr


def test_a_cluster_that_is_still_starting_is_waited_for(script, roles, cluster, environ, monkeypatch, capsys):
    """A cluster that listens and does not know its users yet is asked again, and that is said once."""
    access = script("access")
    monkeypatch.setattr(access, "_PAUSE_S", 0)
    cluster.starting = [503, 401, 429]
    assert access.run(environ, roles).endswith(f"as they should be at {cluster.url}.")
    assert [path for _, path, _, _ in cluster.asked][: len(Role)] == list(json.loads(roles))
    assert capsys.readouterr().err.count("It is asked again.") == 1


@pytest.mark.parametrize("engine", ["elasticsearch"], indirect=True)
def test_a_password_that_is_not_right_is_said(script, roles, cluster, environ, monkeypatch, capsys):
    """A cluster that knows another password is waited for no longer than that, and it is said what to do."""
    access = script("access")
    monkeypatch.setattr(access, "run", partial(access.run, patience_s=0))
    monkeypatch.setattr(os, "environ", environ)
    monkeypatch.setattr("sys.stdin", StringIO(roles))
    cluster.status = 401
    assert access.main() == 1
    assert capsys.readouterr().err.endswith(
        "Put the password that elastic has by now into .env, as ELASTIC_PASSWORD.\n"
    )


def test_a_stranger_is_told_no_password(root, roles, cluster, environ, certificates):
    """A cluster whose certificate another authority signed is asked nothing."""
    done = _command(root, roles, {**environ, "CA_FILE": certificates.other_ca})
    assert done.returncode == 1
    assert "certificate verify failed" in done.stderr
    assert cluster.asked == []


@pytest.mark.parametrize("engine", ["elasticsearch"], indirect=True)
def test_what_it_needs_is_named(root, roles, environ):
    """A missing variable and roles that are none are told without a traceback."""
    del environ["READER_PASSWORD"]
    done = _command(root, roles, environ)
    assert done.stderr == "The variable READER_PASSWORD is not set; `make up` writes it to .env.\n"
    done = _command(root, "no roles", environ)
    assert done.stderr.startswith("The roles on stdin are no JSON")
    assert done.stderr.endswith("Pipe in: mlmon setup --roles\n")


def _command(root, roles, environ) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(root / "deploy" / "access.py")],
        input=roles,
        env={"PATH": os.environ["PATH"], **environ},
        capture_output=True,
        text=True,
        check=False,
    )
