#!/usr/bin/env python3
"""What `make up` does before Docker starts anything: looks at the machine, and makes the secrets once.

Standard library alone, so that a machine with Docker and Python needs nothing installed. What lacks is said
in a sentence each, with what to do; the exit code is 1 then.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import secrets
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

LEAST_COMPOSE: Final = (2, 24)
"""It knows `required: false` in `depends_on`."""
LEAST_MEMORY_BYTES: Final = 7 << 30
LEAST_MAP_COUNT: Final = 262_144
"""Memory maps a process may have; Elasticsearch and OpenSearch map every file of an index."""
_NO_DOCKER: Final = (
    "Docker is not here. Install Docker Engine 24 or later, or Docker Desktop: docs.docker.com."
)
_ABOUT: Final = ("docker", "info", "--format", "{{json .}}")
MAP_COUNT: Final = Path("/proc/sys/vm/max_map_count")
SECRETS: Final = (
    "ELASTIC_PASSWORD",
    "KIBANA_PASSWORD",
    "KIBANA_SECURITY_KEY",
    "KIBANA_OBJECTS_KEY",
    "KIBANA_REPORTING_KEY",
    "OPENSEARCH_PASSWORD",
    "DASHBOARDS_PASSWORD",
    "DASHBOARDS_COOKIE_KEY",
    "SETUP_PASSWORD",
    "COLLECTOR_PASSWORD",
    "ANALYZER_PASSWORD",
    "READER_PASSWORD",
    "OPERATOR_PASSWORD",
)
ADDRESSES: Final = {
    "elasticsearch": (
        ("Kibana", "http://127.0.0.1:5601", "user elastic, ELASTIC_PASSWORD in .env"),
        ("Elasticsearch", "https://127.0.0.1:9200", "the same"),
        ("Logstash, Beats", "beats+tls://127.0.0.1:5044", "a certificate; see docs/stack.md"),
        ("Logstash, http", "https://127.0.0.1:8081", "the same"),
    ),
    "opensearch": (
        ("OpenSearch Dashboards", "http://127.0.0.1:5602", "user admin, OPENSEARCH_PASSWORD in .env"),
        ("OpenSearch", "https://127.0.0.1:9201", "the same"),
    ),
}
"""What each store brings, where it is, and who may in."""
_OURS: Final = (
    ("page", "http://127.0.0.1:8080", "no password; on this machine alone"),
    ("collector", "https://127.0.0.1:5959", "a key: mlmon keys create in the container; see docs/stack.md"),
)
_HEADER: Final = (
    "# Secrets of this stack, made once by `make up`. Keep the file to yourself and out of git.\n"
)

Run = Callable[[Sequence[str]], "tuple[int, str]"]
"""Runs a command: its exit code and what it wrote, 127 where there is no such command."""


def run(command: Sequence[str]) -> tuple[int, str]:
    """Run a command for at most 30 s."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)  # noqa: S603 - our own words
    except FileNotFoundError:
        return 127, f"{command[0]} is not installed"
    except subprocess.TimeoutExpired:
        return 124, f"{command[0]} did not answer within 30 s"
    return done.returncode, done.stdout if done.returncode == 0 else done.stderr or done.stdout


def problems(ask: Run = run, map_count: Path = MAP_COUNT) -> list[str]:
    """What this machine lacks, a sentence each; empty where the stack can start."""
    found = docker_problems(ask)
    if found == [_NO_DOCKER]:
        return found
    return [*found, *_memory(ask), *_maps(map_count)]


def docker_problems(ask: Run = run) -> list[str]:
    """Why Docker cannot be asked for anything here; empty where it can."""
    code, _ = ask(["docker", "--version"])
    if code:
        return [_NO_DOCKER]
    return [*_compose(ask), *_engine(ask)]


def _compose(ask: Run) -> list[str]:
    code, told = ask(["docker", "compose", "version", "--short"])
    if code:
        return ["Docker has no compose v2. Install the package docker-compose-plugin, or Docker Desktop."]
    found = re.match(r"v?(\d+)\.(\d+)", told.strip())
    if found is None or (int(found[1]), int(found[2])) >= LEAST_COMPOSE:
        return []
    least = ".".join(map(str, LEAST_COMPOSE))
    return [f"Docker compose is {told.strip()}, and the stack needs {least} or later. Upgrade it."]


