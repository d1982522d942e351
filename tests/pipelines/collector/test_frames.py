"""The Beats protocol, byte by byte."""

import itertools
import struct
import zlib
from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlmon.core.errors import WireError
from mlmon.pipelines.collector import frames
from mlmon.pipelines.collector.frames import Packed, Parser, Record, Window, acknowledgement

LIMIT = 100_000
FILLER = {f"key {number}": "value" for number in range(200)}


def parser(limit: int = LIMIT) -> Parser:
    """Make a parser with one limit for both."""
    return Parser(max_record_bytes=limit, max_batch_bytes=limit)


def window(size: int) -> bytes:
    """Make a window frame."""
    return b"2W" + struct.pack(">I", size)


def record(sequence: int, payload: bytes) -> bytes:
    """Make a record of version 2."""
    return b"2J" + struct.pack(">II", sequence, len(payload)) + payload


def pairs(sequence: int, document: dict[str, str]) -> bytes:
    """Make a record of version 1."""
    texts = [text.encode() for item in document.items() for text in item]
    return b"1D" + struct.pack(">II", sequence, len(document)) + b"".join(map(sized, texts))


def sized(text: bytes) -> bytes:
    """Put the length before a text."""
    return struct.pack(">I", len(text)) + text


def compressed(inner: bytes) -> bytes:
    """Make a compressed frame."""
    return b"2C" + sized(zlib.compress(inner))


plain_frames = st.one_of(
    st.builds(window, st.integers(0, 2**32 - 1)),
    st.builds(record, st.integers(0, 2**32 - 1), st.binary(max_size=60)),
    st.builds(
        pairs,
        st.integers(0, 2**32 - 1),
        st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=3),
    ),
)
streams = st.lists(
    plain_frames | st.lists(plain_frames, max_size=4).map(lambda it: compressed(b"".join(it))), max_size=6
).map(b"".join)


def read(reading: Parser, data: bytes) -> Iterator[Window | Record]:
    """Feed a piece, and unpack what is compressed."""
    for frame in reading.feed(data):
        if isinstance(frame, Packed):
            yield from reading.frames_in(reading.unpack(frame))
        else:
            yield frame


def parse(stream: bytes, cuts: list[int]) -> list[Window | Record]:
    """Feed a stream in pieces."""
    reading = parser()
    places = sorted({0, len(stream), *(cut % (len(stream) + 1) for cut in cuts)})
    return [frame for start, end in itertools.pairwise(places) for frame in read(reading, stream[start:end])]


@given(streams, st.lists(st.integers(0, 10_000), max_size=12))
@settings(deadline=None)
def test_any_split_of_a_stream_gives_the_same_frames(stream, cuts):
    """Where the network cuts a stream has no effect on what is read from it."""
    assert parse(stream, cuts) == parse(stream, [])


@given(st.binary(max_size=300) | st.binary(max_size=100).map(lambda it: b"2C" + sized(it)), st.booleans())
@settings(deadline=None)
def test_any_bytes_are_frames_or_a_wire_error(stream, by_byte):
    """Hostile bytes end in an error that says so, and in nothing else."""
    try:
        found = parse(stream, list(range(len(stream))) if by_byte else [])
    except WireError as error:
        found = []
        assert "Beats" in str(error)  # noqa: PT017 - not every input fails
    assert all(isinstance(each, (Window, Record)) for each in found)


def test_a_window_and_its_records_are_read():
    """Sizes, numbers and payloads come out as they went in, plain or compressed."""
    inner = record(1, b"a") + record(2, b"")
    expected = [Window(2), Record(1, b"a"), Record(2, b"")]
    assert list(read(parser(), window(2) + inner)) == expected
    assert list(read(parser(), window(2) + compressed(inner))) == expected
    assert list(read(parser(), compressed(window(2) + inner))) == expected


def test_a_record_of_version_1_becomes_a_json_object():
    """Keys and values become an object, and the acknowledgement speaks version 1 from then on."""
    reading = parser()
    (found,) = reading.feed(pairs(3, {"line": "up ✓", "host": "a"}))
    assert isinstance(found, Record)
    assert (found.sequence, msgspec.json.decode(found.payload)) == (3, {"line": "up ✓", "host": "a"})
    assert acknowledgement(3, reading.version) == b"1A\x00\x00\x00\x03"


@pytest.mark.parametrize(
    ("stream", "message"),
    [
        (b"GET / HTTP/1.1", "not the Beats protocol"),
        (b"2X", "no frame of type 'X'"),
        (b"2J" + struct.pack(">II", 1, LIMIT + 1), "over the limit"),
        (b"2C" + struct.pack(">I", LIMIT + 1), "over the limit"),
        (b"1D" + struct.pack(">II", 1, 2**31), "over the limit"),
        (b"1D" + struct.pack(">III", 1, 1, LIMIT + 1), "over the limit"),
        (compressed(compressed(record(1, b"a"))), "holds another one"),
        (compressed(record(1, b"abc")[:-1]), "ends within a record"),
        (compressed(record(1, b"x" * 1000) * (LIMIT // 1000)), f"over {LIMIT} bytes"),
        (b"2C" + sized(zlib.compress(record(1, b"a"))[:-3]), "cut off"),
        (b"2C" + sized(b"no zlib"), "cannot be unpacked"),
    ],
)
def test_what_breaks_the_protocol_is_named(stream, message):
    """The error says what is wrong, so that the sender can be mended."""
    with pytest.raises(WireError, match=message):
        list(read(parser(), stream))


def test_records_before_a_broken_frame_are_given_first():
    """What came whole is not lost to what came after it."""
    reading = parser().feed(record(1, b"a") + b"??")
    assert next(reading) == Record(1, b"a")
    with pytest.raises(WireError):
        next(reading)


def test_a_bomb_is_not_unpacked():
    """A frame that would grow a thousandfold is refused after as many bytes as the limit allows."""
    bomb = compressed(record(1, bytes(50_000_000)))
    assert len(bomb) < LIMIT
    with pytest.raises(WireError, match="Send smaller batches"):
        list(read(parser(), bomb))


@pytest.mark.parametrize(
    "make", [lambda it: record(1, it), lambda it: pairs(1, {"k" * 9: it.decode()} | FILLER)]
)
def test_a_frame_that_comes_in_many_pieces_is_not_read_again_for_each(make, monkeypatch):
    """The work for a frame grows with its size, not with the number of pieces it comes in."""
    looked: list[int] = []
    numbers = frames._numbers

    def stub_numbers(data: bytearray, at: int, count: int) -> tuple[int, ...] | None:
        looked.append(at)
        return numbers(data, at, count)

    monkeypatch.setattr(frames, "_numbers", stub_numbers)
    whole, reading = make(b"x" * 2000), parser()
    found = [frame for place in range(len(whole)) for frame in reading.feed(whole[place : place + 1])]
    assert len(found) == 1
    assert reading.buffered == 0
    assert len(looked) < 2.5 * len(whole) + 10 * len(FILLER)
