"""What an event takes on disk, in each store, against its raw JSON.

Copies are not counted: a replica in a cluster takes as much again. What is written to a server stays there.
"""

import os
import random
import secrets
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import _embedded
import msgspec

from mlmon.core.event import Event
from mlmon.core.schema import Dataset
from mlmon.stores import elasticsearch, embedded, opensearch
from mlmon.stores.search import facts, names, setup
from mlmon.stores.search.access import Access
from mlmon.stores.search.asking import ask, target
from mlmon.stores.search.connection import Http
from mlmon.stores.search.templates import Options

NAME = "store_bytes"
PEER = "the raw JSON, uncompressed; the store that takes most"
GOAL = 0.5

EVENTS = 100_000
BATCH = 5_000
SERVERS = {
    "Elasticsearch 9": ("MLMON_TEST_ELASTICSEARCH_9", "elasticsearch"),
    "Elasticsearch 8": ("MLMON_TEST_ELASTICSEARCH_8", "elasticsearch"),
    "OpenSearch": ("MLMON_TEST_OPENSEARCH", "opensearch"),
}
"""By the name of a store the variable that names a running server, and the scheme of its address."""

_BEFORE_LOGSDB = (8, 15, 0)


def run() -> tuple[float, str]:
    """Write the same events to each store, let it settle, and ask how large it is.

    Raises:
        RuntimeError: no server is named.

    """
    named = _named()
    events = _events()
    raw = sum(len(event.body) for event in events) / EVENTS
    sizes = {"embedded": _in_folder(events)}
    for name, access in named.items():
        sizes |= _cluster(name, access, events)
    sizes_told = ", ".join(f"{name} {size:.0f}" for name, size in sizes.items())
    absent = "".join(f"; {name} is not named" for name in SERVERS if name not in named)
    return max(sizes.values()) / raw, f"{EVENTS:,} events of {raw:.0f} bytes; on disk {sizes_told}{absent}"


def _named() -> dict[str, Access]:
    found = {
        name: Access(url=os.environ[variable].rstrip("/").replace("http://", f"{scheme}://"))
        for name, (variable, scheme) in SERVERS.items()
        if os.environ.get(variable)
    }
    if not found:
        variables = " or ".join(variable for variable, _ in SERVERS.values())
        raise RuntimeError(f"no server: name a running one in {variables}, as http://127.0.0.1:9200")
    return found


def _events() -> list[Event]:
    random_ = random.Random(1)  # noqa: S311 - the same events on every run
    return [_embedded.event(number, random_) for number in range(EVENTS)]


def _write(write: Callable[[list[Event]], object], events: list[Event]) -> None:
    for first in range(0, EVENTS, BATCH):
        write(events[first : first + BATCH])


def _in_folder(events: list[Event]) -> float:
    with tempfile.TemporaryDirectory(prefix="mlmon-bench-") as folder:
        store = embedded.open_store(Path(folder))
        _write(store.write, events)
        store.compact()
        store.close()
        segments = Path(folder, "segments").rglob("*")  # what is rolled leaves the tail two minutes later
        return sum(path.stat().st_size for path in segments if path.is_file()) / EVENTS


def _cluster(name: str, access: Access, events: list[Event]) -> dict[str, float]:
    """The sizes on one server: with the index mode for logs and without, where it has that."""
    with closing(Http(access)) as connection:
        found = facts.probe(connection, access.engine)
        plain = msgspec.structs.replace(found, version=_BEFORE_LOGSDB)
        kinds = (
            {f"{name} with logsdb": found, f"{name} without": plain} if found.has_logsdb else {name: found}
        )
        return {kind: _size(connection, access, told, events) for kind, told in kinds.items()}


def _size(connection: Http, access: Access, told: facts.Facts, events: list[Event]) -> float:
    namespace = f"bytes_{secrets.token_hex(4)}"
    list(setup.apply(connection, setup.plan(connection, told, Options(namespace=namespace))))
    module = opensearch if access.engine == facts.OPENSEARCH else elasticsearch
    with closing(module.open_store(access, namespace=namespace)) as store:
        _write(store.write, events)
    stream = names.stream(Dataset.INFERENCE, namespace)
    ask(connection, "POST", target(stream, "_forcemerge", max_num_segments="1"))
    ask(connection, "POST", target(stream, "_flush", force="true"))
    ask(connection, "POST", target(stream, "_refresh"))  # lets go of the segments that were merged
    stats = ask(connection, "GET", target(stream, "_stats", "store"))
    size: int = stats["_all"]["primaries"]["store"]["size_in_bytes"]
    return size / EVENTS
