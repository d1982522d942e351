"""Setting real clusters up. A namespace is set up once, and each test puts back what it changes."""

import secrets

import pytest
from msgspec import structs

from mlmon.core.errors import StoreError, StoreVersionError
from mlmon.core.schema import Dataset
from mlmon.stores.search import facts, setup
from mlmon.stores.search.access import Access
from mlmon.stores.search.connection import Http
from mlmon.stores.search.setup import Status
from mlmon.stores.search.templates import CUSTOM, VERSION, Options

pytestmark = pytest.mark.slow
TEAM = Options(namespace="setup_test", shards=2, keep_events="3d")


@pytest.fixture(scope="module")
def connection(engine):
    """Connect to each engine in turn."""
    opened = Http(Access(url=engine.store_url))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def found(connection, engine):
    """Give the facts of the engine."""
    return facts.probe(connection, engine.kind.partition("_")[0])


@pytest.fixture(scope="module")
def made(connection, found):
    """Set the namespace up; give what was done."""
    done = list(setup.apply(connection, setup.plan(connection, found, TEAM)))
    yield done
    list(setup.remove(connection, found, TEAM))


@pytest.fixture
def replace_part(engine, made):
    """Give a function that puts another body in the place of a component, until the end of the test."""
    before = {}

    def put(name, body):
        path = f"/_component_template/{name}"
        _, told = engine.ask("GET", path)
        there = told["component_templates"][0]["component_template"]
        before[path] = {key: there[key] for key in ("template", "version", "_meta") if key in there}
        status, told = engine.ask("PUT", path, body)
        assert status == 200, told

    yield put
    for path, body in before.items():
        assert engine.ask("PUT", path, body)[0] == 200


def test_a_cluster_says_what_it_is(engine, found):
    """Engine, version and licence are found out, also of a server that says nothing at its root."""
    expected = {
        "elasticsearch_9": ("elasticsearch", (9, 5, 0), "basic"),
        "elasticsearch_8": ("elasticsearch", (8, 19, 21), "basic"),
        "opensearch": ("opensearch", (3, 8, 0), None),
    }
    assert found.has_ingest == (engine.kind == "opensearch")  # these Elasticsearch have no processors
    assert (found.engine, found.version, found.licence) == expected[engine.kind]
    assert found.is_supported


def test_setting_up_twice_changes_nothing(connection, found, made):
    """What was put is found the same again, whatever form the cluster gives it."""
    assert "logs-mlmon.inference-setup_test" in {change.part.name for change in made}
    again = setup.plan(connection, found, TEAM)
    assert {change.status for change in again} <= {Status.SAME, Status.YOURS}
    assert list(setup.apply(connection, again)) == []


def test_what_differs_is_shown_and_alone_put(connection, found, replace_part):
    """A setting that is otherwise is found, shown with both values, and only its part is put."""
    settings = {"index.number_of_shards": 7, "index.refresh_interval": "5s"}
    replace_part("mlmon@settings-setup_test", {"template": {"settings": settings}})
    plan = setup.plan(connection, found, TEAM)
    [due] = [change for change in plan if change.is_due]
    assert due.part.name == "mlmon@settings-setup_test"
    assert due.differences["template.settings.index.number_of_shards"] == ("7", "2")
    assert "template.settings.index.refresh_interval" not in due.differences
    assert list(setup.apply(connection, plan)) == [due]
    assert not any(change.is_due for change in setup.plan(connection, found, TEAM))


def test_a_newer_set_up_is_left_alone(connection, found, replace_part):
    """A part of a later version is neither overwritten nor removed; the error says what to do."""
    newer = {"template": {}, "_meta": {"managed_by": "mlmon", "version": VERSION + 1}}
    replace_part("mlmon@settings-setup_test", newer)
    with pytest.raises(StoreVersionError, match=r"of version 2.*install that one here too"):
        setup.plan(connection, found, TEAM)
    with pytest.raises(StoreVersionError, match="install that one here too"):
        list(setup.remove(connection, found, TEAM))


def test_the_users_component_is_kept_and_wins(engine, connection, found, replace_part):
    """What a user put into `mlmon@custom` is still there after setting up, and new indices follow it."""
    replace_part(CUSTOM, {"template": {"settings": {"index.refresh_interval": "7s"}}})
    list(setup.apply(connection, setup.plan(connection, found, TEAM)))
    _, told = engine.ask("POST", "/_index_template/_simulate_index/mlmon.metric-setup_test-2013.01")
    assert told["template"]["settings"]["index"]["refresh_interval"] == "7s"


