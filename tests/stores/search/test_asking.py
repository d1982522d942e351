"""Half answers, refusals and silence: what a reader makes of a cluster that does not do its part.

The cluster is a stub that gives the answers it is told; what real ones say was copied from them.
"""

import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import msgspec
import pytest

from mlmon.core import query as q
from mlmon.core import schema
from mlmon.core.errors import StoreError, StoreUnreachableError
from mlmon.core.query import Query, Scan
from mlmon.core.result import Metric
from mlmon.core.schema import Dataset
from mlmon.core.window import Window
from mlmon.stores import elasticsearch, opensearch
from mlmon.stores.search import asking
from mlmon.stores.search.access import Access

COUNT = Query(dataset=Dataset.INFERENCE, measures={"n": q.Count()})
WHOLE = {
    "took": 1,
    "timed_out": False,
    "_shards": {"total": 2, "successful": 2, "skipped": 0, "failed": 0},
    "hits": {"total": {"value": 7, "relation": "eq"}, "hits": []},
}
FAILED = WHOLE | {
    "_shards": {
        "total": 2, "successful": 1, "skipped": 0, "failed": 1,
        "failures": [{"shard": 0, "reason": {"type": "x", "reason": "data too large"}}],
    }
}  # fmt: skip
REFUSED = {
    "error": {"root_cause": [{"type": "security_exception", "reason": "no permissions"}]},
    "status": 403,
}


class Stub:
    """A server that answers searches with what it is given, in turn, the last one for ever."""

    def __init__(self):
        self.answers: list[tuple[int, object]] = []
        self.asked: list[tuple[str, str, bytes]] = []
        stub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                stub.asked.append((self.command, self.path, body))
                status, answer = (404, {}) if "_resolve" in self.path else stub.next()
                raw = msgspec.json.encode(answer)
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            do_GET = do_POST = do_DELETE = do_PUT = do  # noqa: N815 - the names that the server calls

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def next(self):
        """Give the next answer."""
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def close(self):
        """Stop answering."""
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def stub():
    """Give a server that answers what it is told."""
    made = Stub()
    yield made
    made.close()


@pytest.fixture(params=["elasticsearch", "opensearch"])
def store(request, stub, monkeypatch):
    """Give a store of each engine's client on the stub, which does not wait long between tries."""
    monkeypatch.setattr(asking, "_PAUSES_S", (0.001, 0.001, 0.001))
    module = {"elasticsearch": elasticsearch, "opensearch": opensearch}[request.param]
    port = stub.server.server_address[1]
    opened = module.open_store(Access(url=f"{request.param}://127.0.0.1:{port}"))
    yield opened
    opened.close()


def test_a_whole_answer_says_how_many_shards_gave_it(store, stub):
    """An answer of all shards is given, with their number."""
    stub.answers = [(200, WHOLE)]
    answer = store.query(COUNT)
    assert (answer.rows, answer.shards) == ([{"n": 7}], 2)
    assert all("allow_partial_search_results=false" in path for _, path, _ in stub.asked if "_search" in path)


def test_a_failed_shard_is_an_error(store, stub):
    """What one shard did not count is not left out silently; the error has the reason."""
    stub.answers = [(200, FAILED)]
    with pytest.raises(StoreError, match=r"1 of 2 shards.*data too large"):
        store.query(COUNT)


def test_a_search_out_of_time_is_an_error(store, stub):
    """What was counted until the time was over is not an answer."""
    stub.answers = [(200, WHOLE | {"timed_out": True})]
    with pytest.raises(StoreError, match="did not finish"):
        store.query(COUNT)


def test_a_refusal_says_what_to_do(store, stub):
    """A user without the role is told so, with the cluster's reason; an unknown one to check the key."""
    stub.answers = [(403, REFUSED)]
    with pytest.raises(StoreError, match=r"no permissions.*role"):
        store.query(COUNT)
    stub.answers = [(401, {"error": "expired"})]
    with pytest.raises(StoreError, match=r"expired.*Check the key"):
        store.query(COUNT)


