"""Roles on a real Elasticsearch with TLS and a user for each, and what each may and may not."""

import base64
import json
import os
from datetime import UTC, datetime

import pytest

from mlmon.core import schema
from mlmon.core.config import StoreConfig
from mlmon.core.errors import StoreError, StoreUnreachableError
from mlmon.core.query import Count, Query, Scan
from mlmon.core.result import Metric
from mlmon.core.schema import Dataset
from mlmon.core.window import Window
from mlmon.stores import elasticsearch, opensearch
from mlmon.stores.search import access, facts, roles, scan, setup
from mlmon.stores.search.connection import Http
from mlmon.stores.search.letters import Stream
from mlmon.stores.search.roles import Role
from mlmon.stores.search.templates import Options
from mlmon.stores.search.writer import ClusterWriter

ELSEWHERE = "payroll"
STREAM = "logs-mlmon.inference-team_a"


@pytest.mark.parametrize("engine", ["elasticsearch", "opensearch"])
def test_the_roles_are_as_documented(engine, golden):
    """Every role is as it was read and agreed to."""
    golden(f"search/roles_{engine}.json", json.dumps(roles.paths(engine, "team_a"), indent=1) + "\n")


@pytest.fixture(scope="module")
def secured(start_secured):
    """Start a server with a user for each role in the namespace `team_a`, and one who may do everything."""
    users = {f"{role}": roles.elasticsearch(role, "team_a") for role in Role}
    both = roles.elasticsearch(Role.WRITER, "team_a")
    both["indices"] = [*both["indices"], *roles.elasticsearch(Role.READER, "team_a")["indices"]]
    everything = {"cluster": ["all"], "indices": [{"names": ["*"], "privileges": ["all"]}]}
    return start_secured({**users, "both": both, "admin": everything})


@pytest.fixture(scope="module")
def connect_as(secured):
    """Give a function of a user's name that connects as that user, believing the test's authority alone."""
    made = []

    def connect(user, password=secured.password, **trust):
        trust = trust or {"ca_file": str(secured.ca_file)}
        settings = StoreConfig(url=secured.url, user=user, **trust)
        made.append(Http(access.of(settings, {"MLMON_STORE_PASSWORD": password})))
        return made[-1]

    yield connect
    for each in made:
        each.close()


@pytest.fixture(scope="module")
def ready(connect_as):
    """Set the cluster up as its provisioner, and give a foreign index a document."""
    provisioner = connect_as(Role.PROVISIONER)
    found = facts.probe(provisioner, "elasticsearch")
    for options in (Options(), Options(namespace="team_a")):
        list(setup.apply(provisioner, setup.plan(provisioner, found, options)))
    admin = connect_as("admin")
    assert admin.send("PUT", f"/{ELSEWHERE}/_doc/1?refresh=true", b'{"salary": 1}').is_well


@pytest.fixture
def write_as(connect_as, ready):
    """Give a function that writes events as a user."""
    made = []

    def write(user, *events, namespace="team_a"):
        made.append(ClusterWriter(connect_as(user), engine="elasticsearch", namespace=namespace))
        return made[-1].write(events)

    yield write
    for each in made:
        each.close()


pytestmark = pytest.mark.slow


def test_the_writer_adds_events_and_cannot_read_them(write_as, connect_as, inference):
    """The writer's event is stored, sent again it is a duplicate, and the writer is refused to search."""
    event = inference("w-1")
    assert write_as(Role.WRITER, event).stored == 1
    assert write_as(Role.WRITER, event).duplicates == 1
    assert connect_as(Role.WRITER).send("GET", f"/{STREAM}/_search").status == 403
    assert connect_as(Role.WRITER).send("DELETE", f"/{STREAM}").status == 403


def test_a_writer_that_may_read_knows_what_an_earlier_index_has(write_as, connect_as, inference):
    """After a rollover who reads and writes finds what is there; a writer alone goes on, not knowing."""
    events = [inference(f"b-{number}") for number in range(10)]
    assert write_as("both", *events).stored == 10
    admin = connect_as("admin")
    assert admin.send("POST", f"/{STREAM}/_refresh").is_well
    assert admin.send("POST", f"/{STREAM}/_rollover").is_well
    assert write_as("both", *events).duplicates == 10
    assert write_as(Role.WRITER, *events).stored == 10