def _engine(ask: Run) -> list[str]:
    code, told = ask(_ABOUT)
    refused = told if code else str(_parsed(told).get("ServerErrors") or "")
    if not refused and not code:
        return []
    why = (refused.strip().splitlines() or ["no reason given."])[-1]
    return [f"The Docker engine does not answer: {why} Start it, or ask to be let in (group docker)."]


def _memory(ask: Run) -> list[str]:
    memory_bytes = _parsed(ask(_ABOUT)[1]).get("MemTotal") or LEAST_MEMORY_BYTES
    if not isinstance(memory_bytes, int) or memory_bytes >= LEAST_MEMORY_BYTES:
        return []
    return [
        (
            f"Docker has {memory_bytes / (1 << 30):.1f} GiB of memory, and the stack needs "
            f"{LEAST_MEMORY_BYTES >> 30}. Give it more, or run mlmon without a cluster: mlmon up."
        )
    ]


def _parsed(told: str) -> Mapping[str, object]:
    try:
        found = json.loads(told)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _maps(path: Path) -> list[str]:
    """Linux alone has the limit to look at; Docker Desktop sets it in its own machine."""
    try:
        count = int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return []
    if count >= LEAST_MAP_COUNT:
        return []
    return [
        (
            f"vm.max_map_count is {count}, and Elasticsearch needs {LEAST_MAP_COUNT} or more. "
            f"Run: sudo sysctl -w vm.max_map_count=1048576"
        )
    ]


def make_secrets(path: Path) -> list[str]:
    """Write the secrets that the file does not have yet, for its owner's eyes only; gives their names.

    What is there stays as it is, so what was started with it goes on working.
    """
    text = path.read_text(encoding="utf-8") if path.exists() else _HEADER
    known = set(re.findall(r"^\s*(?:export\s+)?(\w+)\s*=", text, re.MULTILINE))
    missing = [name for name in SECRETS if name not in known]
    if missing:
        text = text if text.endswith("\n") else text + "\n"
        _replace(path, text + "".join(f"{name}={_secret()}\n" for name in missing))
    else:
        path.chmod(0o600)
    return missing


def _secret() -> str:
    """192 random bits, and one sign of each kind, which OpenSearch asks of a password."""
    return f"{secrets.token_urlsafe(24)}-Aa1"


def _replace(path: Path, text: str) -> None:
    """Write beside and rename, so that a crash leaves the old file whole."""
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def addresses(store: str) -> str:
    """Where everything is, a line each."""
    lines = [f"{name:<21} {url:<27} {how}\n" for name, url, how in (*_OURS, *ADDRESSES[store])]
    return "".join(lines) + "It takes a minute or two until all answer: docker compose ps\n"


def main(arguments: Sequence[str] | None = None, ask: Run = run, map_count: Path = MAP_COUNT) -> int:
    """Look, write, and say what was found; gives the exit code."""
    parser = argparse.ArgumentParser(description="Look at this machine and make the secrets of the stack.")
    parser.add_argument("--env", type=Path, default=Path(".env"), help="where the secrets are; default: .env")
    parser.add_argument("--store", choices=list(ADDRESSES), default="elasticsearch", help="which cluster")
    parser.add_argument("--addresses", action="store_true", help="only say where everything is")
    parser.add_argument("--docker", action="store_true", help="only look whether Docker can be asked")
    asked = parser.parse_args(arguments)
    if asked.addresses:
        sys.stdout.write(addresses(asked.store))
        return 0
    lacking = docker_problems(ask) if asked.docker else problems(ask, map_count)
    if lacking:
        sys.stderr.write(f"The stack cannot {'be asked' if asked.docker else 'start'} on this machine yet.\n")
        sys.stderr.writelines(f"- {problem}\n" for problem in lacking)
        return 1
    if asked.docker:
        return 0
    try:
        made = make_secrets(asked.env)
    except OSError as error:
        sys.stderr.write(f"{asked.env} cannot be written: {error.strerror}. Check its rights.\n")
        return 1
    if made:
        sys.stdout.write(f"{len(made)} secrets were made in {asked.env}.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
