import msgspec
import pytest

from mlmon.pipelines.logstash import rules
from mlmon.pipelines.logstash.effect import effect
from mlmon.stores.search import names
from mlmon.stores.search.mapping import UNINDEXED


@pytest.fixture(scope="module")
def results(run, cases, as_text):
    """Give what the script makes of each line of the table."""
    return dict(zip([case.name for case in cases], run(map(as_text, cases)), strict=True))


def test_the_script_does_what_the_description_says(case, results, table, clock, comparable):
    """Each line of the table gives the same document and stream in Ruby as the description gives."""
    said, done = effect(case.bytes, table, clock=clock), results[case.name]
    document = dict(done["document"])
    assert document.pop("event.ingested") == "2013-03-10T00:00:00.000000Z"
    assert done["stream"] == said.stream
    assert comparable(document) == comparable(said.document)


@pytest.mark.slow
def test_the_ruby_of_logstash_does_the_same(run_in, jruby, cases, results, comparable, as_text):
    """JRuby, which Logstash runs on, gives the same for every line of the table as Ruby does."""
    done = run_in(jruby, map(as_text, cases))
    for case, each in zip(cases, done, strict=True):
        assert comparable(each["document"]) == comparable(results[case.name]["document"]), case.name


def test_what_an_input_has_read_already_gives_the_same(run, cases, results, comparable):
    """Events that Beats or json_lines bring as fields give the documents that their lines give as text."""
    whole = [
        case for case in cases if case.line is not None and results[case.name]["document"].get("tags") is None
    ]
    dated = [case for case in whole if "@timestamp" in msgspec.json.decode(case.line)]
    done = run(msgspec.json.decode(case.line) | {"@version": "1"} for case in dated)
    # A label's number may be spelled otherwise once it was read, so the id made of the bytes may too.
    wanted = [comparable(results[case.name]["document"]) for case in dated]
    for document in wanted:
        if "labels" in document:
            document["labels"] = {
                key: value for key, value in document["labels"].items() if key != "@version"
            }
    assert [comparable(each["document"]) for each in done] == wanted
    assert len(dated) > 10


def test_a_line_that_an_input_could_not_read_is_a_dead_letter(run):
    """Where json_lines marks a line as no JSON, the line is kept as it came."""
    [done] = run([{"message": "up and", "tags": ["_jsonparsefailure"], "@timestamp": "2013-03-10T00:00:00Z"}])
    assert done["document"]["error.type"] == "not_json"
    assert done["document"]["event.original"] == "up and"


def test_a_time_that_an_input_could_not_read_is_refused(run):
    """Where Logstash took the clock for a time that it cannot read, the event of ours is refused for it."""
    event = {
        "@timestamp": "2013-03-10T00:00:00Z", "_@timestamp": "soon", "tags": ["_timestampparsefailure"],
        "log.level": "info", "event.id": "a", "event.dataset": "mlmon.app",
    }  # fmt: skip
    [done] = run([event])
    assert done["document"]["error.message"] == "@timestamp must be a time as RFC 3339 with a zone."


def test_bytes_that_a_codec_replaced_are_known(run):
    """Logstash shows bytes that are not UTF-8 as text; such a line is refused for its encoding."""
    shown = {"message": '{\\"message\\": \\"\\xFF\\"}', "@metadata": {"mlmon": {"form": "text"}}}
    assert [done["document"]["error.type"] for done in run([shown])] == ["not_utf8"]


def test_the_output_for_elasticsearch_finds_its_stream(run):
    """With a data stream that routes itself its three parts are in the event, and the namespace once."""
    line = (
        '{"@timestamp":"2013-03-01T10:00:00Z","log.level":"info","event.id":"a","event.dataset":"mlmon.app",'
        '"data_stream.namespace":"shop"}'
    )
    event = {"message": line, "@metadata": {"mlmon": {"form": "text"}}}
    [done] = run([event], routes_itself="true")
    assert done["document"]["data_stream"] == {"type": "logs", "dataset": "mlmon.app", "namespace": "shop"}
    assert "data_stream.namespace" not in done["document"]


def test_what_a_cluster_refused_becomes_a_dead_letter(run):
    """An event from Logstash's dead letter queue is kept whole, with what the cluster said."""
    metadata = {"dead_letter_queue": {"reason": "mapper [x] cannot be changed"}}
    [done] = run([{"event.id": "a", "@metadata": metadata}], stage="rejected")
    assert done["stream"] == "logs-mlmon.app.deadletter-default"
    assert done["document"]["error.type"] == "not_indexed"
    assert "mapper [x]" in done["document"]["error.message"]
    assert msgspec.json.decode(done["document"]["event.original"]) == {"event.id": "a"}


def test_what_a_cluster_refused_is_kept_as_it_came(run):
    """What the filter and Logstash add to an event is not in its dead letter: it can be sent again."""
    assert rules.DEAD_LETTER_STREAM == names.DEAD_LETTERS
    line = (
        '{"@timestamp":"2013-03-01T10:00:00.000000Z","log.level":"info","event.id":"a","message":"cold",'
        '"event.dataset":"mlmon.app","data_stream.namespace":"shop"}'
    )
    [taken] = run([{"message": line, "@metadata": {"mlmon": {"form": "text"}}}], routes_itself="true")
    metadata = {"dead_letter_queue": {"reason": "no"}}
    [done] = run([taken["document"] | {"@version": "1", "@metadata": metadata}], stage="rejected")
    assert msgspec.json.decode(done["document"]["event.original"]) == msgspec.json.decode(line)


@pytest.mark.parametrize("said", ['"x"', '{"target_ingest_pipeline":"theirs"}'])
def test_a_sender_says_nothing_to_the_outputs(run, said):
    """The key that is Logstash's own is left out of an event, which is taken like any other."""
    line = (
        '{"@timestamp":"2013-03-01T10:00:00Z","log.level":"info","event.id":"a","event.dataset":"mlmon.app",'
        f'"@metadata":{said}}}'
    )
    [done] = run([{"message": line, "@metadata": {"mlmon": {"form": "text"}}}])
    assert done["stream"] == "logs-mlmon.app-default"
    assert "@metadata" not in done["document"]


def test_names_that_a_cluster_refuses_are_set_aside(run):
    """Members whose names are blank, or for OpenSearch have dots, are kept where nothing is indexed."""
    assert rules.UNINDEXED == UNINDEXED
    line = '{"time":"2013-03-01T10:00:00Z","labels":{"a":"1","b.c":"2"," ":"3"}}'
    event = {"message": line, "@metadata": {"mlmon": {"form": "text"}}}
    for hard_names, aside in (("none", {}), ("blank", {" ": "3"}), ("dotted", {"b.c": "2", " ": "3"})):
        [done] = run([event], hard_names=hard_names)
        document = done["document"]
        assert document.get(UNINDEXED, {}).get("labels", {}) == aside
        assert document["labels"] | aside == {"a": "1", "b.c": "2", " ": "3"}
        assert not document["labels"].keys() & aside.keys()
