import gc
import logging
import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlmon.logging_sdk.spool import LEVELS, MemorySpool

INFO, DEBUG, ERROR = logging.INFO, logging.DEBUG, logging.ERROR


def test_records_come_in_order_and_stay_held_until_acknowledged():
    """Records of all levels are taken in the order they came, and count until they are acknowledged."""
    spool = MemorySpool()
    for index, level in enumerate([INFO, ERROR, DEBUG, INFO]):
        spool.append(b"%d" % index, level)
    batch = spool.take(3, 1000)
    assert batch.records == [b"0", b"1", b"2"]
    assert (len(spool), spool.waiting) == (4, 1)
    spool.ack(batch)
    assert len(spool) == 1


def test_a_batch_is_bounded_by_bytes_and_never_empty():
    """A batch ends with the record that reaches the bound, and a record above it still comes alone."""
    spool = MemorySpool()
    spool.extend([b"x" * 10] * 3, INFO)
    assert len(spool.take(10, 15).records) == 2
    assert len(spool.take(10, 1).records) == 1


def test_debug_lines_are_dropped_before_errors():
    """What does not fit is dropped oldest first, and an error never before a debug line."""
    spool = MemorySpool(max_records=3)
    for record, level in [(b"e", ERROR), (b"i1", INFO), (b"d", DEBUG), (b"i2", INFO), (b"i3", INFO)]:
        spool.append(record, level)
    assert spool.take(10, 100).records == [b"e", b"i2", b"i3"]
    assert spool.dropped == 2


def test_bytes_are_bounded():
    """The bytes held never pass the cap, whatever is on its way."""
    spool = MemorySpool(max_bytes=100)
    spool.extend([b"x" * 30] * 3, INFO)
    batch = spool.take(1, 1)
    spool.append(b"y" * 30, INFO)
    assert spool.dropped == 1
    spool.ack(batch)
    spool.append(b"y" * 30, INFO)
    assert spool.dropped == 1


@given(
    st.lists(st.tuples(st.sampled_from(LEVELS), st.integers(1, 40)), max_size=200),
    st.integers(1, 20),
    st.integers(40, 400),
)
def test_what_is_kept_is_what_a_plain_list_would_keep(appended, max_records, max_bytes):
    """The spool holds what dropping the oldest of the lowest level from a list would leave, in its order."""
    spool = MemorySpool(max_records=max_records, max_bytes=max_bytes)
    expected: list[tuple[int, bytes]] = []
    for index, (level, size) in enumerate(appended):
        record = b"%d," % index + b"x" * size
        spool.append(record, level)
        expected.append((level, record))
        while len(expected) > max_records or sum(len(kept) for _, kept in expected) > max_bytes:
            expected.remove(min(expected, key=lambda kept: kept[0]))
    assert spool.take(10**6, 10**9).records == [record for _, record in expected]
    assert spool.dropped == len(appended) - len(expected)
    assert len(spool._order) == 0


def test_a_long_outage_costs_no_memory():
    """Turns of dropped records are forgotten, even behind errors that are kept."""
    spool = MemorySpool(max_records=50)
    for index in range(5000):
        spool.append(b"e", ERROR if index < 10 else INFO)
    assert len(spool._order) <= 2 * 50 + 10
    assert (len(spool), spool.dropped) == (50, 4950)


def test_a_backlog_causes_no_collections():
    """A backlog of 20,000 records gives the garbage collector nothing to do."""
    spool = MemorySpool()
    gc.collect()
    before = [generation["collections"] for generation in gc.get_stats()]
    for _ in range(5_000):
        spool.append(b"x" * 500, INFO)
    assert [generation["collections"] for generation in gc.get_stats()] == before


@pytest.fixture
def hasty():
    """Have the interpreter change threads as often as it can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-7)
    yield
    sys.setswitchinterval(before)


def test_no_thread_loses_the_count_of_another(hasty):
    """With many threads that append and one that takes, the bytes held are counted exactly."""
    spool = MemorySpool(max_bytes=10**9)
    threads = [threading.Thread(target=_fill, args=(spool,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads) or spool.waiting:
        spool.ack(spool.take(100, 10**6))
    assert spool._added == spool._limit - 10**9  # `bytes_held` is never negative, so it would hide some
    assert spool.dropped == 0


def _fill(spool: MemorySpool) -> None:
    for size in range(5_000):
        spool.append(b"x" * (size % 50), INFO)
        spool.extend([b"y" * 7] * 3, INFO)
