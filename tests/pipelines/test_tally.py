"""Letters are counted once an event, whoever asks."""

import json

import pytest

from mlmon.core import schema
from mlmon.core.errors import StoreError
from mlmon.pipelines import deadletter, discards
from mlmon.pipelines.deadletter import Folder, heads
from mlmon.pipelines.tally import Account, groups, of_dropped, tally


@pytest.fixture
def write(tmp_path, line_of):
    """Give a function that letters events of the test's producer by their numbers."""

    def made(*numbers: int, producer: str = "p", reason: str = "not_valid", at: int = 0) -> None:
        Folder(tmp_path).write(
            [
                deadletter.letter(
                    line_of(number, **{schema.PRODUCER_ID: producer, schema.EVENT_SEQUENCE: number}),
                    reason=reason,
                    detail=f"of {number}",
                    source="http 127.0.0.1:9",
                    clock=lambda: at * 10**9,
                )
                for number in numbers
            ]
        )

    return made


def test_an_event_that_is_refused_twice_counts_once(write, tmp_path):
    """What a sender sent again is one event of its producer."""
    write(0, 1, 2, 7)
    write(2, 3, reason="too_large")
    write(0, producer="q")
    found = tally(tmp_path)
    assert found.producers == {"p": Account(waiting=((0, 3), (7, 7))), "q": Account(waiting=((0, 0),))}
    assert (found.nameless_waiting, found.nameless_discarded) == (0, 0)


def test_letters_without_a_producer_are_counted_apart(tmp_path):
    """A record that names nobody is counted, for nobody."""
    Folder(tmp_path).write([deadletter.letter(b"x", reason="not_json", detail="", source="tcp")] * 2)
    assert tally(tmp_path).producers == {}
    assert tally(tmp_path).nameless_waiting == 2


def test_dropped_letters_stay_accounted_for(write, tmp_path):
    """What was dropped is remembered by producer, and does not count where it waits again."""
    write(0, 1, 2)
    gone = of_dropped(heads(tmp_path), pending="")
    discards.save(tmp_path, discards.added(discards.load(tmp_path), gone))
    discards.save(tmp_path, discards.added(discards.load(tmp_path), gone))
    (tmp_path / "000001.ndjson").unlink()
    write(2)
    assert tally(tmp_path).producers == {"p": Account(waiting=((2, 2),), discarded=((0, 1),))}
    assert discards.load(tmp_path).reasons == {"not_valid": 6}


def test_a_damaged_memory_is_told(tmp_path):
    """A file of dropped letters that cannot be read says which file it is, and what to do."""
    (tmp_path / "dropped.json").write_text("{")
    with pytest.raises(StoreError, match=r"dropped\.json .*remove it"):
        tally(tmp_path)


def test_groups_have_their_span_and_the_newest_detail(write, tmp_path):
    """A group has one reason, door and model, and is dated by its oldest and newest letter."""
    write(0, at=50)
    write(1, at=90)
    write(2, at=70)
    write(3, reason="too_large")
    first, second = groups(heads(tmp_path))
    assert (first.reason, first.door, first.model, first.count) == ("not_valid", "http", "flights", 3)
    assert (first.first[14:19], first.last[14:19], first.detail) == ("00:50", "01:30", "of 1")
    assert (second.reason, second.count) == ("too_large", 1)


def test_groups_are_bounded(tmp_path):
    """However many models are named, the number of groups is bounded and no letter is left out."""
    Folder(tmp_path).write(
        [
            deadletter.letter(
                json.dumps({schema.MODEL_NAME: str(number)}).encode(),
                reason="not_valid",
                detail="",
                source="tcp",
            )
            for number in range(50)
        ]
    )
    found = groups(heads(tmp_path), most=10)
    assert len(found) == 11
    assert (found[0].door, found[0].count) == ("(others)", 40)
