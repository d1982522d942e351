"""What was refused is kept, byte by byte, with the reason."""

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlmon.core.errors import StoreError
from mlmon.pipelines.deadletter import Folder, by_reason, letter, read


def refused(record: bytes, reason: str = "not_json"):
    """Make the letter of a record."""
    return letter(record, reason=reason, detail="why", source="tcp 127.0.0.1:9", clock=lambda: 0)


@given(st.lists(st.binary() | st.text().map(str.encode), max_size=5))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
def test_any_bytes_come_back_as_they_were(tmp_path_factory, records):
    """A record that is text, or none, is read again unchanged and in order."""
    folder = tmp_path_factory.mktemp("dead")
    Folder(folder).write([refused(record) for record in records])
    assert [each.record for each in read(folder)] == records


def test_a_letter_says_where_when_and_why(tmp_path):
    """Everything a person needs to mend the sender is in the letter."""
    Folder(tmp_path).write([refused(b"{")])
    (found,) = read(tmp_path)
    assert (found.at, found.reason, found.detail, found.source, found.body) == (
        "1970-01-01T00:00:00.000000Z",
        "not_json",
        "why",
        "tcp 127.0.0.1:9",
        "{",
    )


def test_without_letters_nothing_is_made(tmp_path):
    """A folder appears with the first letter."""
    Folder(tmp_path / "dead").write([])
    assert not (tmp_path / "dead").exists()
    assert list(read(tmp_path / "dead")) == []


def test_a_new_file_is_begun_at_the_size(tmp_path):
    """Files are bounded, numbered, and read in their order."""
    folder = Folder(tmp_path, rotate_bytes=200)
    for number in range(12):
        folder.write([refused(b"%d" % number)])
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files[:2]] == ["000001.ndjson", "000002.ndjson"]
    assert len(files) > 3
    assert [each.record for each in read(tmp_path)] == [b"%d" % number for number in range(12)]


def test_a_torn_last_line_is_passed_over_and_costs_no_other(tmp_path):
    """A crash within a letter loses that letter alone, also when writing goes on behind it."""
    Folder(tmp_path).write([refused(b"first"), refused(b"torn")])
    (file,) = tmp_path.iterdir()
    os.truncate(file, file.stat().st_size - 20)
    assert [each.record for each in read(tmp_path)] == [b"first"]
    Folder(tmp_path).write([refused(b"next")])
    assert [each.record for each in read(tmp_path)] == [b"first", b"next"]


def test_letters_are_counted_by_reason(tmp_path):
    """The counts are of all files."""
    Folder(tmp_path, rotate_bytes=1).write([refused(b"a"), refused(b"b", "not_utf8")])
    Folder(tmp_path, rotate_bytes=1).write([refused(b"c")])
    assert by_reason(tmp_path) == {"not_json": 2, "not_utf8": 1}


def test_a_folder_that_cannot_be_written_is_a_store_error(tmp_path):
    """The error names the folder."""
    (tmp_path / "dead").write_text("a file")
    with pytest.raises(StoreError, match="dead"):
        Folder(tmp_path / "dead").write([refused(b"a")])


def test_a_letter_that_does_not_fit_leaves_nothing_behind(tmp_path, monkeypatch):
    """A disk that fills while letters are written keeps none of them."""
    folder = Folder(tmp_path)
    folder.write([refused(b"first")])

    def stub_fsync(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", stub_fsync)
    with pytest.raises(StoreError, match="No space left"):
        folder.write([refused(b"second")])
    assert [each.record for each in read(tmp_path)] == [b"first"]
