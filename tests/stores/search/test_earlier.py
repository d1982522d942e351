"""A stream that began a new index, on real servers: what is sent again is there once."""

import secrets
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from mlmon.core import schema
from mlmon.core.clock import isoformat
from mlmon.core.errors import StoreUnreachableError
from mlmon.stores.search import asking, earlier, facts, setup
from mlmon.stores.search.access import Access
from mlmon.stores.search.connection import Http, Response
from mlmon.stores.search.earlier import Earlier
from mlmon.stores.search.templates import Options
from mlmon.stores.search.writer import ClusterWriter


class Counting:
    """A stub around a connection: counts the requests by their kind, and may lose one answer."""

    def __init__(self, inner):
        self.inner = inner
        self.url = inner.url
        self.kinds = []
        self.after = {}
        """By the kind of a request, what to do once when it has been answered."""

    def send(self, method, path, body=None, **kind):
        """Send it on, and count it."""
        self.kinds.append(path.partition("?")[0].split("/")[2])
        answer = self.inner.send(method, path, body, **kind)
        then = self.after.pop(self.kinds[-1], None)
        return answer if then is None else then(answer)

    def close(self):
        """Close what is behind it."""
        self.inner.close()


@pytest.fixture
def stream(engine):
    """Give a name for a stream of one's own, on a server that is set up."""
    with closing(Http(Access(url=engine.store_url))) as connection:
        found = facts.probe(connection, engine.kind.partition("_")[0])
        list(setup.apply(connection, setup.plan(connection, found, Options())))
    namespace = f"earlier_{secrets.token_hex(4)}"
    yield f"logs-mlmon.inference-{namespace}"
    engine.ask("DELETE", f"/_data_stream/logs-mlmon.inference-{namespace}")


@pytest.fixture
def opened(engine, stream):
    """Give a function that opens a writer to the stream, with the connection that counts."""
    made = []

    def open_one():
        connection = Counting(Http(Access(url=engine.store_url)))
        kind, namespace = engine.kind.partition("_")[0], stream.rpartition("-")[2]
        made.append(ClusterWriter(connection, engine=kind, namespace=namespace, patience_s=20))
        return made[-1], connection

    yield open_one
    for each in made:
        each.close()


@pytest.fixture
def roll(engine, stream):
    """Give a function that lets the stream begin a new index."""

    def once():
        status, told = engine.ask("POST", f"/{stream}/_rollover")
        assert (status, told["rolled_over"]) == (200, True)

    return once


@pytest.fixture
def count(engine, stream):
    """Give a function that counts what is in the stream."""

    def ask():
        engine.ask("POST", f"/{stream}/_refresh")
        return engine.ask("GET", f"/{stream}/_count")[1]["count"]

    return ask


@pytest.fixture
def now(inference):
    """Give a function that makes events of this moment by their numbers."""
    moment = isoformat(datetime.now(UTC))

    def make(*numbers, at=moment):
        return [inference(f"p-{number}", **{schema.TIMESTAMP: at}) for number in numbers]

    return make


@pytest.mark.slow
def test_what_is_sent_again_after_a_rollover_is_there_once(opened, roll, count, now):
    """The writer that sent it, at once, and that of another process both find it; what is new is stored."""
    first, _ = opened()
    assert first.write(now(*range(300))).stored == 300
    roll()
    again = first.write(now(*range(200, 400)))
    assert (again.stored, again.duplicates, again.repeated) == (100, 100, tuple(range(100)))
    roll()
    other, _ = opened()
    again = other.write(now(*range(450)))
    assert (again.stored, again.duplicates) == (50, 400)
    assert count() == 450


@pytest.mark.slow
def test_old_events_are_found_in_any_index_of_the_stream(opened, roll, count, now):
    """Events of long ago, as a copy sends them, are known three indices later."""
    writer, _ = opened()
    old = now(*range(50), at="2013-03-01T00:00:00Z")
    writer.write(old)
    for number in range(3):
        roll()
        writer.write(now(100 + number))
    assert opened()[0].write([*old, *now(*range(60), at="2013-03-02T00:00:00Z")[50:]]).duplicates == 50
    assert count() == 63


