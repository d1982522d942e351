"""What the filter gives, in real clusters: written as Logstash's outputs write it, read as mlmon reads."""

import json
import secrets
import urllib.request
from contextlib import closing
from datetime import timedelta
from importlib import import_module

import pytest

from mlmon.core import clock, schema
from mlmon.core.query import Count, Max, Query, Scan, Sum
from mlmon.core.schema import Dataset
from mlmon.core.window import Window
from mlmon.pipelines.logstash.options import Output
from mlmon.stores.search import facts, setup
from mlmon.stores.search.access import Access
from mlmon.stores.search.connection import Http
from mlmon.stores.search.templates import Options

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def namespace(engine):
    """Set a namespace of its own up; give its name."""
    options = Options(namespace=f"logstash_{secrets.token_hex(3)}")
    with closing(Http(Access(url=engine.store_url))) as connection:
        found = facts.probe(connection, engine.kind.partition("_")[0])
        list(setup.apply(connection, setup.plan(connection, found, options)))
    return options.namespace


def bulk(engine, results, parameters=""):
    """Send documents as the outputs do, with op create and the event's id; give the status of each.

    What was refused for another reason than that it is there already is given in the cluster's words.
    """
    lines = []
    for result in results:
        action = {"_index": result["stream"], "_id": result["document"]["event.id"]}
        lines += [json.dumps({"create": action}), json.dumps(result["document"])]
    request = urllib.request.Request(
        f"{engine.url}/_bulk?refresh=true{parameters}",
        ("\n".join(lines) + "\n").encode(),
        {"Content-Type": "application/x-ndjson"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        items = [item["create"] for item in json.load(answer)["items"]]
    return [item["status"] if item["status"] in (201, 409) else json.dumps(item) for item in items]


@pytest.fixture(scope="module")
def results(engine, namespace, run, cases, as_text):
    """Give what the filter makes of the table's lines for this engine, each id once."""
    output = Output(kind=engine.kind.partition("_")[0])
    told = {"routes_itself": output.routes_itself, "hard_names": output.hard_names}
    made = run(map(as_text, cases), namespace=namespace, **told)
    return list(
        {(it["stream"], it["document"]["event.id"]): it for it in made if namespace in it["stream"]}.values()
    )


def test_a_cluster_takes_every_document_once(engine, results):
    """Every document is indexed, dead letters too, and one that comes again changes nothing."""
    assert set(bulk(engine, results)) <= {201, 409}
    assert set(bulk(engine, results)) == {409}


def test_mlmon_reads_what_logstash_wrote(engine, namespace, results):
    """Inferences, their features and app logs are read as if a collector had written them."""
    bulk(engine, results)
    module = import_module(f"mlmon.stores.{engine.kind.partition('_')[0]}")
    wanted: dict[str, set[str]] = {}
    for result in results:
        if ".deadletter-" not in result["stream"]:
            dataset = result["document"]["event.dataset"]
            wanted.setdefault(dataset, set()).add(result["document"]["event.id"])
    with closing(module.open_store(Access(url=engine.store_url), namespace=namespace)) as store:
        for dataset in (Dataset.INFERENCE, Dataset.OUTCOME, Dataset.HEALTH):
            scan = Scan(dataset=dataset, fields=(schema.EVENT_ID,))
            found = {row[schema.EVENT_ID] for batch in store.scan(scan) for row in batch}
            assert found == wanted[dataset]
        temp = schema.member(schema.FEATURES_NUMERIC, "temp")
        [row] = store.query(Query(dataset=Dataset.INFERENCE, measures={"n": Count(), "temp": Sum(temp)})).rows
        sums = [it["document"].get(schema.FEATURES_NUMERIC, {}).get("temp", 0) for it in results]
        assert (row["n"], row["temp"]) == (len(wanted[Dataset.INFERENCE]), sum(sums))


def test_dead_letters_are_found_by_their_reason(engine, namespace, results):
    """A dead letter is in the stream of its own, and its reason is a word to search for."""
    bulk(engine, results)
    query = {"query": {"term": {"error.type": "not_json"}}, "size": 100}
    status, told = engine.ask("POST", f"/logs-mlmon.app.deadletter-{namespace}/_search", query)
    assert status == 200
    found = {hit["_id"] for hit in told["hits"]["hits"]}
    wanted = [it["document"] for it in results if it["document"].get("error.type") == "not_json"]
    assert found == {document["event.id"] for document in wanted}
    assert {"event.original", "tags"} <= told["hits"]["hits"][0]["_source"].keys()


@pytest.mark.parametrize("parameters", ["", "&pipeline=_none"])
def test_the_cluster_stamps_what_logstash_sends(engine, namespace, run, parameters):
    """What waited in the filter's queue has the time of the request that stored it; a request may opt out."""
    if engine.kind != "opensearch":
        pytest.skip("this distribution of Elasticsearch has no ingest processors")
    name = f"stamped{parameters[1:9]}"
    line = json.dumps({"time": "2013-03-01T10:00:00Z", "event.id": name, "message": "cold"})
    [made] = run([{"message": line, "@metadata": {"mlmon": {"form": "text"}}}], namespace=namespace)
    made["document"][schema.EVENT_INGESTED] = "2013-03-01T11:00:00.000000Z"
    before = clock.to_text(clock.system() - clock.NS_PER_SECOND)
    assert bulk(engine, [made], parameters) == [201]
    query = {"query": {"term": {schema.EVENT_ID: name}}, "fields": [schema.EVENT_INGESTED]}
    _, told = engine.ask("POST", f"/{made['stream']}/_search", query)
    [hit] = told["hits"]["hits"]
    expected = made["document"][schema.EVENT_INGESTED] if parameters else before
    assert hit["_source"][schema.EVENT_INGESTED] >= expected
    assert (hit["_source"][schema.EVENT_INGESTED] == expected) == bool(parameters)
    assert len(hit["fields"][schema.EVENT_INGESTED]) == 1
    del hit["_source"][schema.EVENT_INGESTED], made["document"][schema.EVENT_INGESTED]
    assert hit["_source"] == made["document"]


def test_a_cursor_meets_what_waited_in_logstash(engine, namespace, run):
    """An event whose filter ran before a job's pass, and that is stored after it, is new to the next pass."""
    if engine.kind != "opensearch":
        pytest.skip("this distribution of Elasticsearch has no ingest processors")
    lines = [json.dumps({"time": "2013-03-01T10:00:00Z", "event.id": name}) for name in ("early", "waited")]
    early, waited = run(
        [{"message": line, "@metadata": {"mlmon": {"form": "text"}}} for line in lines], namespace=namespace
    )
    waited["document"][schema.EVENT_INGESTED] = "2013-03-01T11:00:00.000000Z"
    module = import_module("mlmon.stores.opensearch")
    with closing(module.open_store(Access(url=engine.store_url), namespace=namespace)) as store:
        assert bulk(engine, [early]) == [201]
        asked = Query(dataset=Dataset.APP, measures={"last": Max(schema.EVENT_INGESTED)})
        cursor = store.query(asked).rows[0]["last"]
        assert bulk(engine, [waited]) == [201]
        later = Window(start=cursor, end=cursor + timedelta(days=1))
        scan = Scan(dataset=Dataset.APP, window=later, time=schema.EVENT_INGESTED, fields=(schema.EVENT_ID,))
        assert "waited" in {row[schema.EVENT_ID] for batch in store.scan(scan) for row in batch}
