"""What was refused is stored once when it is sent again, and stays where it is still wrong."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter

import msgspec
import pytest

from mlmon.core import schema
from mlmon.core.errors import InvalidEventError, StoreError, StoreLockedError
from mlmon.core.event import decode
from mlmon.core.schema import Dataset
from mlmon.core.store import Refused, Written
from mlmon.pipelines import deadletter, rewrite
from mlmon.pipelines.deadletter import Folder, letter, read
from mlmon.pipelines.replay import event_of, replay
from mlmon.pipelines.rewrite import Selection
from mlmon.pipelines.validate import Limits, Validator

ALL = Selection()


@pytest.fixture
def refuse(dead_folder):
    """Give a function that letters records."""

    def made(*records: bytes, reason: str = "not_valid", source: str = "http 127.0.0.1:9", at: int = 0):
        Folder(dead_folder, rotate_bytes=4_000).write(
            [
                letter(record, reason=reason, detail="as it was", source=source, clock=lambda: at * 10**9)
                for record in records
            ]
        )

    return made


def test_what_is_good_now_is_stored_and_gone(refuse, line_of, store, dead_folder, stored_ids):
    """Letters whose records pass are in the store, once, and no longer in the folder."""
    for start in range(0, 40, 4):
        refuse(*map(line_of, range(start, start + 4)))
    refuse(line_of(3))
    done = replay(dead_folder, ALL, Validator(), store)
    assert (done.stored, done.duplicates, done.refused, done.of_files) == (40, 1, {}, 0)
    assert stored_ids() == sorted(f"producer-{number}" for number in range(40))
    assert list(read(dead_folder)) == []
    assert replay(dead_folder, ALL, Validator(), store).stored == 0


def test_what_is_refused_again_stays_with_its_new_reason(refuse, line_of, store, dead_folder):
    """A letter that does not pass keeps its record, its time and its name, and says why not now."""
    refuse(b"{", line_of(1))
    before = next(read(dead_folder))
    done = replay(dead_folder, ALL, Validator(), store)
    assert done.refused == {"not_json": 1}
    (after,) = read(dead_folder)
    assert (after.reason, after.record, after.at, after.name) == ("not_json", b"{", before.at, before.name)
    assert "as it was" not in after.detail


def test_a_limit_that_was_raised_lets_records_pass(refuse, line_of, store, dead_folder):
    """What was too large is stored when the limit allows it."""
    refuse(line_of(1, **{schema.MESSAGE: "x" * 5_000}), reason="too_large")
    assert replay(dead_folder, ALL, Validator(Limits(max_event_bytes=1_000)), store).stored == 0
    assert replay(dead_folder, ALL, Validator(), store).stored == 1


def test_only_those_selected_are_sent(refuse, line_of, store, dead_folder):
    """A reason and a time pick letters; the others stay as they are, byte by byte."""
    refuse(line_of(1), reason="too_large", at=10)
    refuse(line_of(2), reason="too_large", at=20)
    refuse(line_of(3), at=20)
    left = [path.read_bytes().splitlines()[0] for path in deadletter.files(dead_folder)]
    selection = Selection(reason="too_large", since="1970-01-01T00:00:15.000000Z")
    assert replay(dead_folder, selection, Validator(), store).stored == 1
    assert [each.event_id for each in read(dead_folder)] == ["producer-1", "producer-3"]
    assert b"".join(path.read_bytes() for path in deadletter.files(dead_folder)).startswith(left[0])


def test_rows_of_a_file_are_left(refuse, store, dead_folder):
    """What no wire brought is for the file to be mended: it stays, with its reason."""
    refuse(b'{"id":"","label":"late"}', reason="no_id", source=deadletter.LOADED)
    done = replay(dead_folder, ALL, Validator(), store)
    assert (done.stored, done.of_files) == (0, 1)
    assert [each.reason for each in read(dead_folder)] == ["no_id"]


def test_a_log_line_without_an_id_is_stored_once_however_often(refuse, store, dead_folder, stored_ids):
    """A line of another tool gets its id from its letter, so a replay that ran twice adds nothing."""
    refuse(b'{"level":"info","message":"cold"}', b'{"level":"info","message":"cold"}')
    kept = [path.read_bytes() for path in deadletter.files(dead_folder)]
    assert replay(dead_folder, ALL, Validator(), store).stored == 2
    (dead_folder / "000001.ndjson").write_bytes(kept[0])
    again = replay(dead_folder, ALL, Validator(), store)
    assert (again.stored, again.duplicates) == (0, 2)
    assert len(stored_ids(Dataset.APP)) == 2


def test_a_line_that_a_crash_cut_off_is_kept(refuse, line_of, store, dead_folder):
    """What nobody can read is neither sent nor lost."""
    refuse(line_of(1), line_of(2))
    file = dead_folder / "000001.ndjson"
    os.truncate(file, file.stat().st_size - 30)
    torn = file.read_bytes().splitlines()[1]
    assert replay(dead_folder, ALL, Validator(), store).stored == 1
    assert file.read_bytes() == torn + b"\n"


def test_a_store_that_fails_leaves_every_letter(refuse, line_of, store, dead_folder, stored_ids):
    """When the store fails after a part, all letters are there, and the next replay stores each once."""

    class StubSink:
        def write(self, events) -> Written:
            store.write(events[:2])
            raise StoreError("the disk is full")

    refuse(*map(line_of, range(5)))
    with pytest.raises(StoreError, match="full"):
        replay(dead_folder, ALL, Validator(), StubSink())
    assert len(list(read(dead_folder))) == 5
    done = replay(dead_folder, ALL, Validator(), store)
    assert (done.stored, done.duplicates) == (3, 2)
    assert len(stored_ids()) == 5


def test_what_a_store_refuses_stays(refuse, line_of, store, dead_folder):
    """An event that passes validation and that the store cannot keep stays, with the store's reason."""

    class StubSink:
        def write(self, events) -> Written:
            store.write([events[0], events[2]])
            return Written(
                stored=2, duplicates=0, refused=(Refused(place=1, reason="odd", detail="too odd"),)
            )

    refuse(*map(line_of, range(3)))
    done = replay(dead_folder, ALL, Validator(), StubSink())
    assert (done.stored, done.refused, done.refused_there) == (2, {"odd": 1}, 0)
    [left] = read(dead_folder)
    assert (left.event_id, left.reason, left.detail) == ("producer-1", "odd", "too odd")


