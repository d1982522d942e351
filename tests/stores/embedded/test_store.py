import json
import os
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mlmon.core import query as q
from mlmon.core import schema
from mlmon.core.errors import (
    StoreError,
    StoreFullError,
    StoreLockedError,
    StoreUnreachableError,
    StoreVersionError,
    UsageError,
)
from mlmon.core.event import parse
from mlmon.core.query import Query, Scan
from mlmon.core.result import Metric, from_document
from mlmon.core.schema import Dataset
from mlmon.core.window import Window
from mlmon.stores.embedded import Group, open_store

COUNT = Query(dataset=Dataset.INFERENCE, measures={"n": q.Count(), "ids": q.Distinct(schema.EVENT_ID)})
WRITE = """
import sys
from mlmon.core.event import parse
from mlmon.stores.embedded import open_store
line, folder, batches, roll_rows = sys.argv[1].encode(), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
store = open_store(folder, roll_rows=roll_rows)
for batch in range(batches):
    store.write([parse(line.replace(b"12345", b"%d" % (batch * 20 + at))) for at in range(20)])
    print(batch * 20 + 20, flush=True)
store.close()
"""


def counted(store):
    """How many events there are, each once."""
    row = store.query(COUNT).rows[0]
    assert row["n"] == row["ids"]
    return row["n"]


