"""Real Elasticsearch and OpenSearch servers, one of each a session, started when a test first asks.

`MLMON_TEST_ELASTICSEARCH_9=http://127.0.0.1:9200` (and so on) names a server that runs already. Tests keep
apart from each other by namespaces and indices of their own, and never by removing what others wrote.
"""

import json
import os
import socket
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

HEAP = "-Xms512m -Xmx512m"
ANSWER_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """A server to be had from Maven, and what it wants to start."""

    coordinates: str
    java: int
    variables: str
    """The prefix of its environment variables."""
    settings: tuple[str, ...]

    @property
    def name(self) -> str:
        """Its name and version, as people write them."""
        return "-".join(self.coordinates.split(":")[1:3])

    @property
    def program(self) -> str:
        """The name of its program and its configuration file."""
        return self.coordinates.split(":")[1]


_PLAIN = ("xpack.security.enabled: false",)
ELASTICSEARCH = "org.elasticsearch.distribution.integ-test-zip:elasticsearch:"
DISTRIBUTIONS = {
    "elasticsearch_9": Distribution(
        coordinates=f"{ELASTICSEARCH}9.5.0:zip", java=21, variables="ES", settings=_PLAIN
    ),
    "elasticsearch_8": Distribution(
        coordinates=f"{ELASTICSEARCH}8.19.21:zip", java=17, variables="ES", settings=_PLAIN
    ),
    "opensearch": Distribution(
        coordinates="org.opensearch.distribution.integ-test-zip:opensearch:3.8.0:zip",
        java=21,
        variables="OPENSEARCH",
        settings=(),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """A server that answers, with enough of a client for a test to look behind mlmon's."""

    kind: str
    url: str
    stop: Callable[[], None]
    kill: Callable[[], None]
    start: Callable[[], None]

    @property
    def store_url(self) -> str:
        """The same place as `--store` takes it."""
        scheme = "opensearch" if self.kind == "opensearch" else "elasticsearch"
        return self.url.replace("http://", f"{scheme}://")

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, dict]:
        """Send a request; give the status and what the answer's JSON says."""
        return _ask(f"{self.url}{path}", method, body)


def _ask(url: str, method: str = "GET", body: object = None) -> tuple[int, dict]:
    raw = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    kind = "application/x-ndjson" if isinstance(body, bytes) else "application/json"
    request = urllib.request.Request(url, raw, {"Content-Type": kind}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_S) as answer:
            return answer.status, json.loads(answer.read() or b"{}")
    except urllib.error.HTTPError as refused:
        text = refused.read()
        return refused.code, json.loads(text) if text.startswith(b"{") else {"text": text.decode()}


def _is_bound(port: int) -> bool:
    """Whether the port answers; who it may answer and over which protocol is for the test to find out."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _answers(url: str, *, has_licence: bool) -> bool:
    try:
        status, health = _ask(f"{url}/_cluster/health")
    except (OSError, ValueError):
        return False
    if status != 200 or health["status"] not in ("green", "yellow"):
        return False
    return not has_licence or _ask(f"{url}/_license")[0] == 200  # it comes a moment after the first answer


@pytest.fixture(scope="session")
def start_engine(daemon, from_maven, java_home, free_ports) -> Callable[..., Engine]:
    """Give a function that starts a server of one's own: to be killed, or with other settings."""

    def start(
        kind: str,
        *settings: str,
        prepare: Callable[[Path], None] = lambda _: None,
        is_secured: bool = False,
    ) -> Engine:
        distribution = DISTRIBUTIONS[kind]
        java = java_home(distribution.java)
        home = from_maven(distribution.coordinates)
        port, inner_port = free_ports(2)
        url = f"http://127.0.0.1:{port}"

        def fill(folder: Path) -> None:
            lines = (*settings, *(() if is_secured else distribution.settings))
            _configure(distribution, home, folder, (port, inner_port), lines)
            prepare(folder / "config")

        one = daemon(
            distribution.name,
            [str(home / "bin" / distribution.program)],
            env=lambda folder: _environment(distribution, java, folder),
            prepare=fill,
            is_ready=lambda: (
                _is_bound(port) if is_secured else _answers(url, has_licence=kind != "opensearch")
            ),
        )
        one.start()
        return Engine(kind=kind, url=url, stop=one.stop, kill=one.kill, start=one.start)

    return start


def _configure(
    distribution: Distribution, home: Path, folder: Path, ports: tuple[int, int], settings: tuple[str, ...]
) -> None:
    config = folder / "config"
    for path in [home / "config", *sorted((home / "config").rglob("*"))]:
        target = config / path.relative_to(home / "config")
        if path.is_dir():
            target.mkdir()
        else:
            target.write_text(_without_logs(path.read_text()))
    for name in ("data", "logs", "tmp"):
        (folder / name).mkdir()
    lines = [
        f"cluster.name: {folder.name}",
        "node.name: only",
        f"path.data: {folder / 'data'}",
        f"path.logs: {folder / 'logs'}",
        "network.host: 127.0.0.1",
        f"http.port: {ports[0]}",
        f"transport.port: {ports[1]}",
        "discovery.type: single-node",
        "cluster.routing.allocation.disk.threshold_enabled: false",
        # Each look at the disks lets an index be written again that a test has made read-only.
        "cluster.info.update.interval: 12h",
        *settings,
    ]
    (config / f"{distribution.program}.yml").write_text("\n".join(lines) + "\n")


def _without_logs(text: str) -> str:
    """Leave out the options that would write beside the program, which belongs to another user."""
    return "".join(line for line in text.splitlines(keepends=True) if "logs/gc.log" not in line)


def _environment(distribution: Distribution, java: Path, folder: Path) -> dict[str, str]:
    prefix = distribution.variables
    return {
        f"{prefix}_JAVA_HOME": str(java),
        f"{prefix}_JAVA_OPTS": HEAP,
        f"{prefix}_PATH_CONF": str(folder / "config"),
        f"{prefix}_TMPDIR": str(folder / "tmp"),
        "HOSTNAME": "localhost",
        "HOME": str(folder),
    }


def _given(kind: str) -> Engine | None:
    """The server that the environment names; a test that would stop it starts one of its own."""
    url = os.environ.get(f"MLMON_TEST_{kind.upper()}", "").rstrip("/")

    def leave() -> None:
        pytest.fail(f"{url} is not ours to stop; ask for start_engine")

    return Engine(kind=kind, url=url, stop=leave, kill=leave, start=leave) if url else None


@pytest.fixture(scope="session")
def elasticsearch_9(start_engine) -> Iterator[Engine]:
    """Give an Elasticsearch 9."""
    yield from _shared("elasticsearch_9", start_engine)


@pytest.fixture(scope="session")
def elasticsearch_8(start_engine) -> Iterator[Engine]:
    """Give an Elasticsearch 8."""
    yield from _shared("elasticsearch_8", start_engine)


@pytest.fixture(scope="session")
def opensearch(start_engine) -> Iterator[Engine]:
    """Give an OpenSearch 3."""
    yield from _shared("opensearch", start_engine)


def _shared(kind: str, start_engine: Callable[[str], Engine]) -> Iterator[Engine]:
    if given := _given(kind):
        yield given
        return
    engine = start_engine(kind)
    yield engine
    engine.stop()


@pytest.fixture(params=DISTRIBUTIONS, scope="session")
def engine(request) -> Engine:
    """Give each server in turn; pytest lets each test that asks for it run on all."""
    return request.getfixturevalue(request.param)
