import numpy as np
import pytest
from sklearn.metrics import brier_score_loss

from mlmon.analyzers.statistics.brier import brier, event_brier, event_brier_multiclass


def test_value_is_sklearns():
    """The mean of the events' scores equals scikit-learn's Brier score to 1e-12."""
    rng = np.random.default_rng(0)
    outcomes, values = rng.random(300) < 0.4, rng.random(300)
    scores = [event_brier(p, occurred=bool(y)) for p, y in zip(values, outcomes, strict=True)]
    found = brier(300, sum(scores), sum(x * x for x in scores))
    assert found.value == pytest.approx(brier_score_loss(outcomes, values), abs=1e-12)


def test_two_labels_count_twice_in_briers_own_form():
    """The sum over two labels is twice the binary score."""
    assert event_brier_multiclass([0.7, 0.3], 0) == pytest.approx(2 * event_brier(0.7, occurred=True))
    assert event_brier_multiclass([0.2, 0.3, 0.5], 2) == pytest.approx(0.04 + 0.09 + 0.25)


def test_interval_stays_in_its_range():
    """The interval is cut to [0, 1], or to the highest score that is asked for."""
    assert brier(2, 1.0, 1.0).low == 0.0
    assert brier(2, 1.0, 1.0).high == 1.0
    assert brier(2, 2.0, 4.0, highest=2.0).high == 2.0


def test_no_events_are_undefined():
    """The Brier score of nothing is None."""
    assert brier(0, 0.0, 0.0).value is None
