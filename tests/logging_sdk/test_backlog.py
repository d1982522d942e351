from hypothesis import given
from hypothesis import strategies as st

from mlmon.logging_sdk.backlog import Backlog


@given(
    steps=st.lists(
        st.tuples(st.integers(0, 50), st.integers(0, 50), st.floats(0.001, 5)), min_size=1, max_size=2_000
    )
)
def test_no_record_waits_longer_than_is_told(steps):
    """Whatever comes and goes, the oldest record's wait is at most what is told, and near it from above."""
    backlog, came, gone, now = Backlog(), [], 0, 100.0
    gaps = [0.0]
    for arriving, going, wait_s in steps:
        now += wait_s
        gaps.append(wait_s)
        came += [now] * arriving
        gone = min(gone + going, len(came))
        backlog.note(len(came), now)
        backlog.forget(gone)
        if gone < len(came):
            told = backlog.oldest_s(gone, now)
            assert now - came[gone] <= told + 1e-9
            assert told <= now - came[gone] + 2 * max(gaps) + 0.2


def test_a_long_outage_keeps_its_beginning():
    """Marks are thinned and not cut, so that a wait of hours is still told after thousands of notes."""
    backlog = Backlog()
    for second in range(20_000):
        backlog.note(second, float(second))
    assert backlog.oldest_s(gone=0, now=20_000.0) == 20_000.0


def test_nothing_noted_is_no_wait():
    """Before the first note there is nothing to wait for."""
    assert Backlog().oldest_s(0, 5.0) == 0.0
