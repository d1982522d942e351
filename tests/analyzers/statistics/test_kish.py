import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlmon.analyzers.statistics.kish import kish


@given(st.floats(0.01, 100), st.integers(1, 10**6))
def test_equal_weights_keep_the_count(weight, count):
    """With one weight for all the effective size is the count."""
    assert kish([(weight, count)]) == pytest.approx(count)


@given(st.lists(st.tuples(st.floats(0.1, 50), st.integers(1, 1000)), min_size=1))
def test_size_is_at_most_the_count(groups):
    """The effective size is positive and never above the number of events."""
    assert 0 < kish(groups) <= sum(count for _, count in groups) * (1 + 1e-9)


@given(st.lists(st.tuples(st.floats(0.1, 50), st.integers(2, 1000)), min_size=1))
def test_withdrawn_events_leave_no_trace(groups):
    """Events withdrawn by their negative weight give the size of those that remain."""
    corrected = [*groups, *((-weight, 1) for weight, _ in groups)]
    assert kish(corrected) == pytest.approx(kish([(w, c - 1) for w, c in groups]))


def test_nothing_has_no_size():
    """No events, and events that cancel, have size zero."""
    assert kish([]) == kish([(2.0, 5), (-2.0, 5)]) == 0.0
