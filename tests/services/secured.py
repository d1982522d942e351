"""A real Elasticsearch over TLS that knows a user for each role, from files beside its configuration."""

import base64
import hashlib
import json
import os
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

PASSWORD = "only for tests"
_ROUNDS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Secured:
    """Where it is, who signed its certificate and its SHA-256, and the password of all its users."""

    url: str
    ca_file: str
    fingerprint: str
    config: Path
    password: str = PASSWORD

    def let_in(self, *names: str, **passwords: str) -> None:
        """Let these users in and no other, from the moment on that the server has read its file again.

        Those named with a password have that one from now on, the others the usual one.
        """
        known = dict.fromkeys(names, PASSWORD) | passwords
        _write(self.config / "users", "".join(f"{name}:{_hashed(word)}\n" for name, word in known.items()))


@pytest.fixture(scope="session")
def start_secured(start_engine, certificates) -> Callable[[dict[str, dict]], Secured]:
    """Give a function of roles by their names that starts a server with a user of each role's name."""

    def start(roles: dict[str, dict[str, Any]]) -> Secured:
        key, chain = _parts(Path(certificates.server))
        folders: list[Path] = []

        def prepare(config: Path) -> None:
            folders.append(config)
            (config / "server.key").write_text(key)
            (config / "server.pem").write_text(chain)
            _write_users(config, roles)

        engine = start_engine(
            "elasticsearch_9",
            "xpack.security.enabled: true",
            "xpack.security.http.ssl.enabled: true",
            "xpack.security.http.ssl.key: server.key",
            "xpack.security.http.ssl.certificate: server.pem",
            f"xpack.security.authc.password_hashing.algorithm: pbkdf2_{_ROUNDS}",
            "xpack.security.authc.realms.file.files.order: 0",
            "resource.reload.interval.high: 1s",
            prepare=prepare,
            is_secured=True,
        )
        end = "-----END CERTIFICATE-----"
        der = ssl.PEM_cert_to_DER_cert(chain[: chain.index(end) + len(end)])
        return Secured(
            url=engine.url.replace("http://", "elasticsearch+https://"),
            ca_file=certificates.ca,
            fingerprint=hashlib.sha256(der).hexdigest(),
            config=folders[0],
        )

    return start


def _parts(path: Path) -> tuple[str, str]:
    """The key and the certificates of a PEM file, which this server wants apart."""
    text = path.read_text()
    start = text.index("-----BEGIN CERTIFICATE-----")
    return text[:start], text[start:]


def _write_users(config: Path, roles: dict[str, dict[str, Any]]) -> None:
    lines = [f"{name}: {json.dumps(body)}\n" for name, body in roles.items()]  # YAML takes JSON
    (config / "roles.yml").write_text("".join(lines))
    (config / "users").write_text("".join(f"{name}:{_hashed(PASSWORD)}\n" for name in roles))
    (config / "users_roles").write_text("".join(f"{name}:{name}\n" for name in roles))


def _write(path: Path, text: str) -> None:
    """Replace a file whole, since the server may read it at any moment."""
    beside = path.with_suffix(".new")
    beside.write_text(text)
    beside.replace(path)


def _hashed(password: str) -> str:
    """The password as the file realm keeps it: PBKDF2 with SHA-512, 256 bits."""
    salt = os.urandom(32)
    key = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _ROUNDS, dklen=32)
    return f"{{PBKDF2}}{_ROUNDS}${base64.b64encode(salt).decode()}${base64.b64encode(key).decode()}"
