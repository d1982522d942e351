import numpy as np
import pytest
from sklearn.metrics import root_mean_squared_error

from mlmon.analyzers.statistics.rmse import rmse


def test_value_is_sklearns(sure):
    """RMSE equals scikit-learn's to 1e-12."""
    rng = np.random.default_rng(0)
    actual, predicted = rng.normal(size=200), rng.normal(size=200)
    squares = (predicted - actual) ** 2
    found = rmse(200, squares.sum(), (squares**2).sum())
    assert found.value == pytest.approx(root_mean_squared_error(actual, predicted), abs=1e-12)
    assert sure(found.low) < sure(found.value) < sure(found.high)


def test_degenerate_samples_have_defined_answers():
    """Nothing is undefined; one event, or no fourth powers, has no interval; a perfect model no width."""
    assert rmse(0, 0.0, 0.0).value is None
    assert (rmse(1, 4.0, 16.0).value, rmse(1, 4.0, 16.0).low) == (2.0, None)
    assert (rmse(9, 36.0).value, rmse(9, 36.0).high) == (2.0, None)
    perfect = rmse(9, 0.0, 0.0)
    assert (perfect.low, perfect.value, perfect.high) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("n", [100, 1000])
def test_interval_covers_at_its_rate(assert_covers, n):
    """In 2,000 simulated windows of normal errors the interval holds the true RMSE at about 95 %."""
    squares = np.random.default_rng(9).normal(1.0, 2.0, (2000, n)) ** 2
    sums = zip(squares.sum(axis=1).tolist(), (squares**2).sum(axis=1).tolist(), strict=True)
    assert_covers([rmse(n, squared, fourth) for squared, fourth in sums], float(np.sqrt(5.0)))