def test_removing_takes_all_of_a_namespace_and_nothing_else(connection, found, made):
    """After removing, the parts of the namespace are absent, and those of all namespaces are not touched."""
    expected = [part.name for part in setup.going(connection, found, TEAM)]
    gone = [part.name for part in setup.remove(connection, found, TEAM)]
    assert gone == expected != []
    assert all(name.endswith("-setup_test") for name in gone)
    plan = setup.plan(connection, found, TEAM)
    assert {change.part.name for change in plan if change.is_due} == set(gone)
    assert list(setup.remove(connection, found, TEAM)) == []
    list(setup.apply(connection, plan))


def test_what_others_need_is_not_removed(connection, found, made):
    """While a namespace has settings of its own, or a stream is there, nothing of what serves all goes."""
    with pytest.raises(StoreError, match=r"Nothing was removed.*first"):
        list(setup.remove(connection, found, Options()))


@pytest.mark.parametrize("before", ["absent", "of another type"])
def test_streams_that_are_there_follow_new_mappings(engine, connection, found, made, replace_part, before):
    """After an upgrade a stream's newest index has the new field, added, or begun anew where it must be."""
    name = f"{Dataset.APP}@mappings"
    _, told = engine.ask("GET", f"/_component_template/{name}")
    old = told["component_templates"][0]["component_template"]["template"]
    fields = old["mappings"]["properties"]["log"]["properties"]
    was = fields.pop("logger")
    if before != "absent":
        fields["logger"] = {"type": "long"}
    replace_part(name, {"template": old, "_meta": {"managed_by": "mlmon", "version": 0}})
    own = Options(namespace=f"follow_{secrets.token_hex(4)}")  # never removed, for its stream stays
    put = [change for change in setup.plan(connection, found, own) if change.part.name != name]
    list(setup.apply(connection, put))
    stream = f"logs-mlmon.app-{own.namespace}"
    event = b'{"create":{}}\n{"@timestamp":"2013-03-01T00:00:00Z"}\n'
    assert engine.ask("POST", f"/{stream}/_bulk", event)[1]["errors"] is False
    list(setup.apply(connection, setup.plan(connection, found, own)))
    _, told = engine.ask("GET", f"/{stream}/_mapping")
    assert len(told) == (1 if before == "absent" else 2)
    newest = max(told)
    assert told[newest]["mappings"]["properties"]["log"]["properties"]["logger"]["type"] == was["type"]


def test_streams_that_are_there_let_the_cluster_stamp(engine, connection, found, made):
    """After an upgrade a stream that was there has what is sent to it from then on stamped."""
    if not found.has_ingest:
        pytest.skip("this distribution has no ingest processors")
    own = Options(namespace=f"stamp_{secrets.token_hex(4)}")
    list(setup.apply(connection, setup.plan(connection, structs.replace(found, has_ingest=False), own)))
    stream = f"logs-mlmon.app-{own.namespace}"
    event = b'{"create":{}}\n{"@timestamp":"2013-03-01T00:00:00Z","event.ingested":"2013-03-01T00:00:00Z"}\n'
    assert engine.ask("PUT", f"/_data_stream/{stream}")[0] == 200
    assert engine.ask("POST", f"/{stream}/_bulk", event)[1]["errors"] is False
    list(setup.apply(connection, setup.plan(connection, found, own)))
    assert engine.ask("POST", f"/{stream}/_bulk?refresh=true", event)[1]["errors"] is False
    _, told = engine.ask("GET", f"/{stream}/_search?sort=event.ingested")
    stamps = [hit["_source"]["event.ingested"] for hit in told["hits"]["hits"]]
    assert stamps[0] == "2013-03-01T00:00:00Z"
    assert stamps[1] > "2013-03-10"


def test_what_a_cluster_cannot_do_is_told(found):
    """A server without the part that deletes by age, or that stamps, yields a clear line for each."""
    told = dict(setup.missing(found))
    assert "lifecycle management" in told["lifecycle"] or "state management" in told["lifecycle"]
    assert ("stamps" in told) == (not found.has_ingest)


def test_what_answers_must_be_a_cluster(stub, connect):
    """An address at which something else answers is an error that names it."""
    stub.faults = []
    with pytest.raises(StoreError, match=r"does not say which cluster it is .*Check store.url"):
        facts.probe(connect(stub.url), "elasticsearch")
