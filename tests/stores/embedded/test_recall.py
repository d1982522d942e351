"""A writer that starts anew knows every id that is stored, with and without the files that keep them."""

import pytest

from mlmon.core import schema
from mlmon.stores.embedded import Group, open_store


@pytest.fixture
def events(make):
    """Events whose ids are counted, with a gap, and some whose ids are words."""
    words = [make(number, **{schema.EVENT_ID: f"word {number}"}) for number in range(100, 110)]
    return [make(number) for number in range(30) if number != 17] + words


def spoil(path, how: str) -> None:
    """Damage a file of ids."""
    if how == "lost":
        path.unlink()
    elif how == "torn":
        path.write_bytes(path.read_bytes()[:-3])
    elif how == "empty":
        path.write_bytes(b"")


@pytest.mark.parametrize("how", ["whole", "lost", "torn", "empty"])
def test_every_stored_id_is_known_after_a_start(tmp_path, make, events, how):
    """What is stored is a duplicate, what is not is new, whatever became of the files of ids."""
    store = open_store(tmp_path, roll_rows=20)
    store.write(events[:20])
    store.write(events[20:])
    store.close()
    files = sorted((tmp_path / "segments").rglob("*.ids"))
    assert len(files) == 2
    before = [path.read_bytes() for path in files]
    for path in files:
        spoil(path, how)
    again = open_store(tmp_path)
    again.lock(Group.EVENTS)
    assert [path.read_bytes() for path in files] == before
    written = again.write([*events, make(17), make(99)])
    assert (written.stored, written.duplicates) == (2, len(events))
    again.close()


def test_ids_of_segments_that_nobody_listed_are_removed(tmp_path, make):
    """A file of ids without its segment is left from a crash, and goes at the next start."""
    store = open_store(tmp_path)
    store.write([make(1)])
    store.close()
    kept = next((tmp_path / "segments").rglob("*.ids"))
    left = kept.with_name("left.ids")
    left.write_bytes(b"")
    again = open_store(tmp_path)
    again.lock(Group.EVENTS)
    assert not left.exists()
    assert kept.exists()
    again.close()
