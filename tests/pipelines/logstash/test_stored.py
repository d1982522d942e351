"""What the filter gives, in real clusters: written as Logstash's outputs write it, read as mlmon reads."""

import json
import re
import secrets
import urllib.request
from contextlib import closing
from importlib import import_module

import pytest

from mlmon.core import schema
from mlmon.core.query import Count, Query, Scan, Sum
from mlmon.core.schema import Dataset
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


def test_the_ingest_pipeline_of_the_documentation_stamps_once(engine, namespace, run, root):
    """The pipeline that the documentation shows replaces the filter's stamp, and leaves the rest."""
    if engine.kind != "opensearch":
        pytest.skip("this distribution of Elasticsearch has no ingest processors")
    shown = re.search(
        r"mlmon-ingested .*?-d '\n(.*?)'\n", (root / "docs" / "logstash.md").read_text(), re.DOTALL
    )
    assert shown is not None
    path = f"/_ingest/pipeline/{namespace}"
    assert engine.ask("PUT", path, json.loads(shown[1]))[0] == 200
    line = '{"time":"2013-03-01T10:00:00Z","event.id":"stamped","message":"cold"}'
    [made] = run([{"message": line, "@metadata": {"mlmon": {"form": "text"}}}], namespace=namespace)
    assert bulk(engine, [made], f"&pipeline={namespace}") == [201]
    query = {"query": {"term": {"event.id": "stamped"}}, "fields": ["event.ingested"]}
    _, told = engine.ask("POST", f"/{made['stream']}/_search", query)
    [stamp] = told["hits"]["hits"][0]["fields"]["event.ingested"]
    assert stamp > "2013-03-10T00:00:00"
    assert told["hits"]["hits"][0]["_source"]["log.level"] == "info"
