"""Whatever is wrong with a record, who wrote it is read where it can be."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlmon.core import schema
from mlmon.pipelines.origin import Origin, origin_of

DOCUMENT = {
    schema.TIMESTAMP: "2013-03-01T00:00:00.000000Z",
    schema.EVENT_ID: "p-7",
    schema.EVENT_SEQUENCE: 7,
    schema.PRODUCER_ID: "p",
    schema.MODEL_NAME: "flights",
    schema.SERVICE_NAME: "api",
    schema.MESSAGE: 'says "event.id":"other-9", and so on',
}
WHOLE = Origin(event_id="p-7", producer="p", sequence=7, model="flights", service="api")


def test_a_whole_record_is_read_by_its_keys():
    """A record that is sound JSON says who it is of, also where its texts hold the same words."""
    assert origin_of(msgspec.json.encode(DOCUMENT)) == WHOLE


@pytest.mark.parametrize("cut", [1, 5, 20])
def test_a_record_that_is_cut_off_still_says_it(cut):
    """Of a record without its end, what stands before the cut is found."""
    assert origin_of(msgspec.json.encode(DOCUMENT)[:-cut]) == WHOLE


def test_bytes_that_are_no_text_hide_nothing():
    """A record with broken UTF-8 in one place is known by the others."""
    assert origin_of(msgspec.json.encode(DOCUMENT).replace(b"so on", b"\xff\xfe")) == WHOLE


def test_words_within_a_text_are_no_keys():
    """What looks like a key within the text of a cut-off record is not taken for one."""
    record = msgspec.json.encode({schema.MESSAGE: '"event.id":"other-9"', "more": 1})[:-1]
    assert origin_of(record) == Origin()


@pytest.mark.parametrize("wrong", [-1, True, 1.5, "7", None, 2**70])
def test_a_sequence_that_is_none_is_left_out(wrong):
    """Only a whole number from 0 on is a sequence."""
    assert origin_of(msgspec.json.encode(DOCUMENT | {schema.EVENT_SEQUENCE: wrong})).sequence is None


@given(st.binary(max_size=200) | st.text().map(str.encode) | st.just(b"[" * 5000))
def test_any_bytes_have_an_origin(record):
    """There is no record that cannot be asked."""
    assert isinstance(origin_of(record), Origin)