def test_letters_that_come_meanwhile_are_left_alone(refuse, line_of, store, dead_folder):
    """What a collector refuses while letters are sent is in a file of its own, and stays."""

    class StubSink:
        def write(self, events) -> Written:
            refuse(b"new")
            return store.write(events)

    refuse(*map(line_of, range(3)))
    assert replay(dead_folder, ALL, Validator(), StubSink()).stored == 3
    assert [each.record for each in read(dead_folder)] == [b"new"]


def test_only_one_may_replay_at_a_time(refuse, line_of, store, dead_folder):
    """A second replay says that one runs."""
    refuse(line_of(1))
    with rewrite.upkeep(dead_folder), pytest.raises(StoreLockedError, match="Wait"):
        replay(dead_folder, ALL, Validator(), store)


def test_a_folder_that_is_not_there_has_nothing_to_send(store, dead_folder):
    """Before the first letter a replay does nothing, and makes nothing."""
    assert replay(dead_folder, ALL, Validator(), store).stored == 0
    assert not dead_folder.exists()


PROGRAM = """
import sys
from pathlib import Path
from mlmon.pipelines.replay import event_of, replay
from mlmon.pipelines.rewrite import Selection
from mlmon.pipelines.validate import Validator
from mlmon.stores.embedded import open_store
store = open_store(sys.argv[1])
print("ready", flush=True)
done = replay(Path(sys.argv[2]), Selection(), Validator(), store, advance=lambda n: print(n, flush=True))
store.close()
"""


def test_a_replay_that_is_killed_stores_each_once(line_of, tmp_path, dead_folder):
    """After kill -9 at several places the last run ends the work: each record is stored, none twice."""
    records = [line_of(number) for number in range(30_000)]
    records[7::50] = [b'{"message":"line %d"}' % number for number in range(len(records[7::50]))]
    letters = [letter(record, reason="not_valid", detail="", source="tcp") for record in records]
    for start in range(0, len(letters), 6_000):
        Folder(dead_folder, rotate_bytes=1 << 20).write(letters[start : start + 6_000])
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "store"), str(dead_folder)]
    for after in (0, 1, 3):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        for _ in range(after + 1):
            process.stdout.readline()
        time.sleep(0.01 * after)  # somewhere within a write, a rename or a validation
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert subprocess.run(command, check=True, timeout=60, capture_output=True).returncode == 0
    assert list(read(dead_folder)) == []
    from mlmon.core.query import Scan
    from mlmon.stores.embedded import open_store

    store = open_store(tmp_path / "store", read_only=True)
    ids: Counter[str] = Counter()
    for dataset in (Dataset.INFERENCE, Dataset.APP):
        for batch in store.scan(Scan(dataset=dataset, fields=(schema.EVENT_ID,))):
            ids.update(row[schema.EVENT_ID] for row in batch)
    store.close()
    assert ids.total() == len(ids) == len(records)


def test_many_letters_need_little_memory(line_of, tmp_path, dead_folder):
    """Memory does not grow with the number of letters."""
    line = msgspec.json.encode(letter(line_of(1), reason="not_valid", detail="", source="tcp")) + b"\n"
    dead_folder.mkdir()
    for number in range(1, 4):
        (dead_folder / f"{number:06d}.ndjson").write_bytes(line * 60_000)
    program = """
import sys
from pathlib import Path
from mlmon.core.store import Refused, Written
from mlmon.pipelines import deadletter, drop, replay, rewrite, tally, validate
def peak():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
class StubSink:
    def write(self, events):
        return Written(stored=len(events), duplicates=0)
path = Path(sys.argv[1])
before = peak()
assert deadletter.by_reason(path) == {"not_valid": 180_000}
assert len(tally.groups(deadletter.heads(path))) == 1
some = rewrite.Selection(reason="other")
assert drop.drop(path, some) == 0
assert replay.replay(path, rewrite.Selection(), validate.Validator(), StubSink()).stored == 180_000
print(peak() - before)
"""
    told = subprocess.run(
        [sys.executable, "-c", program, str(dead_folder)], check=True, capture_output=True, text=True
    )
    assert int(told.stdout) < 40_000, "kB"


def test_a_letter_of_a_sender_with_a_namespace_stays_in_it(line_of):
    """What was refused for another reason does not get into another namespace by being replayed."""
    theirs = letter(line_of(1), reason="not_valid", detail="", source="http", namespace="shop")
    assert decode(event_of(theirs, Validator()))[schema.NAMESPACE] == "shop"
    wrong = line_of(1, **{schema.NAMESPACE: "bank"})
    foreign = letter(wrong, reason="in_the_future", detail="", source="http", namespace="shop")
    with pytest.raises(InvalidEventError, match="'bank'"):
        event_of(foreign, Validator())
