import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import binomtest, chi2_contingency
from scipy.stats.contingency import association

from mlmon.analyzers.statistics.chi_squared import chi_squared

COUNTS = arrays(int, 5, elements=st.integers(0, 300))


@given(COUNTS, COUNTS)
def test_test_is_scipys(left, right):
    """Statistic, p-value, degrees of freedom and Cramer's V equal scipy's."""
    found = chi_squared(left, right)
    table = np.array([left, right])
    table = table[:, table.sum(axis=0) > 0]
    if found is None:
        assert not (left.any() and right.any()) or table.shape[1] <= 1
        return
    expected = chi2_contingency(table, correction=False)
    assert found.statistic == pytest.approx(expected.statistic, rel=1e-9, abs=1e-9)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-9, abs=1e-12)
    assert found.degrees_of_freedom == expected.dof
    assert found.cramers_v == pytest.approx(association(table, method="cramer"), abs=1e-9)


def test_degenerate_samples_have_no_test():
    """An empty side and a single category can't be tested."""
    assert chi_squared([], []) is None
    assert chi_squared([0, 0], [1, 2]) is None
    assert chi_squared([5, 0], [9, 0]) is None


def test_sides_that_never_meet_have_the_largest_effect(sure):
    """Categories that never occur on both sides give Cramer's V of 1."""
    assert sure(chi_squared([40, 0], [0, 70])).cramers_v == pytest.approx(1.0)


def test_weights_count_by_their_effective_size(sure):
    """Tripled counts with the old effective sizes give the old test."""
    plain = chi_squared([30, 20], [10, 40])
    heavy = chi_squared([90, 60], [30, 120], n_reference=50, n_current=50)
    assert sure(heavy).p_value == pytest.approx(sure(plain).p_value)


def test_false_alarms_come_at_their_rate(sure):
    """Without a change the p-value is under 5 % in about 5 % of 2,000 simulated comparisons."""
    rng = np.random.default_rng(4)
    shares = [0.4, 0.3, 0.2, 0.1]
    drawn = zip(rng.multinomial(2000, shares, 2000), rng.multinomial(500, shares, 2000), strict=True)
    alarms = sum(sure(chi_squared(a, b)).p_value < 0.05 for a, b in drawn)
    assert binomtest(alarms, 2000, 0.05).pvalue > 1e-3
