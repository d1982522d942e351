import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from mlmon.analyzers.statistics.wilson import wilson


@pytest.mark.parametrize(("successes", "n"), [(0, 1), (1, 1), (3, 10), (0, 50), (50, 50), (123, 4567)])
def test_interval_is_scipys(successes, n):
    """Wilson's interval equals scipy's to 1e-12."""
    expected = binomtest(successes, n).proportion_ci(0.95, method="wilson")
    found = wilson(successes, n)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)


@given(st.floats(0, 1), st.floats(1e-3, 1e9), st.floats(0.5, 0.999))
def test_interval_holds_the_value_inside_zero_and_one(sure, share, n, confidence):
    """The interval holds the value and never leaves [0, 1]."""
    found = wilson(share * n, n, confidence=confidence)
    assert 0 <= sure(found.low) <= sure(found.value) <= sure(found.high) <= 1


def test_no_events_are_undefined():
    """Zero, negligible, negative and NaN sample sizes give an undefined estimate."""
    assert [wilson(0, n).value for n in (0, 1e-12, -3, float("nan"))] == [None] * 4


def test_unfinished_corrections_are_clipped():
    """Net successes outside the sample size count as none or all."""
    assert wilson(-0.5, 4).value == 0.0
    assert wilson(4.5, 4).value == 1.0


def test_effective_size_widens_the_interval_only():
    """A smaller effective size leaves the value and widens the interval to that of the smaller sample."""
    weighted, small = wilson(30, 100, n_effective=10), wilson(3, 10)
    assert (weighted.value, weighted.low, weighted.high) == (small.value, small.low, small.high)
    assert weighted.n == 100
    assert wilson(30, 100, n_effective=0).low is None


@pytest.mark.parametrize(("p", "n"), [(0.02, 1000), (0.3, 200), (0.5, 57)])
def test_interval_covers_at_its_rate(assert_covers, p, n):
    """In 2,000 simulated windows the 95 % interval holds the true proportion at about that rate."""
    hits = np.random.default_rng(3).binomial(n, p, 2000)
    assert_covers([wilson(k, n) for k in hits.tolist()], p)
