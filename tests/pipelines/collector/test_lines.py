"""Lines out of bytes, however they are cut."""

import time
import tracemalloc

from hypothesis import given, settings
from hypothesis import strategies as st

from mlmon.pipelines.collector.lines import Lines

pieces = st.lists(st.lists(st.sampled_from([b"\n", b"a", b"bc", b" ", b"\r"]), max_size=20).map(b"".join))


@given(pieces, st.integers(0, 6))
@settings(deadline=None)
def test_any_cut_gives_the_same_lines(chunks, limit):
    """The lines are those of the whole stream, each cut one byte above the limit, blank ones left out."""
    lines = Lines(max_line_bytes=limit)
    found = [line for chunk in chunks for line in lines.feed(chunk)] + lines.finish()
    expected = [line[: limit + 1] for line in b"".join(chunks).split(b"\n")]
    assert [line for line in found if line.strip()] == [line for line in expected if line.strip()]


def test_a_huge_line_costs_neither_memory_nor_time():
    """A line of 200 MB in small chunks keeps no more than the limit, and its neighbours are whole."""
    lines = Lines(max_line_bytes=1000)
    chunk = bytes(b"x" * 4096)
    assert lines.feed(b"before\n" + chunk) == [b"before"]
    tracemalloc.start()
    started = time.perf_counter()
    for _ in range(50_000):
        assert lines.feed(chunk) == []
    taken_s = time.perf_counter() - started
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert lines.feed(b"\nafter\n") == [b"x" * 1001, b"after"]
    assert peak < 50_000
    assert taken_s < 5


def test_many_small_chunks_of_one_line_are_joined_once():
    """A line that comes byte by byte is put together in one step."""
    lines = Lines(max_line_bytes=1 << 20)
    started = time.perf_counter()
    for _ in range(200_000):
        lines.feed(b"x")
    assert lines.feed(b"\n") == [b"x" * 200_000]
    assert time.perf_counter() - started < 5
