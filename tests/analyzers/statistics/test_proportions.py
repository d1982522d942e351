import pytest

from mlmon.analyzers.statistics.proportions import net_counts, net_pair, share_pair


def test_what_is_no_count_is_zero():
    """Negative, negligible and non-finite counts read as zero."""
    assert net_counts([2, -1, float("inf"), float("nan"), 1e-13]).tolist() == [2.0, 0.0, 0.0, 0.0, 0.0]


def test_counts_over_other_bins_are_refused():
    """Counts of different lengths are a ValueError that gives both."""
    with pytest.raises(ValueError, match="2 counts and current 3"):
        net_pair([1, 2], [1, 2, 3])


def test_an_empty_side_has_no_shares(sure):
    """Shares sum to one, and are None when a side has no counts."""
    assert share_pair([], []) is None
    assert share_pair([1], [0]) is None
    assert [side.sum() for side in sure(share_pair([1, 2], [3, 4]))] == [1.0, 1.0]