def test_the_reader_reads_and_cannot_write(write_as, connect_as, inference):
    """The reader finds what the writer wrote, and is refused to add anything."""
    write_as(Role.WRITER, inference("r-1"))
    assert connect_as("admin").send("POST", f"/{STREAM}/_refresh").is_well
    query = json.dumps({"query": {"term": {schema.EVENT_ID: "r-1"}}}).encode()
    answer = connect_as(Role.READER).send("POST", f"/{STREAM}/_search", query)
    assert answer.json()["hits"]["total"]["value"] == 1
    with pytest.raises(StoreError, match=r"does not let this writer in \(403\)"):
        write_as(Role.READER, inference("r-2"))


def test_the_analyzer_reads_events_and_writes_what_it_computes(write_as, connect_as, inference):
    """The analyzer reads, writes metrics and small values, and is refused to add inferences."""
    analyzer = connect_as(Role.ANALYZER)
    assert analyzer.send("GET", f"/{STREAM}/_search").is_well
    assert analyzer.send("POST", f"/{STREAM}/_refresh").is_well
    for index in ("mlmon.metric-team_a-2013.01", "mlmon.state-team_a"):
        assert analyzer.send("PUT", f"/{index}/_doc/1", b"{}").is_well
        assert analyzer.send("PUT", f"/{index}/_doc/1", b"{}").is_well
    with pytest.raises(StoreError, match="403"):
        write_as(Role.ANALYZER, inference("a-1"))


def test_the_operator_works_off_dead_letters_and_deletes_nothing_else(write_as, connect_as, inference):
    """The operator adds events, reads and deletes dead letters, and is refused to delete an event."""
    admin, operator = connect_as("admin"), connect_as(Role.OPERATOR)
    document = b'{"@timestamp":"2013-03-01T10:00:00Z","event.id":"d-1","error.type":"not_json"}'
    path = "/logs-mlmon.app.deadletter-team_a/_create/d-1?refresh=true&pipeline=_none"
    assert admin.send("PUT", path, document).is_well
    letters = Stream(operator, scan.ELASTICSEARCH, "logs-mlmon.app.deadletter-team_a")
    assert letters.counts() == {"not_json": 1}
    assert letters.is_open()
    assert not Stream(connect_as(Role.WRITER), scan.ELASTICSEARCH, letters.name).is_open()
    assert write_as(Role.OPERATOR, inference("o-1")).stored == 1
    [found] = [kept for page in letters.read() for kept in page]
    refused = Stream(connect_as(Role.READER), scan.ELASTICSEARCH, letters.name)
    assert refused.counts() == {"not_json": 1}
    with pytest.raises(StoreError, match="does not allow this"):
        refused.remove([found])
    letters.remove([found])
    letters.remove([found])
    assert letters.counts() == {}
    events = Stream(operator, scan.ELASTICSEARCH, STREAM)
    [event] = [kept for page in events.read() for kept in page if kept.id == "o-1"]
    with pytest.raises(StoreError, match="did not delete 1 of 1"):
        letters.remove([event])


@pytest.fixture
def store_as(secured, ready):
    """Give a function of a role that opens the store of the namespace in it."""
    made = []

    def opened(role):
        settings = StoreConfig(url=secured.url, user=str(role), ca_file=secured.ca_file)
        way_in = access.of(settings, {"MLMON_STORE_PASSWORD": secured.password})
        made.append(elasticsearch.open_store(way_in, namespace="team_a"))
        return made[-1]

    yield opened
    for each in made:
        each.close()


def test_each_role_is_enough_for_its_work(store_as, inference):
    """A collector's, a job's and a page's store each do all of their work in their role."""
    assert store_as(Role.WRITER).write([inference("s-1")]).stored == 1
    jobs = store_as(Role.ANALYZER)
    window = Window(start=datetime(2013, 3, 1, tzinfo=UTC), end=datetime(2013, 3, 2, tzinfo=UTC))
    fresh = Query(dataset=Dataset.INFERENCE, time=schema.EVENT_INGESTED, measures={"n": Count()})
    assert jobs.query(fresh).rows[0]["n"] >= 1
    jobs.put([Metric(analyzer="t", model="m", name="x", window=window, size="1d", value=1.0, n=1)])
    jobs.write_blob("reference/m", b"r")
    for store in (jobs, store_as(Role.READER)):
        assert [b for batch in store.scan(Scan(dataset=Dataset.METRIC)) for b in batch]
        assert store.read_blob("reference/m") == b"r"
        assert store.list_blobs("reference/") == ["reference/m"]
        assert store.members(Dataset.INFERENCE, schema.SEGMENT) == []
        assert {holding.dataset for holding in store.holdings()} >= {Dataset.INFERENCE, Dataset.METRIC}


