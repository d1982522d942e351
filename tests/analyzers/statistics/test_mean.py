import numpy as np
import pytest
from scipy import stats

from mlmon.analyzers.statistics.mean import mean, standard_error


def sums(values):
    """Give count, sum and sum of squares."""
    return len(values), float(np.sum(values)), float(np.sum(np.square(values)))


@pytest.mark.parametrize("n", [2, 5, 300])
def test_mean_and_interval_are_scipys(n):
    """The mean and Student's interval equal scipy's on the raw values."""
    values = np.random.default_rng(n).normal(3, 2, n)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    found = mean(*sums(values))
    assert found.value == pytest.approx(values.mean(), rel=1e-12)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), rel=1e-9)


def test_weighted_events_rest_on_their_effective_size():
    """Events of weight 3 give the interval of the events themselves when their effective size is passed."""
    values = np.random.default_rng(0).normal(0, 1, 50)
    n, total, squares = sums(values)
    plain, weighted = mean(n, total, squares), mean(3 * n, 3 * total, 3 * squares, n_effective=n)
    assert (weighted.value, weighted.low, weighted.high) == pytest.approx(
        (plain.value, plain.low, plain.high)
    )


def test_degenerate_samples_have_defined_answers():
    """No event is undefined, one event has no interval, a constant has no width, infinities are undefined."""
    assert mean(0, 0.0, 0.0).value is None
    assert mean(float("nan"), 0.0, 0.0).value is None
    assert mean(5, float("inf"), float("inf")).value is None
    assert (mean(1, 2.0, 4.0).value, mean(1, 2.0, 4.0).low) == (2.0, None)
    constant = mean(10, 3.0, 0.9)
    assert constant.low == pytest.approx(constant.high) == pytest.approx(0.3)
    assert standard_error(0, 0.0, 0.0) is None


def test_critical_values_meet_where_the_normal_takes_over():
    """At the sample size where the normal takes over from Student's t the interval does not jump."""
    below, above = mean(9_999, 0.0, 9_999.0), mean(10_000, 0.0, 10_000.0)
    assert below.high == pytest.approx(above.high, rel=3e-4)
