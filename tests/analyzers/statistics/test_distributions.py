import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mlmon.analyzers.statistics import distributions


def test_scipy_is_loaded_only_when_a_test_is_asked_for():
    """Importing every statistic that needs no tail loads no scipy."""
    code = (
        "import sys, mlmon.analyzers.statistics.f1, mlmon.analyzers.statistics.auc,"
        " mlmon.analyzers.statistics.psi; sys.exit('scipy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@given(st.floats(-30, 30))
def test_normal_tail_is_scipys(z):
    """The normal tail equals scipy's on both sides."""
    assert distributions.normal_tail(z) == pytest.approx(2 * stats.norm.sf(abs(z)), rel=1e-9)


@given(st.floats(0.5, 0.999), st.floats(1, 1e4))
def test_student_quantile_is_scipys(probability, degrees):
    """Student's quantile equals scipy's."""
    expected = stats.t.ppf(probability, degrees)
    assert distributions.student_quantile(probability, degrees) == pytest.approx(
        expected, rel=1e-8, abs=1e-12
    )


@given(st.floats(0, 200), st.integers(1, 50))
def test_chi_squared_tail_and_quantile_are_scipys(statistic, degrees):
    """The chi-squared tail and quantile equal scipy's."""
    assert distributions.chi_squared_tail(statistic, degrees) == pytest.approx(
        stats.chi2.sf(statistic, degrees), rel=1e-9
    )
    assert distributions.chi_squared_quantile(0.95, degrees) == pytest.approx(
        stats.chi2.ppf(0.95, degrees), rel=1e-9
    )


@given(st.floats(0.001, 0.999), st.integers(1, 2_000_000), st.floats(0.001, 0.999))
def test_binomial_quantile_is_scipys(probability, n, p):
    """The binomial quantile is the smallest count that reaches the probability."""
    k = distributions.binomial_quantile(probability, n, p)
    slack = 1e-9
    assert stats.binom.cdf(k, n, p) >= probability - slack
    assert k == 0 or stats.binom.cdf(k - 1, n, p) <= probability + slack
