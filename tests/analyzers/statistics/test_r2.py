import numpy as np
import pytest
from sklearn.metrics import r2_score

from mlmon.analyzers.statistics.r2 import r2


@pytest.mark.parametrize("noise", [0.1, 1.0, 5.0])
def test_value_is_sklearns(noise):
    """R squared equals scikit-learn's, below zero too."""
    rng = np.random.default_rng(0)
    actual = rng.normal(10, 2, 300)
    predicted = actual + rng.normal(0, noise, 300)
    found = r2(300, ((predicted - actual) ** 2).sum(), actual.sum(), (actual**2).sum())
    assert found.value == pytest.approx(r2_score(actual, predicted), abs=1e-10)
    assert found.low is None


def test_a_constant_outcome_is_undefined():
    """Without spread in the outcome, or without events, there is no R squared."""
    assert r2(10, 1.0, 3.0, 0.9).value is None
    assert r2(1, 1.0, 3.0, 9.0).value is None
    assert r2(0, 0.0, 0.0, 0.0).value is None
    assert r2(4, float("nan"), 10.0, 30.0).value is None
    assert r2(5, 0.0, 0.0, 0.0).value is None
