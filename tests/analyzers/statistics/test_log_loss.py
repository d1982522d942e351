import numpy as np
import pytest
from sklearn.metrics import log_loss as reference

from mlmon.analyzers.statistics.log_loss import event_log_loss, log_loss


def test_value_is_sklearns():
    """The mean of the events' losses equals scikit-learn's log loss to 1e-12, sure mistakes included."""
    rng = np.random.default_rng(0)
    outcomes = rng.random(300) < 0.4
    values = np.concatenate(([0.0, 1.0], rng.random(298)))
    losses = [event_log_loss(p if y else 1 - p) for p, y in zip(values, outcomes, strict=True)]
    found = log_loss(300, sum(losses), sum(x * x for x in losses))
    assert found.value == pytest.approx(reference(outcomes, values), rel=1e-12)


def test_interval_never_goes_below_zero():
    """The interval of a small loss is cut at zero."""
    assert log_loss(3, 0.3, 0.08).low == 0.0


def test_no_events_are_undefined():
    """Log loss of nothing is None, and of one event has no interval."""
    assert log_loss(0, 0.0, 0.0).value is None
    assert log_loss(1, 0.5, 0.25).low is None


def test_interval_covers_at_its_rate(assert_covers):
    """In 2,000 simulated windows of 500 calibrated scores the interval holds the true loss at about 95 %."""
    rng = np.random.default_rng(4)
    values = rng.beta(2, 5, (2000, 500))
    happened = rng.random(values.shape) < values
    losses = -np.log(np.where(happened, values, 1 - values))
    grid = np.random.default_rng(5).beta(2, 5, 4_000_000)
    truth = float(np.mean(-grid * np.log(grid) - (1 - grid) * np.log1p(-grid)))
    sums = zip(losses.sum(axis=1).tolist(), (losses**2).sum(axis=1).tolist(), strict=True)
    assert_covers([log_loss(500, total, squares) for total, squares in sums], truth)
