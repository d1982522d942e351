"""Ids are told apart exactly, whether they come in runs or one by one."""

from datetime import UTC, datetime

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mlmon.core.event import Event
from mlmon.core.schema import Dataset
from mlmon.stores.embedded.seen import Intervals, Seen, hash_of

NOON = datetime(2013, 3, 1, 12, tzinfo=UTC)


def counted(producer: str, number: int) -> Event:
    """Make an event whose id is made of its producer and its sequence."""
    return _event(f"{producer}-{number}", producer, number)


def _event(identity: str, producer: str | None, sequence: int | None) -> Event:
    return Event(
        id=identity, dataset=Dataset.APP, timestamp=NOON, model=None,
        producer=producer, sequence=sequence, body=b"{}",
    )  # fmt: skip


_runs = st.builds(
    lambda producer, first, size: [counted(producer, number) for number in range(first, first + size)],
    st.sampled_from("pq"),
    st.integers(0, 12),
    st.integers(1, 5),
)
_singles = st.builds(
    lambda identity, producer, sequence: [_event(identity, producer, sequence)],
    st.sampled_from(["p-1", "p-2", "q-1", "x", "y", "None-3"]),
    st.sampled_from(["r", None]),
    st.sampled_from([3, None]),
)
_batch = st.lists(_runs | _singles, max_size=4).map(lambda runs: [event for run in runs for event in run])


@given(st.lists(_batch))
def test_each_id_is_new_once(batches: list[list[Event]]):
    """Of any batches, what is new is what a set of keys says; what was not stored is new again."""
    seen, keys = Seen(), set()
    for batch in batches:
        again, _ = seen.fresh(batch)
        new, ids = seen.fresh(batch)
        assert new == again
        expected = []
        for event in batch:
            # An id that looks counted and is not is kept apart, as a hash.
            key = event.id, event.id == f"{event.producer}-{event.sequence}" and event.producer is not None
            if key not in keys:
                keys.add(key)
                expected.append(event)
        assert [id(event) for event in new] == [id(event) for event in expected]
        seen.update(ids)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 4))), st.integers(0, 40), st.integers(0, 5))
def test_intervals_are_a_set_of_numbers(spans: list[tuple[int, int]], first: int, more: int):
    """Intervals meet what a set of the same numbers meets, and stay apart and in order."""
    intervals, numbers = Intervals(), set()
    for start, length in spans:
        intervals.add(start, start + length)
        numbers |= set(range(start, start + length + 1))
    assert intervals.meets(first, first + more) == bool(numbers & set(range(first, first + more + 1)))
    edges = [edge for span in zip(intervals.starts, intervals.ends, strict=True) for edge in span]
    assert edges == sorted(edges)
    assert sum(end - start + 1 for start, end in zip(*[iter(edges)] * 2, strict=True)) == len(numbers)


def test_hashes_that_were_recalled_are_known():
    """Ids that came as hashes from segments are no longer new, and others are."""
    seen = Seen()
    seen.add_hashes(np.array([hash_of("x"), hash_of("y")], dtype=np.uint64))
    new, _ = seen.fresh([_event("x", None, None), _event("z", None, None)])
    assert [event.id for event in new] == ["z"]
