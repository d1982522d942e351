import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from mlmon.analyzers.statistics.fdr import benjamini_hochberg

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=40)


@given(P_VALUES)
def test_adjusted_values_are_scipys(p_values):
    """The adjusted p-values equal scipy's, in the order given, and are never smaller than the raw ones."""
    found = benjamini_hochberg(p_values)
    assert found == pytest.approx(list(false_discovery_control(p_values)), abs=1e-12)
    assert all(after >= before - 1e-15 for before, after in zip(p_values, found, strict=True))


@given(P_VALUES)
def test_undefined_tests_do_not_count(p_values):
    """None stays None and changes nothing for the others."""
    with_gaps = [value for p in p_values for value in (p, None)]
    found = benjamini_hochberg(with_gaps)
    assert found[0::2] == benjamini_hochberg(p_values)
    assert found[1::2] == [None] * len(p_values)


def test_no_tests_give_none():
    """No p-values give no p-values."""
    assert benjamini_hochberg([]) == []
