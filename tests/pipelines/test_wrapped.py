"""Lines within an agent's record come out as they went in, and are named by the record."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from mlmon.core import schema
from mlmon.core.schema import Dataset
from mlmon.pipelines.wrapped import MARK, unwrapped


def record(line: str, **more: object) -> bytes:
    """Make an agent's record around a line."""
    return msgspec.json.encode({MARK: True, schema.MESSAGE: line} | more)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]))))
def test_lines_come_out_as_they_went_in(lines):
    """Whatever text a line is, it comes out of its record unchanged."""
    found, _ = unwrapped([record(line) for line in lines])
    assert [bytes(line).decode() for line in found] == lines


def test_other_lines_are_let_alone():
    """Lines without the mark pass, and so does a record whose line is no text."""
    plain = [b'{"a": 1}', b"no json"]
    assert unwrapped(plain) == (plain, None)
    broken = [b'{"mlmon_line": true}', b'{"mlmon_line": true, "message": 7}', b'"mlmon_line" cut o']
    assert unwrapped(broken)[0] == broken


def test_a_record_that_is_sent_again_has_the_same_name():
    """Records with the same members in another order have one name, others have others, and the rest none."""
    first = msgspec.json.encode({MARK: 1, schema.MESSAGE: "x", "offset": 7, "read": "10:00"})
    again = msgspec.json.encode({"read": "10:00", "offset": 7, schema.MESSAGE: "x", MARK: 1})
    later = msgspec.json.encode({MARK: 1, schema.MESSAGE: "x", "offset": 7, "read": "10:01"})
    _, name = unwrapped([first, again, later, b"{}"])
    assert name is not None
    assert name(0) == name(1) != name(2)
    assert name(3) is None


def test_a_sender_may_mix_them(pipeline, stored_ids, line_of):
    """Of one submission wrapped lines and others are stored alike, and what is bad is a dead letter."""
    lines = [line_of(1), record(line_of(2).decode()), record("no json"), record('{"msg": "a"}', offset=9)]
    receipt = pipeline.submit(lines, "http 127.0.0.1:1").result(10)
    assert (receipt.stored, receipt.dead_lettered) == (3, 1)
    assert pipeline.submit(lines, "http 127.0.0.1:1").result(10).duplicates == 3
    assert stored_ids() == ["producer-1", "producer-2"]
    [line] = stored_ids(Dataset.APP)
    assert line.startswith("agent.")