@pytest.mark.slow
def test_an_answer_lost_at_the_rollover_makes_no_double(opened, roll, count, now):
    """Events whose answer was lost, and whose stream rolled over before they went again, are there once."""
    writer, connection = opened()
    writer.write(now(0))

    def lose(_: Response):
        roll()
        raise StoreUnreachableError("the stub lost the answer")

    connection.after["_bulk"] = lose
    done = writer.write(now(*range(1, 51)))
    assert (done.stored, done.duplicates) == (50, 0)
    assert count() == 51


@pytest.mark.slow
def test_where_nothing_rolled_over_a_look_a_second_is_all(opened, now, monkeypatch):
    """Of a stream with one index no batch is searched for, and one look serves while it is believed."""
    monkeypatch.setattr(earlier, "LEAST_S", 60.0)
    writer, connection = opened()
    for part in range(20):
        writer.write(now(*range(100 * part, 100 * part + 100)))
    asked = [kind for kind in connection.kinds if kind.startswith("_")]
    assert (asked.count("_bulk"), asked.count("_settings"), asked.count("_search")) == (20, 1, 0)


@pytest.mark.slow
def test_events_younger_than_the_index_are_not_asked_for(opened, roll, now, monkeypatch):
    """After a rollover new events cost no search, once they are younger than it by what clocks may differ."""
    monkeypatch.setattr(earlier, "CLOCKS", timedelta())
    monkeypatch.setattr(earlier, "LEAST_S", 60.0)
    writer, connection = opened()
    writer.write(now(0))
    roll()
    writer, connection = opened()
    later = isoformat(datetime.now(UTC) + timedelta(seconds=30))
    for part in range(1, 11):
        writer.write(now(*range(100 * part, 100 * part + 100), at=later))
    assert connection.kinds.count("_bulk") == 10
    assert connection.kinds.count("_settings") == 1
    assert connection.kinds.count("_search") == 0
    writer.write(now(0))
    assert connection.kinds.count("_search") == 1


@pytest.mark.slow
def test_writers_that_repeat_each_other_make_no_double(opened, roll, count, now, monkeypatch):
    """Two writers that send the same in turns over three rollovers store it once, if each look is fresh."""
    monkeypatch.setattr(earlier, "LEAST_S", 0.0)
    monkeypatch.setattr(earlier, "SHARE", 1e9)
    (one, _), (other, _) = opened(), opened()
    stored = 0
    for part in range(12):
        batch = now(*range(100 * part, 100 * part + 100))
        stored += one.write(batch).stored
        if part % 4 == 1:
            roll()
        stored += other.write(batch[::2]).stored + one.write(batch[::3]).stored
    assert stored == count() == 1200


def test_a_user_who_may_not_read_is_not_asked_for_again(stub, connect, inference):
    """Where looking is refused, the writer writes as ever, and does not look a second time."""
    connection = Counting(connect(stub.url))
    connection.after["_settings"] = lambda _: Response(status=403, body=b"{}")
    known = Earlier(connection)
    events = [inference("a")]
    assert [known.ids("logs-x", events) for _ in range(3)] == [(), (), ()]
    assert connection.kinds == ["_settings"]


def test_a_cluster_too_busy_to_look_at_is_tried_later(stub, connect, inference, monkeypatch):
    """A cluster that has no time to say what it has is not written to meanwhile: that could make a double."""
    monkeypatch.setattr(asking, "_PAUSES_S", ())
    connection = Counting(connect(stub.url))
    connection.after["_settings"] = lambda _: Response(status=503, body=b"{}")
    writer = ClusterWriter(connection, engine="elasticsearch", patience_s=5)
    assert writer.write([inference("a")]).stored == 1
    writer.close()
    assert connection.kinds == ["_settings", "_settings", "_bulk"]
