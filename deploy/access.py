#!/usr/bin/env python3
"""One-shot service of the stack: gives the cluster its roles, and each part of mlmon a user with one of them.

It reads the roles that `mlmon setup --roles` prints from stdin, and passwords from the environment. Each
request puts a whole object, so it may run at every start. Standard library alone.
"""

from __future__ import annotations

import base64
import json
import os
import ssl
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

USERS: Final = {
    "mlmon_setup": ("SETUP_PASSWORD", "mlmon_provisioner"),
    "mlmon_collector": ("COLLECTOR_PASSWORD", "mlmon_writer"),
    "mlmon_logstash": ("LOGSTASH_PASSWORD", "mlmon_writer"),
    "mlmon_analyzer": ("ANALYZER_PASSWORD", "mlmon_analyzer"),
    "mlmon_reader": ("READER_PASSWORD", "mlmon_reader"),
}
"""Each user, the variable with its password, and its role."""
ADMINS: Final = {
    "elasticsearch": ("elastic", "ELASTIC_PASSWORD"),
    "opensearch": ("admin", "OPENSEARCH_PASSWORD"),
}
_TIMEOUT_S: Final = 30


class Put(NamedTuple):
    """One request: method, path, body."""

    method: str
    path: str
    body: Mapping[str, Any]


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


def send(put: Put, base: str, user: str, password: str, tls: ssl.SSLContext | None) -> None:
    """Send one request.

    Raises:
        OSError: the cluster does not answer, or refuses.

    """
    secret = base64.b64encode(f"{user}:{password}".encode()).decode()
    request = urllib.request.Request(  # noqa: S310 - the address is the stack's own
        base + put.path,
        data=json.dumps(put.body).encode(),
        method=put.method,
        headers={"Authorization": f"Basic {secret}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=_TIMEOUT_S, context=tls) as answer:  # noqa: S310 - as above
        answer.read()


def run(environ: Mapping[str, str], roles: str) -> str:
    """Put all, and say how much it was.

    Raises:
        KeyError: a variable is missing.
        OSError: the cluster does not answer, or refuses; the message has its reason.
        ValueError: the roles are no JSON.

    """
    engine, base = environ["ENGINE"], environ["CLUSTER"].rstrip("/")
    user, variable = ADMINS[engine]
    tls = ssl.create_default_context(cafile=environ["CA_FILE"]) if base.startswith("https:") else None
    puts = list(requests(engine, json.loads(roles), environ))
    for put in puts:
        try:
            send(put, base, user, environ[variable], tls)
        except urllib.error.HTTPError as error:
            why = error.read(500).decode(errors="replace")
            raise OSError(f"{put.method} {put.path} was refused with {error.code}: {why}") from None
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
        sys.stderr.write(f"The cluster got no roles and users: {error}\n")
    else:
        sys.stdout.write(f"{told}\n")
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())
