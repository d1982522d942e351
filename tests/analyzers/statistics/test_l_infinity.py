import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import chebyshev

from mlmon.analyzers.statistics.l_infinity import l_infinity
from mlmon.analyzers.statistics.total_variation import total_variation

COUNTS = st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 1000)), min_size=1, max_size=20)


@given(COUNTS)
def test_equals_scipy_and_is_bounded_by_total_variation(pairs):
    """It is Chebyshev's distance of the shares, and no more than the total variation distance."""
    old, new = (np.array(side, dtype=float) for side in zip(*pairs, strict=True))
    found = l_infinity(old, new)
    if not old.any() or not new.any():
        assert found is None
        return
    assert found is not None
    assert abs(found - chebyshev(old / old.sum(), new / new.sum())) < 1e-12
    assert found <= (total_variation(old, new) or 0.0) + 1e-12
