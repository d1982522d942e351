"""What the benchmarks of writing to a cluster share: the events, one server, and each way of writing them.

The server is the one that MLMON_TEST_ELASTICSEARCH_9 names. Each measurement writes to a stream of its own.
"""

import os
import random
import secrets
import time
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import _embedded
import elasticsearch
import orjson
from elasticsearch import helpers
from msgspec import Struct

from mlmon.core.event import Event
from mlmon.stores.elasticsearch import ClientConnection
from mlmon.stores.search import facts, names, setup
from mlmon.stores.search.access import Access
from mlmon.stores.search.templates import Options
from mlmon.stores.search.writer import ClusterWriter

EVENTS = 60_000
BATCH = 8_000
ROUNDS = 3
VARIABLE = "MLMON_TEST_ELASTICSEARCH_9"


class Cost(Struct, frozen=True, kw_only=True):
    """What writing one event took: seconds of time, and seconds of this process' CPU."""

    seconds: float
    cpu_s: float


def server() -> str:
    """The address of the server to measure against.

    Raises:
        RuntimeError: none is named.

    """
    url = os.environ.get(VARIABLE, "")
    if not url:
        raise RuntimeError(
            f"no server: name a running Elasticsearch 9 in {VARIABLE}, as http://127.0.0.1:9200"
        )
    return url


@cache
def events() -> list[Event]:
    """The same events on every run, about 560 bytes each."""
    random_ = random.Random(1)  # noqa: S311 - the same events on every run
    return [_embedded.event(number, random_) for number in range(EVENTS)]


class _Orjson(elasticsearch.serializer.JsonSerializer):
    """The client's own way to be given a faster serializer."""

    def dumps(self, data: Any) -> bytes:  # noqa: ANN401 - the client's own signature
        return data if isinstance(data, bytes) else orjson.dumps(data)

    def loads(self, data: bytes) -> Any:  # noqa: ANN401 - the client's own signature
        return orjson.loads(data)


def ours() -> Callable[[], None]:
    """Write with the bulk writer, in batches as the collector hands them over."""
    namespace = _fresh()
    writer = ClusterWriter(
        ClientConnection(Access(url=server().replace("http://", "elasticsearch://"))),
        engine="elasticsearch",
        namespace=namespace,
    )

    def write() -> None:
        stored = 0
        for first in range(0, EVENTS, BATCH):
            stored += writer.write(events()[first : first + BATCH]).stored
        assert stored == EVENTS
        writer.close()

    return write


def theirs(*, threads: int | None = None, with_orjson: bool = False) -> Callable[[], None]:
    """Write with `helpers.bulk` and its defaults, or with `parallel_bulk` and so many threads."""
    stream = names.stream(events()[0].dataset, _fresh())
    made: dict[str, Any] = {"serializer": _Orjson()} if with_orjson else {}
    client = elasticsearch.Elasticsearch(server(), request_timeout=60, **made)
    documents = [(event.id, orjson.loads(event.body)) for event in events()]

    def actions() -> Iterator[dict[str, Any]]:
        for name, document in documents:
            yield {"_op_type": "create", "_index": stream, "_id": name, "_source": document}

    def write() -> None:
        if threads is None:
            stored, _ = helpers.bulk(client, actions())
        else:
            stored = sum(ok for ok, _ in helpers.parallel_bulk(client, actions(), thread_count=threads))
        assert stored == EVENTS

    return write


def measured(make: Callable[[], Callable[[], None]]) -> Cost:
    """The cost of an event; what is prepared before is not counted."""
    write = make()
    started, cpu = time.perf_counter(), time.process_time()
    write()
    return Cost(seconds=(time.perf_counter() - started) / EVENTS, cpu_s=(time.process_time() - cpu) / EVENTS)


def against(peer: Callable[[], Callable[[], None]]) -> tuple[Cost, Cost]:
    """Ours and the peer's, in turns; the best of each, since a server has other work now and then."""
    measured(ours)  # the server's own warming up
    rounds = [(measured(ours), measured(peer)) for _ in range(ROUNDS)]
    mine, other = zip(*rounds, strict=True)
    return _best(mine), _best(other)


def _best(costs: tuple[Cost, ...]) -> Cost:
    return Cost(seconds=min(cost.seconds for cost in costs), cpu_s=min(cost.cpu_s for cost in costs))


def _fresh() -> str:
    """A namespace that nothing was written to, on a server that is set up."""
    access = Access(url=server().replace("http://", "elasticsearch://"))
    connection = ClientConnection(access)
    found = facts.probe(connection, access.engine)
    list(setup.apply(connection, setup.plan(connection, found, Options())))
    connection.close()
    return f"bench_{secrets.token_hex(4)}"
