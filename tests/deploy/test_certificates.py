import os
import shutil
import socket
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pytest

HOSTS = ("elasticsearch", "collector")


@pytest.fixture
def make(root: Path, tmp_path: Path, require) -> Callable[..., str]:
    """Give a function that runs the script on folders of this test, and gives what it said."""
    require("openssl")
    for name in ("authority", "trust", *HOSTS):
        (tmp_path / name).mkdir()

    def run(path: str = os.environ["PATH"], *, ends_well: bool = True) -> str:
        folders = [str(tmp_path / name) for name in ("authority", "trust", *HOSTS)]
        command = ["sh", str(root / "deploy" / "certificates.sh"), *folders]
        environ = os.environ | {"PATH": path}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)
        assert (done.returncode == 0) == ends_well, done.stderr
        return done.stdout

    return run


def _greeting(folder: Path, trust: Path, host: str) -> bytes:
    """What a client that believes the authority alone hears from a server of this folder, called so."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "tls.crt", folder / "tls.key")
    client = ssl.create_default_context(cafile=str(trust / "ca.crt"))
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            connection, _ = listening.accept()
            try:
                with server.wrap_socket(connection, server_side=True) as secured:
                    secured.sendall(b"hello")
            except ssl.SSLError:
                connection.close()

        thread = Thread(target=answer)
        thread.start()
        try:
            with (
                socket.create_connection(listening.getsockname(), timeout=60) as plain,
                client.wrap_socket(plain, server_hostname=host) as secured,
            ):
                return secured.recv(5)
        finally:
            thread.join()


def test_a_client_believes_each_server_by_its_name(make, tmp_path):
    """With ca.crt alone a strict client greets each server by its own name and as localhost."""
    make()
    for host in HOSTS:
        assert _greeting(tmp_path / host, tmp_path / "trust", host) == b"hello"
        assert _greeting(tmp_path / host, tmp_path / "trust", "127.0.0.1") == b"hello"


def test_a_server_is_not_believed_under_another_name(make, tmp_path):
    """The collector's certificate does not pass for Elasticsearch's."""
    make()
    with pytest.raises(ssl.SSLCertVerificationError):
        _greeting(tmp_path / "collector", tmp_path / "trust", "elasticsearch")


def test_what_is_good_stays(make, tmp_path):
    """A second run makes nothing, and a lost certificate is made again by the same authority."""
    assert make().splitlines() == [
        "made the authority",
        "made a certificate for elasticsearch",
        "made a certificate for collector",
    ]
    before = (tmp_path / "collector" / "tls.crt").read_bytes()
    assert make() == ""
    (tmp_path / "elasticsearch" / "tls.crt").unlink()
    assert make() == "made a certificate for elasticsearch\n"
    assert (tmp_path / "collector" / "tls.crt").read_bytes() == before
    assert _greeting(tmp_path / "elasticsearch", tmp_path / "trust", "elasticsearch") == b"hello"


def test_a_new_authority_renews_every_certificate(make, tmp_path):
    """Where the authority was lost, no server keeps a certificate that nobody believes."""
    make()
    (tmp_path / "authority" / "ca.key").unlink()
    assert len(make().splitlines()) == 1 + len(HOSTS)
    assert _greeting(tmp_path / "collector", tmp_path / "trust", "collector") == b"hello"


@pytest.mark.parametrize("number", range(1, 6))
def test_what_was_ended_half_way_is_made_again(make, tmp_path, number):
    """Ended before any of its renames, and started again, it leaves each server with a pair that fits."""
    stub = tmp_path / "stub"
    stub.mkdir()
    real = shutil.which("mv")
    count = f'echo >>"{stub}/count"; [ "$(wc -l <"{stub}/count")" -ge {number} ] && exit 1'
    (stub / "mv").write_text(f'#!/bin/sh\n{count}\nexec {real} "$@"\n')
    (stub / "mv").chmod(0o755)
    make(f"{stub}:{os.environ['PATH']}", ends_well=False)
    make()
    for host in HOSTS:
        assert _greeting(tmp_path / host, tmp_path / "trust", host) == b"hello"


def test_keys_are_for_their_owner_alone(make, tmp_path):
    """Private keys have mode 0600, and the authority's is nowhere but in its own folder."""
    make()
    keys = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.key"))
    assert keys == ["authority/ca.key", "collector/tls.key", "elasticsearch/tls.key"]
    assert {path.stat().st_mode & 0o777 for path in tmp_path.rglob("*.key")} == {0o600}
    assert [path.name for path in (tmp_path / "trust").iterdir()] == ["ca.crt"]