@pytest.mark.parametrize("role", list(Role))
def test_none_touches_another_index_or_namespace(connect_as, ready, role):
    """Every role is refused an index that is not mlmon's, and another namespace's streams."""
    user = connect_as(role)
    assert user.send("GET", f"/{ELSEWHERE}/_search").status == 403
    assert user.send("PUT", f"/{ELSEWHERE}/_doc/2", b"{}").status == 403
    assert user.send("DELETE", f"/{ELSEWHERE}").status == 403
    other = "/logs-mlmon.inference-team_b"
    event = b'{"create":{}}\n{"@timestamp":"2013-01-01T00:00:00Z"}\n'
    answer = user.send("POST", f"{other}/_bulk", event, kind="application/x-ndjson")
    statuses = [answer.status] if not answer.is_well else [
        item["create"]["status"] for item in answer.json()["items"]
    ]  # fmt: skip
    assert statuses == [403]


def test_a_wrong_password_is_told_as_such(write_as, connect_as, inference):
    """Whoever has the wrong password hears that, at once, and what to check."""
    with pytest.raises(StoreError, match=r"lets nobody in this way \(401\)"):
        facts.probe(connect_as(Role.PROVISIONER, password="wrong"), "elasticsearch")


def test_an_api_key_that_is_none_is_told_as_such(secured, ready, inference):
    """Whoever has a key that the cluster does not know hears that, at once, and what to check."""
    settings = StoreConfig(url=secured.url, ca_file=str(secured.ca_file))
    key = base64.b64encode(b"not-there:any-secret-at-all").decode()
    connection = Http(access.of(settings, {"MLMON_STORE_KEY": key}))
    writer = ClusterWriter(connection, engine="elasticsearch", namespace="team_a")
    with pytest.raises(StoreError, match=r"does not let this writer in \(401\)"):
        writer.write([inference("no-key")])
    writer.close()
    connection.close()


@pytest.mark.slow
def test_an_api_key_opens_the_cluster_that_the_environment_names(require, inference):
    """With MLMON_TEST_KEY the cluster at MLMON_TEST_URL is set up, written to, read and left clean."""
    settings = StoreConfig(url=require("cluster with a key"), namespace="mlmon_key_test")
    way_in = access.of(settings, {"MLMON_STORE_KEY": os.environ["MLMON_TEST_KEY"]})
    connection = Http(way_in)
    found = facts.probe(connection, way_in.engine)
    for options in (Options(), Options(namespace=settings.namespace)):
        list(setup.apply(connection, setup.plan(connection, found, options)))
    opener = elasticsearch if way_in.engine == "elasticsearch" else opensearch
    store = opener.open_store(way_in, namespace=settings.namespace)
    assert store.write([inference("by-key")]).stored == 1
    assert store.query(Query(dataset=Dataset.INFERENCE, measures={"n": Count()})).rows == [{"n": 1}]
    store.close()
    assert connection.send("DELETE", f"/_data_stream/logs-mlmon.*-{settings.namespace}").is_well
    list(setup.remove(connection, found, Options(namespace=settings.namespace)))
    connection.close()


def test_only_the_certificate_named_is_believed(connect_as, secured, certificates):
    """A pinned certificate or authority is believed, and no other, not even the system's."""
    path = "/_security/_authenticate"
    assert connect_as("admin", fingerprint=secured.fingerprint).send("GET", path).is_well
    with pytest.raises(StoreUnreachableError, match="ingerprint"):
        connect_as("admin", fingerprint="ab" * 32).send("GET", path)
    with pytest.raises(StoreUnreachableError, match="certificate"):
        connect_as("admin", ca_file=certificates.other_ca).send("GET", path)
