import pytest
from sklearn.metrics import balanced_accuracy_score

from mlmon.analyzers.statistics.balanced_accuracy import balanced_accuracy
from mlmon.analyzers.statistics.confusion import Confusion


def test_value_is_sklearns(labelled):
    """Balanced accuracy equals scikit-learn's to 1e-12."""
    actual, predicted, table = labelled(8, 4, 300)
    expected = balanced_accuracy_score(actual, predicted)
    assert balanced_accuracy(table).value == pytest.approx(expected, abs=1e-12)


def test_labels_that_never_occurred_are_left_out():
    """A label that was predicted but never occurred has no say."""
    table = Confusion.from_counts([("a", "a", 3), ("a", "b", 1)])
    assert balanced_accuracy(table).value == 0.75


def test_no_events_are_undefined():
    """Balanced accuracy of nothing is None."""
    assert balanced_accuracy(Confusion.from_counts([])).value is None


def test_interval_covers_at_its_rate(assert_covers, draw_matrices):
    """In simulated windows the 95 % interval holds the truth at about that rate."""
    drawn, truth = draw_matrices([[60, 5], [4, 20]], 400)
    assert_covers([balanced_accuracy(table) for table in drawn], balanced_accuracy(truth).value)
