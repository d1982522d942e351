"""What was refused is kept, byte by byte, with the reason."""

import json
import os
import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlmon.core import schema
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


def test_a_letter_says_who_the_record_is_of(tmp_path):
    """Producer, sequence, event id, model and service are kept beside the record, even of one cut off."""
    record = json.dumps(
        {
            schema.EVENT_ID: "p-3",
            schema.PRODUCER_ID: "p",
            schema.EVENT_SEQUENCE: 3,
            schema.MODEL_NAME: "flights",
            schema.SERVICE_NAME: "api",
            schema.MESSAGE: "cut",
        }
    ).encode()[:-3]
    Folder(tmp_path).write([refused(record)])
    (found,) = read(tmp_path)
    assert (found.producer, found.sequence, found.event_id) == ("p", 3, "p-3")
    assert (found.model, found.service) == ("flights", "api")


def test_letters_of_an_older_form_are_read(tmp_path):
    """A letter without an id and an origin is read, and has the same name each time."""
    old = {
        "at": "2013",
        "reason": "not_json",
        "detail": "why",
        "source": "tcp",
        "body": "{",
        "is_base64": False,
    }
    lines = [json.dumps(old), json.dumps(old | {"body": "["})]
    (tmp_path / "000001.ndjson").write_text("\n".join(lines) + "\n")
    first, second = read(tmp_path)
    assert (first.body, first.producer) == ("{", None)
    assert first.name == next(read(tmp_path)).name != second.name


def test_letters_have_names_of_their_own(tmp_path):
    """The same record that is refused twice makes two letters with two names."""
    Folder(tmp_path).write([refused(b"a"), refused(b"a")])
    assert len({each.name for each in read(tmp_path)}) == 2


def test_many_processes_write_one_folder(tmp_path):
    """What several processes write at once, through files that end between, is all there, whole."""
    program = """
import sys
from pathlib import Path
from mlmon.pipelines.deadletter import Folder, letter
for number in range(60):
    body = b"%s-%d" % (sys.argv[2].encode() * 300, number)
    Folder(Path(sys.argv[1]), rotate_bytes=20_000).write([letter(body, reason="r", detail="", source="tcp")])
"""
    running = [subprocess.Popen([sys.executable, "-c", program, str(tmp_path), name]) for name in "abc"]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    bodies = [each.body for each in read(tmp_path)]
    assert Counter(body[0] for body in bodies) == {"a": 60, "b": 60, "c": 60}
    assert len(set(bodies)) == 180
    assert len(list(tmp_path.iterdir())) > 2
