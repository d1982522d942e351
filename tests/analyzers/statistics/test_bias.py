import numpy as np
import pytest

from mlmon.analyzers.statistics.bias import bias


def test_value_is_the_mean_error_with_its_sign(sure):
    """Predictions that are 2 too low have a bias of -2 and an interval below zero."""
    error = np.random.default_rng(0).normal(-2, 1, 400)
    found = bias(400, error.sum(), (error**2).sum())
    assert found.value == pytest.approx(error.mean(), abs=1e-12)
    assert sure(found.high) < 0


def test_no_events_are_undefined():
    """The bias of nothing is None."""
    assert bias(0, 0.0, 0.0).value is None
