import pytest
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score

from mlmon.analyzers.statistics.accuracy import accuracy
from mlmon.analyzers.statistics.confusion import Confusion


def test_value_is_sklearns_and_interval_is_scipys(labelled):
    """Accuracy equals scikit-learn's and its interval scipy's Wilson interval, to 1e-12."""
    actual, predicted, table = labelled(5, 3, 400)
    expected = accuracy_score(actual, predicted)
    interval = binomtest(round(expected * 400), 400).proportion_ci(0.95, method="wilson")
    found = accuracy(table)
    assert found.value == pytest.approx(expected, abs=1e-12)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), abs=1e-12)
    assert found.n == 400


def test_no_events_are_undefined():
    """Accuracy of nothing is None."""
    assert accuracy(Confusion.from_counts([])).value is None