def test_a_busy_cluster_is_asked_again(store, stub):
    """A reader waits for a cluster that has too much to do, and gives up with its reason."""
    busy = (429, {"error": {"type": "es_rejected_execution_exception", "reason": "queue full"}})
    stub.answers = [busy, busy, (200, WHOLE)]
    assert store.query(COUNT).rows == [{"n": 7}]
    stub.answers = [busy]
    with pytest.raises(StoreError, match="queue full"):
        store.query(COUNT)


def test_an_answer_that_is_no_json_is_an_error(store, stub):
    """A proxy's page of words is told as what it is."""
    stub.answers = [(502, "Bad Gateway")]
    with pytest.raises(StoreError, match="Bad Gateway"):
        store.query(COUNT)


def test_nobody_there(store, stub):
    """Silence is told with the address."""
    stub.answers = [(200, WHOLE)]
    stub.close()
    with pytest.raises(StoreUnreachableError, match=r"127\.0\.0\.1.*did not answer"):
        store.query(COUNT)
    stub.close = lambda: None


def test_what_a_scan_opened_is_closed(store, stub):
    """Whether a scan is read to its end, left, or fails, the cluster need not hold its state any longer."""
    is_opensearch = type(store._connection).__module__.endswith("opensearch")
    hit = {"_id": "a", "_source": {schema.EVENT_ID: "a"}, "sort": [1, "a"]}
    page = WHOLE | {"hits": {"hits": [hit, hit | {"_id": "b"}]}}
    opened = [(200, WHOLE)] * is_opensearch + [(200, {"id": "s", "pit_id": "s"})]
    scan = Scan(dataset=Dataset.INFERENCE, batch_size=2)
    stub.answers = [*opened, (200, page), (200, {})]
    batches = store.scan(scan)
    assert len(next(batches)) == 2
    batches.close()
    assert stub.asked[-1][0] == "DELETE"
    stub.answers = [*opened, (200, FAILED), (200, {})]
    with pytest.raises(StoreError):
        list(store.scan(scan))
    assert stub.asked[-1][0] == "DELETE"


def test_an_event_in_two_indices_is_scanned_once(store, stub):
    """An event sent again after its stream began a new index is given once, across pages too."""
    is_opensearch = type(store._connection).__module__.endswith("opensearch")
    hits = [{"_id": name, "_source": {schema.EVENT_ID: name}, "sort": [1, name]} for name in "aabb"]
    pages = [WHOLE | {"hits": {"hits": hits[:3]}}, WHOLE | {"hits": {"hits": hits[3:]}}]
    opened = [(200, WHOLE)] * is_opensearch + [(200, {"id": "s", "pit_id": "s"})]
    stub.answers = [*opened, (200, pages[0]), (200, pages[1]), (200, {})]
    batches = list(store.scan(Scan(dataset=Dataset.INFERENCE, batch_size=3)))
    assert [it[schema.EVENT_ID] for batch in batches for it in batch] == ["a", "b"]


def test_what_was_written_is_made_visible_also_after_that_failed_once(store, stub):
    """Where a question could not refresh what this store wrote, the next one does, or it would miss that."""
    window = Window(start=datetime(2013, 3, 1, tzinfo=UTC), end=datetime(2013, 3, 2, tzinfo=UTC))
    stub.answers = [(200, {"errors": False, "items": []})]
    store.put([Metric(analyzer="t", model="m", name="x", window=window, size="1d", value=0.1, n=1)])
    written = Query(dataset=Dataset.METRIC, measures={"n": q.Count()})
    stub.answers = [(500, REFUSED), (200, WHOLE)]
    with pytest.raises(StoreError):
        store.query(written)
    stub.asked.clear()
    for _ in range(2):
        assert store.query(written).rows == [{"n": 7}]
    assert ["_refresh" in path for _, path, _ in stub.asked if "_resolve" not in path] == [True, False, False]
