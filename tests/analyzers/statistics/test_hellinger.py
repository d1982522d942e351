import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mlmon.analyzers.statistics.hellinger import hellinger

COUNTS = arrays(float, 7, elements=st.integers(0, 1000))


@given(COUNTS, COUNTS)
def test_value_is_right(sure, left, right):
    """The Hellinger distance equals its definition, lies in [0, 1], and is the same both ways."""
    found = hellinger(left, right)
    if not left.any() or not right.any():
        assert found is None
        return
    assert found == pytest.approx(
        np.linalg.norm(np.sqrt(left / left.sum()) - np.sqrt(right / right.sum())) / np.sqrt(2), abs=1e-7
    )
    assert 0 <= sure(found) <= 1
    assert hellinger(right, left) == pytest.approx(found, abs=1e-12)


def test_ends_of_the_range():
    """Equal shares are at distance 0 whatever the sizes, shares that never meet at 1."""
    assert hellinger([1, 2, 3], [10, 20, 30]) == pytest.approx(0, abs=1e-8)
    assert hellinger([5, 0], [0, 9]) == 1.0


def test_one_bin_is_no_distance():
    """When everything shares one bin nothing can have moved."""
    assert hellinger([7], [3]) == 0.0
