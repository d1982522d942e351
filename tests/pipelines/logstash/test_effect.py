import msgspec
import pytest

from mlmon.core.errors import InvalidEventError
from mlmon.core.event import decode
from mlmon.pipelines import deadletter
from mlmon.pipelines.logstash.effect import effect
from mlmon.pipelines.logstash.rules import DEAD_LETTER_TAG, ORIGINAL
from mlmon.pipelines.naming import Naming
from mlmon.pipelines.pipeline import Pipeline
from mlmon.pipelines.validate import REASONS, Validator
from mlmon.pipelines.wrapped import unwrapped


def collected(case, limits, clock):
    """Give what the collector makes of a line: a document and no reason, or a reason."""
    [line], named = unwrapped([case.bytes])
    name = None if named is None else lambda line, is_dated: named(0) or Naming().of("")(line, is_dated)
    try:
        return decode(Validator(limits, clock=clock)(line, name)), None
    except InvalidEventError as error:
        return None, error.reason


def test_both_wires_give_the_same(case, table, limits, clock, comparable):
    """By Logstash and by the collector each line gives the same document, or the same reason."""
    found = effect(case.bytes, table, clock=clock)
    document, reason = collected(case, limits, clock)
    assert (found.reason, reason) == (case.reason, case.reason)
    if document is not None:
        assert comparable(found.document) == comparable(document)


def test_the_collector_drops_no_line_of_the_table(cases, limits, clock, store, dead_folder):
    """Of all lines, sent together, each is stored, or is a dead letter with its reason and its bytes."""
    pipeline = Pipeline(store, deadletter.Folder(dead_folder), Validator(limits, clock=clock))
    receipt = pipeline.submit([case.bytes for case in cases], "http 127.0.0.1:1").result(30)
    pipeline.close()
    refused = [case for case in cases if case.reason is not None]
    assert receipt.stored + receipt.duplicates == len(cases) - len(refused)
    letters = list(deadletter.read(dead_folder))
    lines = [unwrapped([case.bytes])[0][0] for case in refused]
    kept = [
        line if len(line) <= limits.max_event_bytes else letter.record
        for line, letter in zip(lines, letters, strict=True)
    ]
    assert [letter.record for letter in letters] == kept
    assert [letter.reason for letter in letters] == [case.reason for case in refused]


def test_the_table_has_every_reason(cases):
    """No reason of the collector is missing from the table."""
    assert {case.reason for case in cases} == {None, *REASONS}


def test_a_dead_letter_keeps_the_line_and_says_why(table, clock):
    """A refused line becomes a document of the dead-letter stream, with the line, the reason and tags."""
    found = effect(b"up and running", table, clock=clock)
    assert found.stream == "logs-mlmon.app.deadletter-default"
    assert found.document[ORIGINAL] == "up and running"
    assert found.document["error.type"] == "not_json"
    assert found.tags == (DEAD_LETTER_TAG, "mlmon_not_json")


def test_a_line_that_is_refused_twice_is_one_dead_letter(table, clock):
    """The id of a dead letter comes from its line, so a line that is sent again is kept once."""
    first, again = (effect(b"cold", table, clock=clock) for _ in range(2))
    assert first.document["event.id"] == again.document["event.id"]


def test_a_dated_line_without_an_id_gets_the_same_one_again(table, clock):
    """A line that says its moment to less than a second has a stable id; another gets a new one each time."""
    dated, bare = b'{"time": "2013-03-01 10:00:00,123", "msg": "cold"}', b'{"msg": "cold"}'
    ids = [
        [effect(line, table, clock=clock).document["event.id"] for _ in range(2)] for line in (dated, bare)
    ]
    assert ids[0][0] == ids[0][1]
    assert ids[1][0] != ids[1][1]


@pytest.mark.parametrize("namespace", ["", "a-b", "Shop", "-a", "x" * 101, "a b", "..", "a:b"])
def test_a_namespace_that_no_stream_can_have_is_refused(table, clock, namespace):
    """Such an event would be refused by the cluster, so it is kept as a dead letter."""
    document = {
        "@timestamp": "2013-03-01T10:00:00Z",
        "log.level": "info",
        "event.id": "a",
        "event.dataset": "mlmon.app",
        "data_stream.namespace": namespace,
    }
    assert effect(msgspec.json.encode(document), table, clock=clock).reason == "not_valid"


def test_an_event_goes_to_the_stream_of_its_dataset_and_namespace(table, clock):
    """The stream is named by what the event says, else by the namespace that was rendered."""
    lines = [
        b'{"@timestamp": "2013-03-01T10:00:00Z", "log.level": "info", "event.id": "a",'
        b' "event.dataset": "mlmon.app"%b}' % more
        for more in (b"", b', "data_stream.namespace": "shop"')
    ]
    streams = [effect(line, table, clock=clock).stream for line in lines]
    assert streams == ["logs-mlmon.app-default", "logs-mlmon.app-shop"]
