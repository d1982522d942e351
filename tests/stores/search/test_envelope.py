"""What goes around a request: a secret that is read again, and a body that is compressed."""

import gzip
import secrets
from contextlib import closing

import pytest

from mlmon.core.config import StoreConfig
from mlmon.core.query import Count, Query
from mlmon.core.schema import Dataset
from mlmon.stores import elasticsearch, opensearch
from mlmon.stores.search import access, facts, setup
from mlmon.stores.search.access import Access
from mlmon.stores.search.connection import JSON, NDJSON, Http, Response, with_renewal
from mlmon.stores.search.envelope import Envelope
from mlmon.stores.search.templates import Options

URL = "elasticsearch://127.0.0.1:9200"


def test_a_bulk_body_is_compressed_where_that_is_set():
    """Events go by gzip and say so; questions go as they are, and so does everything by default."""
    packed = Envelope(Access(url=URL, compress=True))
    body, headers = packed.around(b"{}\n" * 100, NDJSON)
    assert body is not None
    assert (gzip.decompress(body), headers["content-encoding"]) == (b"{}\n" * 100, "gzip")
    assert packed.around(b"{}", JSON) == (b"{}", {"content-type": JSON})
    assert Envelope(Access(url=URL)).around(b"{}", NDJSON) == (b"{}", {"content-type": NDJSON})
    assert packed.around(None, JSON) == (None, {})


@pytest.fixture
def key(tmp_path):
    """Give the file of a key, and an envelope that has read it."""
    file = tmp_path / "key"
    file.write_text("old")
    return file, Envelope(access.of(StoreConfig(url=URL, key_file=str(file)), {}))


def _unless(envelope, known):
    """A cluster that knows one key."""

    def send():
        _, headers = envelope.around(None, JSON)
        return Response(status=200 if headers["Authorization"] == f"ApiKey {known}" else 401, body=b"")

    return send


def test_a_new_secret_in_the_file_is_tried_at_once(key):
    """A request that the cluster did not let in is sent again with what the file has now."""
    file, envelope = key
    assert with_renewal(envelope, _unless(envelope, "new")).status == 401
    file.write_text("new\n")
    assert with_renewal(envelope, _unless(envelope, "new")).status == 200


def test_a_secret_that_another_thread_renewed_is_tried_too(key):
    """Who was refused with the old secret asks again, though the renewing was done meanwhile."""
    file, envelope = key
    answers = [Response(status=200, body=b""), Response(status=401, body=b"")]

    def send():
        file.write_text("new")
        envelope.renewed()
        return answers.pop()

    assert with_renewal(envelope, send).status == 200


def test_a_file_that_went_away_changes_nothing(key):
    """Without its file the secret that was read stays."""
    file, envelope = key
    file.unlink()
    assert envelope.renewed().api_key == "old"
    file.write_text("")
    assert envelope.renewed().api_key == "old"


@pytest.mark.slow
def test_what_went_compressed_is_there(engine, inference):
    """Events that went by gzip, by the makers' client and by mlmon's own connection, are found."""
    packed = Access(url=engine.store_url, compress=True)
    namespace = f"packed_{secrets.token_hex(4)}"
    with closing(Http(packed)) as connection:
        found = facts.probe(connection, packed.engine)
        list(setup.apply(connection, setup.plan(connection, found, Options())))
        body = b'{"create":{"_id":"p-x"}}\n{"@timestamp":"2013-01-01T00:00:00Z"}\n'
        path = f"/logs-mlmon.inference-{namespace}/_bulk"
        assert not connection.send("POST", path, body, kind=NDJSON).json()["errors"]
    module = opensearch if engine.kind == "opensearch" else elasticsearch
    with closing(module.open_store(packed, namespace=namespace)) as store:
        assert store.write([inference(f"p-{number}") for number in range(300)]).stored == 300
        count = Query(dataset=Dataset.INFERENCE, measures={"n": Count()})
        assert store.query(count).rows == [{"n": 301}]
    engine.ask("DELETE", f"/_data_stream/logs-mlmon.inference-{namespace}")
