"""What goes wrong behind a writer's back is said, tried again, and costs no event."""

import logging

import pytest

from mlmon.core import query as q
from mlmon.core import schema
from mlmon.core.errors import StoreError
from mlmon.core.query import Query
from mlmon.core.schema import Dataset
from mlmon.stores.embedded import Group, manifest, open_store, upkeep, writer

COUNT = Query(dataset=Dataset.INFERENCE, measures={"n": q.Count(), "ids": q.Distinct(schema.EVENT_ID)})


def counts(store) -> tuple[int, int]:
    """How many events there are, and how many ids."""
    row = store.query(COUNT).rows[0]
    return row["n"], row["ids"]


def warnings_of(caplog) -> list[str]:
    """What the store warned of."""
    return [it.getMessage() for it in caplog.records if it.levelno == logging.WARNING]


def test_a_roll_that_fails_is_said_once_and_costs_no_write(tmp_path, make, caplog, monkeypatch):
    """Where segments cannot be written, events are taken and read, and all are rolled once they can."""
    monkeypatch.setattr(upkeep, "FIRST_PAUSE_S", 0.001)
    store = open_store(tmp_path, roll_rows=10)
    store.lock(Group.EVENTS)
    (tmp_path / "new").rmdir()
    (tmp_path / "new").write_bytes(b"")
    for first in range(0, 400, 10):
        written = store.write([make(number) for number in range(first, first + 10)])
        assert written.stored == 10
    assert counts(store) == (400, 400)
    assert len(warnings_of(caplog)) == 1
    assert "it is tried again" in warnings_of(caplog)[0]
    assert not manifest.load(tmp_path, Group.EVENTS).segments
    (tmp_path / "new").unlink()
    (tmp_path / "new").mkdir()
    store.compact()
    assert len(manifest.load(tmp_path, Group.EVENTS).tails) == 1
    assert counts(store) == (400, 400)
    store.close()


def test_while_rolls_fail_they_are_tried_less_and_less_often(tmp_path, make):
    """Of many rolls that are due within the first pause, none but those under way is tried."""
    store = open_store(tmp_path, roll_rows=1)
    store.write([make(0)])
    (tmp_path / "new").rmdir()
    (tmp_path / "new").write_bytes(b"")
    numbers = []
    for number in range(1, 100):
        store.write([make(number)])
        numbers.append(manifest.load(tmp_path, Group.EVENTS).next_file)
    # Every try takes a number for its segment besides the one that the tail takes.
    assert numbers[-1] - numbers[-50] <= 49 + upkeep.MOST_FROZEN
    (tmp_path / "new").unlink()
    (tmp_path / "new").mkdir()
    store.close()
    again = open_store(tmp_path)
    assert counts(again) == (100, 100)
    again.close()


def test_where_no_new_tail_can_be_made_the_old_one_goes_on(tmp_path, make, caplog, monkeypatch):
    """A write is stored and answered though the roll after it failed; a later one rolls."""
    monkeypatch.setattr(writer, "ROLL_PAUSE_S", 0.0)
    store = open_store(tmp_path, roll_rows=10)
    store.write([make(0)])
    (tmp_path / "tail").rename(tmp_path / "aside")
    for number in range(1, 40):
        assert store.write([make(number)]).stored == 1
    assert len(warnings_of(caplog)) == 1
    assert "Writing goes on" in warnings_of(caplog)[0]
    (tmp_path / "aside").rename(tmp_path / "tail")
    assert store.write([make(40)]).stored == 1
    store.compact()
    assert sum(it.rows for it in manifest.load(tmp_path, Group.EVENTS).segments) == 41
    assert counts(store) == (41, 41)
    store.close()


@pytest.mark.parametrize("is_broken", [True, False])
def test_a_compaction_says_what_it_could_not_roll(tmp_path, make, is_broken):
    """Whoever asks for a compaction hears that a roll failed, and one that works raises nothing."""
    store = open_store(tmp_path)
    store.write([make(0)])
    if is_broken:
        (tmp_path / "new").rmdir()
        (tmp_path / "new").write_bytes(b"")
    store.roll()
    if is_broken:
        with pytest.raises(StoreError, match="Writing the segment"):
            store.compact()
        (tmp_path / "new").unlink()
        (tmp_path / "new").mkdir()
    store.compact()
    assert len(manifest.load(tmp_path, Group.EVENTS).segments) == 1
    store.close()
