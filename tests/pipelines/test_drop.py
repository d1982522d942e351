"""What is dropped is gone, and remembered once."""

import pytest

from mlmon.core import schema
from mlmon.core.errors import StoreError
from mlmon.pipelines import discards, rewrite
from mlmon.pipelines.deadletter import Folder, files, letter, read
from mlmon.pipelines.drop import drop
from mlmon.pipelines.rewrite import Selection
from mlmon.pipelines.tally import Account, tally

ALL = Selection()


@pytest.fixture
def folder(tmp_path, line_of):
    """Give a folder of ten letters in several files: six of one reason, three of another, one of nobody."""
    path = tmp_path / "dead"
    writer = Folder(path, rotate_bytes=1_500)
    for number in range(9):
        record = line_of(number, **{schema.PRODUCER_ID: "p", schema.EVENT_SEQUENCE: number})
        reason = "too_large" if number % 3 == 0 else "not_valid"
        writer.write([letter(record, reason=reason, detail="", source="tcp", clock=lambda: 0)])
    writer.write([letter(b"x", reason="not_json", detail="", source="tcp", clock=lambda: 0)])
    assert len(files(path)) > 2
    return path


def test_everything_is_dropped_and_remembered(folder):
    """Without a selection no letter is left, and every event of the producer is still accounted for."""
    assert drop(folder, ALL) == 10
    assert list(read(folder)) == []
    found = tally(folder)
    assert found.producers == {"p": Account(discarded=((0, 8),))}
    assert (found.nameless_waiting, found.nameless_discarded) == (0, 1)
    assert discards.load(folder).reasons == {"too_large": 3, "not_valid": 6, "not_json": 1}
    assert drop(folder, ALL) == 0


def test_a_reason_is_dropped_and_the_rest_stays(folder):
    """The letters of other reasons are as they were, in their order."""
    before = [each for each in read(folder) if each.reason != "too_large"]
    assert drop(folder, Selection(reason="too_large")) == 3
    assert list(read(folder)) == before
    assert tally(folder).producers == {
        "p": Account(waiting=((1, 2), (4, 5), (7, 8)), discarded=((0, 0), (3, 3), (6, 6)))
    }


def test_a_time_that_fits_none_drops_none(folder):
    """Letters from before the time stay, and so do their files."""
    before = {path.name: path.stat().st_ino for path in files(folder)}
    assert drop(folder, Selection(since="2000-01-01T00:00:00.000000Z")) == 0
    after = {path.name: path.stat().st_ino for path in files(folder)}
    assert before.items() <= after.items()


def test_a_drop_that_was_cut_short_is_counted_once(folder, monkeypatch):
    """Killed between remembering and removing, the next one ends what was begun, and counts nothing twice."""

    def stub_replace(_file):
        raise OSError(5, "the process ended here")

    with monkeypatch.context() as patched:
        patched.setattr(rewrite, "_replace", stub_replace)
        with pytest.raises(StoreError, match="ended here"):
            drop(folder, ALL)
    remembered = discards.load(folder).reasons
    assert drop(folder, ALL) == 10 - sum(remembered.values())
    assert discards.load(folder).reasons == {"too_large": 3, "not_valid": 6, "not_json": 1}
    assert tally(folder).producers == {"p": Account(discarded=((0, 8),))}


def test_what_was_written_half_is_never_taken_for_whole(folder):
    """A file that a later run left half-written does not become the end of an earlier drop."""
    assert drop(folder, Selection(reason="too_large")) == 3
    pending = discards.load(folder).pending
    assert pending
    count = len(list(read(folder)))
    with rewrite.upkeep(folder):
        (folder / pending).with_suffix(".new").write_bytes(b"")
    with rewrite.upkeep(folder):
        assert len(list(read(folder))) == count
    assert list(folder.glob("*.new")) == []


def test_a_folder_that_is_not_there_has_nothing_to_drop(tmp_path):
    """Before the first letter there is nothing to drop."""
    assert drop(tmp_path / "none", ALL) == 0
