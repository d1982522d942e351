from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from mlmon.core import query as q
from mlmon.core import schema
from mlmon.core.query import Query
from mlmon.core.schema import Dataset
from mlmon.core.window import Window, floor
from mlmon.stores.search.slices import Slices, from_group, is_by_time

START = datetime(2013, 3, 1, 0, 20, tzinfo=UTC)


def _ask(window, every="1h", **more):
    return Query(dataset=Dataset.INFERENCE, window=window, by={"at": q.TimeBucket(every, **more)})


@settings(deadline=None)
@given(
    st.timedeltas(timedelta(seconds=1), timedelta(days=60)),
    st.sampled_from(["5m", "1h", "1d", "7d", "month"]),
    st.lists(st.integers(0, 300), max_size=50),
)
def test_stretches_are_the_window_whole_and_once(length, every, counts):
    """Whatever is found in them, the stretches follow each other, cover the window, and cut no group."""
    window = Window(start=START, end=START + length)
    slices = Slices(_ask(window, every), 50)
    taken = []
    while slices:
        taken.append(slices.take())
        slices.had(counts[len(taken) % len(counts)] if counts else 10)
    assert taken[0].start == window.start
    assert taken[-1].end == window.end
    assert all(one.end == two.start for one, two in pairwise(taken))
    assert all(part.start == floor(part.start, every) for part in taken[1:])


def test_stretches_grow_where_there_is_little():
    """Hours of two hundred years are not asked for page by page."""
    window = Window(start=datetime(1, 1, 1, tzinfo=UTC), end=datetime(9999, 1, 1, tzinfo=UTC))
    slices = Slices(_ask(window), 10_000)
    count = 0
    while slices:
        slices.take()
        slices.had(0)
        count += 1
    assert count < 10


def test_stretches_shrink_where_there_is_much():
    """After a stretch of five pages the next is a fifth as long."""
    window = Window(start=datetime(2013, 1, 1, tzinfo=UTC), end=datetime(2014, 1, 1, tzinfo=UTC))
    slices = Slices(_ask(window), 100)
    assert slices.take().end - window.start == timedelta(hours=100)
    slices.had(500)
    second = slices.take()
    assert second.end - second.start == timedelta(hours=20)


def test_only_groups_by_the_windows_time_are_cut():
    """A question by another time, or without a window, is asked whole."""
    window = Window(start=START, end=START + timedelta(days=1))
    assert is_by_time(_ask(window))
    assert not is_by_time(_ask(None))
    assert not is_by_time(_ask(window, field=schema.EVENT_INGESTED))
    assert not is_by_time(Query(dataset=Dataset.INFERENCE, window=window))


def test_the_next_page_leaves_out_the_time_before():
    """What a page gave need not be read for the next one."""
    window = Window(start=START, end=START + timedelta(days=1))
    row = {"at": floor(START + timedelta(hours=5), "1h")}
    assert from_group(_ask(window), row).window == Window(start=row["at"], end=window.end)
    assert from_group(_ask(window), {"at": floor(START, "1h")}).window == window
