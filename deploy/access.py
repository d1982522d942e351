#!/usr/bin/env python3
"""One-shot service of the stack: gives the cluster its roles, and each part of mlmon a user with one of them.

It reads the roles that `mlmon setup --roles` prints from stdin, and passwords from the environment. Each
request puts a whole object, so it may run at every start. Logstash gets an API key in KEY_FILE in place of a
user; a key there that still opens the door stays. Standard library alone.
"""

from __future__ import annotations

import base64
import json
import os
import ssl
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

USERS: Final = {
    "mlmon_setup": ("SETUP_PASSWORD", "mlmon_provisioner"),
    "mlmon_collector": ("COLLECTOR_PASSWORD", "mlmon_writer"),
    "mlmon_analyzer": ("ANALYZER_PASSWORD", "mlmon_analyzer"),
    "mlmon_reader": ("READER_PASSWORD", "mlmon_reader"),
    "mlmon_operator": ("OPERATOR_PASSWORD", "mlmon_operator"),
}
"""Each user, the variable with its password, and its role."""
ADMINS: Final = {
    "elasticsearch": ("elastic", "ELASTIC_PASSWORD"),
    "opensearch": ("admin", "OPENSEARCH_PASSWORD"),
}
KEY: Final = "mlmon-logstash"
KEY_ROLE: Final = "mlmon_writer"
KEY_MORE: Final = "monitor"
"""Logstash asks for the cluster's version before it writes, and gives up without an answer."""
_TIMEOUT_S: Final = 30
_PATIENCE_S: Final = 120
_PAUSE_S: Final = 2
_UNAUTHORIZED: Final = 401
_NOT_YET: Final = (_UNAUTHORIZED, 429, 502, 503, 504)
"""What a cluster answers that listens already and has not found its users yet, or cannot keep them yet."""


class Put(NamedTuple):
    """One request: method, path, body."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None


class Door(NamedTuple):
    """A cluster and how to be let in: the value of the header Authorization."""

    base: str
    authorization: str
    tls: ssl.SSLContext | None


def requests(
    engine: str, roles: Mapping[str, Mapping[str, Any]], environ: Mapping[str, str]
) -> Iterator[Put]:
    """Everything to put, roles first.

    Raises:
        KeyError: a password is not in the environment.

    """
    for path, body in roles.items():
        yield Put("PUT", path, body)
    for name, (variable, role) in USERS.items():
        yield _user(engine, name, environ[variable], role)
    if engine == "elasticsearch":
        password = {"password": environ["KIBANA_PASSWORD"]}
        yield Put("POST", "/_security/user/kibana_system/_password", password)


def _user(engine: str, name: str, password: str, role: str) -> Put:
    if engine == "opensearch":
        body = {"password": password, "opendistro_security_roles": [role]}
        return Put("PUT", f"/_plugins/_security/api/internalusers/{name}", body)
    return Put("PUT", f"/_security/user/{name}", {"password": password, "roles": [role]})


def send(put: Put, door: Door) -> Any:  # noqa: ANN401 - whatever the cluster answers
    """Send one request; gives what the answer's JSON holds.

    Raises:
        OSError: the cluster does not answer, or refuses; the message has its reason.

    """
    request = urllib.request.Request(  # noqa: S310 - the address is the stack's own
        door.base + put.path,
        data=None if put.body is None else json.dumps(put.body).encode(),
        method=put.method,
        headers={"Authorization": door.authorization, "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S, context=door.tls) as answer:  # noqa: S310 - as above
            return json.loads(answer.read() or b"{}")
    except urllib.error.HTTPError as error:
        why = error.read(500).decode(errors="replace")
        raise PermissionError(
            error.code, f"{put.method} {put.path} was refused with {error.code}: {why}"
        ) from None


def insist(put: Put, door: Door, until: float) -> None:
    """Send one request, again and again while the cluster is starting, until a monotonic time in s at most.

    Raises:
        OSError: as `send`, at once where waiting would not help.

    """
    has_told = False
    while True:
        try:
            send(put, door)
        except OSError as error:
            if not _is_starting(error) or time.monotonic() >= until:
                raise
            if not has_told:
                sys.stderr.write(f"The cluster is not ready: {error.strerror or error}. It is asked again.\n")
                has_told = True
            time.sleep(_PAUSE_S)
        else:
            return


def _is_starting(error: OSError) -> bool:
    if isinstance(error, PermissionError):
        return error.errno in _NOT_YET
    return not isinstance(getattr(error, "reason", None), ssl.SSLCertVerificationError)


def make_key(path: Path, roles: Mapping[str, Mapping[str, Any]], admin: Door) -> None:
    """Write an API key for Logstash, as `id:key`, unless the one that is there is still good.

    Raises:
        OSError: as `send`; the file cannot be written.

    """
    known = path.read_text(encoding="ascii").strip() if path.exists() else ""
    if known and _opens(known, admin):
        return
    [role] = [body for name, body in roles.items() if name.endswith(f"/{KEY_ROLE}")]
    rights = {KEY_ROLE: {**role, "cluster": [*role["cluster"], KEY_MORE]}}
    made = send(Put("POST", "/_security/api_key", {"name": KEY, "role_descriptors": rights}), admin)
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f"{made['id']}:{made['api_key']}\n")


def _opens(key: str, admin: Door) -> bool:
    encoded = base64.b64encode(key.encode()).decode()
    try:
        send(Put("GET", "/_security/_authenticate"), admin._replace(authorization=f"ApiKey {encoded}"))
    except PermissionError as error:
        if error.errno == _UNAUTHORIZED:
            return False
        raise
    return True


def run(environ: Mapping[str, str], told: str, *, patience_s: float = _PATIENCE_S) -> str:
    """Put all, and say how much it was. A cluster that is still starting is waited for so long.

    Raises:
        KeyError: a variable is missing.
        OSError: the cluster does not answer, or refuses; the message has its reason.
        ValueError: the roles are no JSON.

    """
    engine, base, roles = environ["ENGINE"], environ["CLUSTER"].rstrip("/"), json.loads(told)
    user, variable = ADMINS[engine]
    secret = base64.b64encode(f"{user}:{environ[variable]}".encode()).decode()
    tls = ssl.create_default_context(cafile=environ["CA_FILE"]) if base.startswith("https:") else None
    admin = Door(base, f"Basic {secret}", tls)
    puts = list(requests(engine, roles, environ))
    until = time.monotonic() + patience_s
    for put in puts:
        insist(put, admin, until)
    if engine == "elasticsearch":
        make_key(Path(environ["KEY_FILE"]), roles, admin)
    return f"{len(puts)} roles and users are as they should be at {base}."


def main() -> int:
    """Run it with this process's environment and stdin; gives the exit code."""
    try:
        told = run(os.environ, sys.stdin.read())
    except KeyError as error:
        sys.stderr.write(f"The variable {error.args[0]} is not set; `make up` writes it to .env.\n")
    except ValueError as error:
        sys.stderr.write(f"The roles on stdin are no JSON: {error}. Pipe in: mlmon setup --roles\n")
    except OSError as error:
        sys.stderr.write(f"The cluster did not get its roles and users: {error.strerror or error}\n")
        if error.errno == _UNAUTHORIZED:
            user, variable = ADMINS[os.environ["ENGINE"]]
            sys.stderr.write(f"Put the password that {user} has by now into .env, as {variable}.\n")
    else:
        sys.stdout.write(f"{told}\n")
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())
