import json
import random
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlmon.core import schema
from mlmon.core.errors import StoreError, StoreUnreachableError
from mlmon.stores.search import bulk, set_aside
from mlmon.stores.search.bulk import Bulk, Target
from mlmon.stores.search.lines import Lines
from mlmon.stores.search.mapping import UNINDEXED

TARGET = Target(index="logs-mlmon.inference-default", operation="create")


@pytest.fixture
def deliver(stub, connect, inference, monkeypatch):
    """Deliver inferences of the ids given to the stub, with short pauses."""
    monkeypatch.setattr(bulk, "_FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(bulk, "_LONGEST_PAUSE_S", 0.01)
    made = []

    def send(*ids, patience_s=30.0, **fields):
        one = Bulk(connect(stub.url), patience_s=patience_s)
        made.append(one)
        return one.deliver(TARGET, Lines.of(enumerate(inference(name, **fields) for name in ids)))

    yield send
    for one in made:
        one.close()


def _ids(count):
    return [f"p-{number}" for number in range(count)]


def test_an_event_is_stored_as_it_came_with_its_time_of_ingestion_in_front(stub, deliver, inference):
    """The bytes of an event are sent unchanged; only the time of ingestion is spliced in front of them."""
    assert deliver("a").stored == 1
    assert stub.documents["a"].startswith(b'{"event.ingested":"')
    assert stub.documents["a"].endswith(b'Z",' + inference("a").body[1:])


def test_an_event_has_one_time_of_ingestion(stub, deliver):
    """A time of ingestion that an event has already, as of another store, gives way to the writer's."""
    assert deliver("a", **{schema.EVENT_INGESTED: "2013-01-01T00:00:00Z"}).stored == 1
    pairs = json.loads(stub.documents["a"], object_pairs_hook=list)
    [stamp] = [value for name, value in pairs if name == schema.EVENT_INGESTED]
    assert stamp > "2026"


def test_what_is_there_already_is_a_duplicate(stub, deliver):
    """A document that the cluster has is counted as there, at its place, and the others are stored."""
    deliver("b", "d")
    done = deliver("a", "b", "c", "d")
    assert (done.stored, done.repeated, done.refused) == (2, [1, 3], [])


def test_a_busy_cluster_gets_less_at_once_until_it_takes_it(stub, deliver):
    """After a 429 of a whole request the batch is sent again in smaller requests, and nothing is lost."""
    stub.faults = [429, 503, 429, 429]
    done = deliver(*_ids(1000))
    assert done.stored == 1000
    assert len(stub.documents) == 1000
    assert max(stub.requests[4:]) < 500


def test_single_items_that_find_no_room_are_sent_again_alone(stub, deliver):
    """Documents answered with 429 or 5xx are sent again, and those that were stored are not."""
    stub.faults = [lambda name, _: {"p-1": 429, "p-2": 503}.get(name, 201)]
    done = deliver(*_ids(5))
    assert (done.stored, done.repeated) == (5, [])
    assert stub.requests == [5, 2]


def test_a_refused_event_is_reported_and_its_neighbours_go_on(stub, deliver):
    """An event that the cluster cannot keep comes back with its place and reason; the rest is stored."""
    stub.faults = [lambda name, _: 400 if name == "p-1" else 201]
    done = deliver(*_ids(3))
    assert done.stored == 2
    assert [(each.place, each.reason, each.detail) for each in done.refused] == [
        (1, "store_refused", "p-1: 400")
    ]


def test_members_a_cluster_cannot_name_are_kept_unindexed(stub, deliver):
    """An event refused for the names in it is sent again with those members aside, and so is stored."""
    stub.faults = [lambda _, source: 400 if b'"":' in source else 201]
    done = deliver("a", **{schema.LABELS: {"": "kept", "team": "x"}})
    assert (done.stored, done.refused) == (1, [])
    document = json.loads(stub.documents["a"])
    assert document[schema.LABELS] == {"team": "x"}
    assert document[UNINDEXED] == {schema.LABELS: {"": "kept"}}


def test_a_request_too_large_is_cut(stub, deliver):
    """A 413 makes the requests smaller; a single event that is too large is refused."""
    stub.faults = [413, 413]
    assert deliver(*_ids(90)).stored == 90
    assert stub.requests == [90, 45, 22, 22, 22, 22, 2]
    stub.faults = [413]
    [refused] = deliver("large").refused
    assert "takes no event of" in refused.detail


def test_an_answer_that_was_lost_makes_no_duplicate(stub, deliver):
    """Where the connection breaks after the work was done, sending again stores nothing twice."""
    stub.faults = ["cut"]
    done = deliver(*_ids(10))
    assert (done.stored, done.repeated) == (10, [])
    assert len(stub.documents) == 10


def test_patience_ends_with_the_cluster_s_reason(stub, deliver):
    """A cluster that takes nothing for too long is an error with its reason, never a silent loss."""
    stub.faults = [429] * 1000
    with pytest.raises(StoreError, match=r"took none of 3 documents for .* the stub says 429"):
        deliver(*_ids(3), patience_s=0.05)


@pytest.mark.parametrize(
    ("fault", "message"),
    [(401, "does not let this writer in"), (403, "docs/elasticsearch.md"), (400, "refused a bulk request")],
)
def test_a_closed_door_is_an_error_at_once(stub, deliver, fault, message):
    """A key that may not write is said at once, and not tried again."""
    stub.faults = [fault]
    with pytest.raises(StoreError, match=message):
        deliver("a")
    assert stub.requests == [1]


def test_a_stream_without_a_template_says_how_to_make_it(stub, deliver):
    """An item answered with 404 is an error that names the command that sets the cluster up."""
    stub.faults = [lambda *_: 404]
    with pytest.raises(StoreError, match="mlmon setup"):
        deliver("a")


def test_a_cluster_that_is_not_there_is_unreachable(connect, free_ports, inference):
    """A connection refused for longer than the patience is StoreUnreachableError, and names the address."""
    [port] = free_ports(1)
    one = Bulk(connect(f"elasticsearch://127.0.0.1:{port}"), patience_s=0.05)
    with pytest.raises(StoreUnreachableError, match=f"127.0.0.1:{port}"):
        one.deliver(TARGET, Lines.of([(0, inference("a"))]))
    one.close()


def test_a_large_batch_fills_two_requests(stub, deliver):
    """A batch is cut so that two requests are in flight, and a small one is not cut."""
    deliver(*_ids(1000))
    assert sorted(stub.requests) == [500, 500]
    deliver(*_ids(100))
    assert stub.requests[2:] == [100]


def test_times_of_ingestion_ascend_from_request_to_request(stub, connect, inference):
    """Each request has a later time of ingestion than the one before, also where the clock stands still."""
    one = Bulk(connect(stub.url), clock=lambda: 1_700_000_000_000_000_000)
    for name in ("a", "b", "c"):
        one.deliver(TARGET, Lines.of([(0, inference(name))]))
    one.close()
    stamps = [json.loads(stub.documents[name])[schema.EVENT_INGESTED] for name in ("a", "b", "c")]
    assert all(first < second for first, second in pairwise(stamps))


def test_only_hard_names_are_set_aside(inference):
    """Names that are blank or have dots go aside, others stay; an event without such names stays as it is."""
    event = inference("a", **{schema.FEATURES_NUMERIC: {"a.b": 1.0, "a": 2.0}, schema.LABELS: {" ": "x"}})
    moved = set_aside.hard_names(event.body)
    assert moved is not None
    document = json.loads(moved)
    assert document[schema.FEATURES_NUMERIC] == {"a": 2.0}
    assert document[UNINDEXED] == {schema.FEATURES_NUMERIC: {"a.b": 1.0}, schema.LABELS: {" ": "x"}}
    assert set_aside.hard_names(inference("b").body) is None


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(faults=st.lists(st.sampled_from([429, 503, "cut"]) | st.integers(1000), max_size=8))
def test_each_event_ends_in_one_way(stub, deliver, faults):
    """Whatever the cluster answers, each event is stored or refused, and those refused are named by place."""

    def mixed(seed):
        chance = random.Random(seed)
        codes = (201, 201, 400, 429, 503)
        return lambda name, _: 201 if name in stub.documents else chance.choice(codes)

    stub.documents.clear()
    stub.faults = [mixed(fault) if isinstance(fault, int) and fault >= 1000 else fault for fault in faults]
    ids = _ids(300)
    done = deliver(*ids)
    refused = {each.place for each in done.refused}
    assert len(refused) == len(done.refused)
    assert not done.repeated
    assert set(stub.documents) == {name for place, name in enumerate(ids) if place not in refused}
    assert done.stored == len(stub.documents)