def start_writer(line: bytes, folder: Path, batches: int, roll_rows: int) -> subprocess.Popen[str]:
    """Start a process that writes batches of 20 and prints how many events were acknowledged."""
    arguments = [line.decode(), str(folder), str(batches), str(roll_rows)]
    return subprocess.Popen(
        [sys.executable, "-c", WRITE, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_reader_sees_every_event_once_while_another_process_writes_and_rolls(tmp_path, make):
    """No count falls, no event is there twice or missing once it was acknowledged, and no read fails."""
    open_store(tmp_path).close()
    reader = open_store(tmp_path, read_only=True)
    acknowledged = [0]
    last = reads = 0
    with start_writer(make(12345).body, tmp_path, 400, 300) as writer:

        def follow() -> None:
            acknowledged.extend(int(line) for line in writer.stdout or ())

        following = threading.Thread(target=follow)
        following.start()
        while following.is_alive() or reads < 1000:
            at_least = acknowledged[-1]
            count = counted(reader)
            assert count >= max(last, at_least)
            last, reads = count, reads + 1
        following.join()
    assert writer.returncode == 0
    assert counted(reader) == 8000
    reader.close()


def test_killed_writer_loses_no_acknowledged_event(tmp_path, make):
    """After kill -9 every acknowledged event is there once, and writing all again adds only the rest."""
    last = 0
    with start_writer(make(12345).body, tmp_path, 10_000, 300) as writer:
        assert writer.stdout is not None
        while last < 1500:
            last = int(writer.stdout.readline())
        writer.send_signal(signal.SIGKILL)
        rest = writer.stdout.read().split("\n")[:-1]
    last = int(rest[-1]) if rest else last
    store = open_store(tmp_path)
    store.lock(Group.EVENTS)  # recovers what was written whole and not yet acknowledged
    there = counted(store)
    assert there >= last
    written = store.write([make(number) for number in range(there + 50)])
    assert (written.stored, counted(store)) == (50, there + 50)
    store.close()


def test_torn_tail_is_cut_and_kept_aside(tmp_path, make):
    """Half a line at the end of the tail is cut when a writer opens, and is kept beside it."""
    store = open_store(tmp_path)
    store.write([make(1)])
    tail = next((tmp_path / "tail").glob("events-*.ndjson"))
    with tail.open("ab") as file:
        file.write(b'{"@timestamp":"2013')
    assert counted(open_store(tmp_path, read_only=True)) == 1
    os.close(store._writers.popitem()[1]._lock)  # as the end of a process would
    again = open_store(tmp_path)
    assert again.write([make(1), make(2)]).stored == 1
    assert counted(again) == 2
    again.close()
    assert next((tmp_path / "tail").glob("*.torn")).read_bytes() == b'{"@timestamp":"2013\n'
    store._engine.close()


def test_second_writer_is_refused_with_the_name_of_the_first(tmp_path, make):
    """A second process that writes the same group learns who holds the lock; the other group is free."""
    store = open_store(tmp_path)
    store.write([make(1)])
    with start_writer(make(12345).body, tmp_path, 1, 300) as writer:
        _, errors = writer.communicate()
    assert writer.returncode == 1
    assert "StoreLockedError" in errors
    assert f"pid {os.getpid()}" in errors
    other = open_store(tmp_path)
    other.write_blob("a", b"1")
    with pytest.raises(StoreLockedError, match="pid"):
        other.write([make(2)])
    other.close()
    store.close()
    free = open_store(tmp_path)
    assert free.write([make(2)]).stored == 1
    free.close()


def test_store_of_a_newer_version_is_refused(tmp_path):
    """The message names both versions."""
    open_store(tmp_path).close()
    (tmp_path / "VERSION").write_text("7\n")
    for read_only in (True, False):
        with pytest.raises(StoreVersionError, match=r"version 7.*version 1"):
            open_store(tmp_path, read_only=read_only)


def test_folder_that_is_no_store_is_refused(tmp_path):
    """A folder with other files is not taken over, and one that is not there cannot be read."""
    (tmp_path / "thesis.txt").write_text("x")
    with pytest.raises(StoreUnreachableError, match="other files"):
        open_store(tmp_path)
    with pytest.raises(StoreUnreachableError, match="no store"):
        open_store(tmp_path / "nowhere", read_only=True)


def test_reader_does_not_write(tmp_path, make):
    """A store opened to read only refuses to write."""
    open_store(tmp_path).close()
    store = open_store(tmp_path, read_only=True)
    with pytest.raises(UsageError, match="read only"):
        store.write([make(1)])
    store.close()


def test_full_disk_keeps_nothing_of_the_batch(tmp_path, make):
    """Where the tail cannot grow, the batch is refused whole, and it can be written again later."""
    code = f"""
import resource, signal, sys
from mlmon.core.errors import StoreFullError
from mlmon.core.event import parse
from mlmon.core import query as q
from mlmon.stores.embedded import open_store
line = {make(12345).body!r}
events = [parse(line.replace(b"12345", b"%d" % at)) for at in range(1000)]
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = open_store({str(tmp_path)!r})
store.write(events[:10])
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
try:
    store.write(events)
except StoreFullError as error:
    print("full", "Free space" in str(error))
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
print(store.holdings()[0].count)
print(store.write(events).stored, store.holdings()[0].count)
store.close()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n") == ["full True", "10", "990 1000", ""]
    assert issubclass(StoreFullError, Exception)


ODD = {
    "a key twice": b'"event.kind":"event","event.kind":"other"',
    "a member twice": b'"mlmon.segment":{"a":"1","a":"2"}',
    "NUL": b'"message":"a\\u0000b"',
    "a huge number": b'"unknown":123456789012345678901234567890,"mlmon.prediction.value":1e308',
    "a tiny number": b'"mlmon.prediction.value":1e-400',
    "keys that differ in case": b'"Message":"x","message":"y"',
    "members that differ in case": b'"labels":{"A":"1","a":"2","":"3","\\u0000":"4"}',
    "the time of ingestion": b'"event.ingested":"1999-01-01T00:00:00Z"',
    "an unknown object": b'"other":{"a":[1,{"b":null}]}',
    "a key of another dataset": b'"mlmon.outcome.label":5',
}


def test_a_dataset_written_with_spaces_is_seen_whatever_labels_say(tmp_path, make):
    """An event in the tail is found by what it is, however its dataset is spelled and labels are called."""
    tag = b'"event.dataset":"mlmon.inference"'
    label = b'"labels":{"event.dataset":"mlmon.outcome"},'
    spaced = b'"event.dataset" : "mlmon.inference"'
    store = open_store(tmp_path)
    store.write(
        [
            parse(make(0).body.replace(tag, spaced)),
            parse(make(1).body.replace(tag, label + spaced)),
            parse(make(2).body.replace(tag, label + tag)),
        ]
    )
    assert counted(store) == 3
    assert store.query(Query(dataset=Dataset.OUTCOME, measures={"n": q.Count()})).rows == [{"n": 0}]
    store.close()


@pytest.mark.parametrize("name", ODD)
def test_odd_but_valid_event_is_kept(tmp_path, make, name):
    """Whatever was validated is stored and found, in the tail and in segments, and its neighbours too."""
    body = make(1).body
    odd = parse(body.replace(b'"log.level"', ODD[name] + b',"log.level"', 1))
    store = open_store(tmp_path)
    store.write([make(0), odd, make(2)])
    assert counted(store) == 3
    before = [document for batch in store.scan(Scan(dataset=Dataset.INFERENCE)) for document in batch]
    store.close()
    again = open_store(tmp_path)
    assert again.write([odd]).duplicates == 1
    after = [document for batch in again.scan(Scan(dataset=Dataset.INFERENCE)) for document in batch]
    again.close()
    assert before == after
    assert not list((tmp_path / "dead").iterdir())


@pytest.mark.parametrize(
    "moment",
    [
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999999Z",
        "2013-03-01t12:00:00z",
        "2013-03-01 12:00:00+05:30",
    ],
)
def test_any_moment_is_kept(tmp_path, make, moment):
    """Dates at the ends of time and in every form that validation lets pass are stored."""
    store = open_store(tmp_path)
    event = make(1, **{schema.TIMESTAMP: moment})
    store.write([event])
    for _ in range(2):
        found = next(store.scan(Scan(dataset=Dataset.INFERENCE)))
        assert found[0][schema.TIMESTAMP] == event.timestamp
        store.close()
        store = open_store(tmp_path)
    store.close()


def test_unknown_keys_survive_the_roll(tmp_path, make):
    """What the schema does not know comes back from a scan."""
    store = open_store(tmp_path)
    store.write([make(1, **{"my.key": [1, {"a": None}], "Ünknown": "x"}), make(2)])
    store.close()
    store = open_store(tmp_path)
    first, second = next(store.scan(Scan(dataset=Dataset.INFERENCE)))
    assert (first["my.key"], first["Ünknown"]) == ([1, {"a": None}], "x")
    assert "my.key" not in second
    store.close()


def test_compaction_keeps_every_event_and_leaves_fewer_files(tmp_path, make):
    """Many small segments become one, with the same documents in it and columns that differ."""
    store = open_store(tmp_path, roll_rows=10)
    for number in range(0, 200, 10):
        more = {schema.LABELS: {f"K{number % 3}": "v", f"k{number % 3}": "w"} if number > 100 else {"a": "b"}}
        store.write([make(number + at, **more) for at in range(10)])
    before = [document for batch in store.scan(Scan(dataset=Dataset.INFERENCE)) for document in batch]
    store.compact()
    assert len(store._writers[next(iter(store._writers))].upkeep.manifest.segments) < 8
    after = [document for batch in store.scan(Scan(dataset=Dataset.INFERENCE)) for document in batch]
    assert before == after
    assert len(after) == 200
    store.close()


def test_query_over_a_window_opens_only_the_segments_it_needs(tmp_path, make):
    """A segment out of the window may be missing and nobody notices."""
    store = open_store(tmp_path, roll_rows=100)
    for number in range(0, 500, 100):
        store.write([make(number + at) for at in range(100)])
    store.close()
    segments = sorted((tmp_path / "segments" / "mlmon.inference").glob("*.parquet"))
    assert len(segments) == 5
    for segment in segments[1:]:
        segment.unlink()
    reader = open_store(tmp_path, read_only=True)
    start = datetime(2013, 3, 1, tzinfo=UTC)
    asked = Query(
        dataset=Dataset.INFERENCE, window=Window(start=start, end=start + timedelta(seconds=60)),
        measures={"n": q.Count()},
    )  # fmt: skip
    assert reader.query(asked).rows == [{"n": 60}]
    reader.close()


def test_retention_counts_from_when_an_event_was_stored(tmp_path, make):
    """Events of 2013 stay for as long as they are to be kept after they were stored, then go."""
    store = open_store(tmp_path, keep_events=timedelta(days=30), roll_rows=10)
    store.write([make(number) for number in range(10)])
    now = datetime.now(UTC)
    assert store.apply_retention(now + timedelta(days=29)) == 0
    assert counted(store) == 10
    assert store.apply_retention(now + timedelta(days=31)) == 10
    assert counted(store) == 0
    store.close()


def test_evaluations_go_at_an_age_of_their_own(tmp_path, make):
    """Evaluations are let go when their time is over, and metrics of the same folder stay."""
    day = datetime(2013, 3, 1, tzinfo=UTC)
    window = Window(start=day, end=day + timedelta(days=1))
    store = open_store(tmp_path, keep_evaluations=timedelta(days=60), roll_rows=10)
    fields = {schema.EVENT_DATASET: str(Dataset.EVALUATION), schema.EVALUATION_WEIGHT: 1.0}
    store.write([make(number, **fields) for number in range(10)])
    store.put([Metric(analyzer="a", model="m", name="n", window=window, size="1d", value=1.0, n=1)])
    now = datetime.now(UTC)
    assert store.apply_retention(now + timedelta(days=59)) == 0
    assert store.apply_retention(now + timedelta(days=62)) == 10
    assert [holding.dataset for holding in store.holdings()] == [Dataset.METRIC]
    store.close()


def test_metrics_put_again_replace_themselves_across_rolls(tmp_path):
    """Only the last value of a metric is read, whichever files the others are in."""
    day = datetime(2013, 3, 1, tzinfo=UTC)
    window = Window(start=day, end=day + timedelta(days=1))
    store = open_store(tmp_path, roll_rows=50)
    for value in range(5):
        store.put(
            [
                Metric(
                    analyzer="a", model="m", name=f"n{at}", window=window, size="1d", value=float(value), n=1,
                )
                for at in range(60)
            ]
        )  # fmt: skip
    for _ in range(2):
        found = [from_document(it) for batch in store.scan(Scan(dataset=Dataset.METRIC)) for it in batch]
        assert len(found) == 60
        assert {it.value for it in found} == {4.0}
        store.close()
        store = open_store(tmp_path)
    store.close()


def test_event_ingested_ascends_when_the_clock_does_not(tmp_path, make):
    """No two writes have the same time of ingestion, even across restarts under a clock that stands still."""
    for number in range(3):
        store = open_store(tmp_path, clock=lambda: 1_700_000_000_000_000_000)
        store.write([make(2 * number)])
        store.write([make(2 * number + 1)])
        store.close()
    store = open_store(tmp_path)
    ingested = Query(dataset=Dataset.INFERENCE, measures={"n": q.Distinct(schema.EVENT_INGESTED)})
    assert store.query(ingested).rows == [{"n": 6}]
    store.close()


def test_bad_line_is_set_aside_and_its_neighbours_are_rolled(tmp_path, make):
    """A line that nothing can read, as after damage to the disk, goes to the dead file with the reason."""
    store = open_store(tmp_path)
    store.write([make(number) for number in range(9)])
    tail = next((tmp_path / "tail").glob("events-*.ndjson"))
    content = tail.read_bytes()
    with tail.open("r+b") as file:
        file.seek(content.index(b"producer-4"))
        file.write(b'"{"{"{"{"')
    assert counted(open_store(tmp_path, read_only=True)) == 8
    store.close()
    dead = [json.loads(line) for line in (tmp_path / "dead" / "events.ndjson").read_text().splitlines()]
    assert len(dead) == 1
    assert dead[0][schema.ERROR_MESSAGE]
    reader = open_store(tmp_path, read_only=True)
    assert counted(reader) == 8
    reader.close()


def test_what_cannot_be_answered_is_an_error_of_the_store(tmp_path, make):
    """A question that DuckDB refuses is told as the store's own error, whether it counts or scans."""
    store = open_store(tmp_path)
    store.write([make(1)])
    where = q.Equals(schema.MODEL_NAME, "half a pair: \ud800")
    with pytest.raises(StoreError, match="could not answer"):
        store.query(Query(dataset=Dataset.INFERENCE, where=where, measures={"n": q.Count()}))
    with pytest.raises(StoreError, match="could not answer"):
        list(store.scan(Scan(dataset=Dataset.INFERENCE, where=where)))
    store.close()


def test_threads_of_one_process_read_at_once(tmp_path, make):
    """Several threads ask one store while it is written, and each gets whole answers."""
    store = open_store(tmp_path, roll_rows=200)
    store.write([make(0)])
    failures: list[BaseException] = []
    ended = threading.Event()

    def read() -> None:
        last = 0
        try:
            while not ended.is_set():
                count = counted(store)
                assert count >= last
                assert count % 10 == 1
                last = count
        except BaseException as error:  # noqa: BLE001 - it is raised in the main thread below
            failures.append(error)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(1, 1001, 10):
        store.write([make(number + at) for at in range(10)])
    ended.set()
    for thread in threads:
        thread.join()
    store.close()
    assert not failures
