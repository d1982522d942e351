import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error

from mlmon.analyzers.statistics.mae import mae


def test_value_is_sklearns():
    """MAE equals scikit-learn's to 1e-12."""
    rng = np.random.default_rng(0)
    actual, predicted = rng.normal(size=200), rng.normal(size=200)
    error = predicted - actual
    found = mae(200, np.abs(error).sum(), (error**2).sum())
    assert found.value == pytest.approx(mean_absolute_error(actual, predicted), abs=1e-12)


def test_interval_never_goes_below_zero():
    """The interval of few small errors is cut at zero."""
    assert mae(2, 1.0, 1.0).low == 0.0


def test_no_events_are_undefined():
    """MAE of nothing is None."""
    assert mae(0, 0.0, 0.0).value is None
