import pytest

from mlmon.analyzers.statistics.accuracy import accuracy
from mlmon.analyzers.statistics.confusion import Confusion
from mlmon.analyzers.statistics.recall import recall


def test_weighted_recall_is_accuracy(labelled):
    """Recall weighted by actual totals equals accuracy."""
    _, _, table = labelled(3, 4, 200)
    assert recall(table, average="weighted").value == pytest.approx(accuracy(table).value, abs=1e-12)


def test_errors_sampled_at_another_rate_keep_the_interval_honest(sure):
    """The interval of weighted events is wider than one that takes the weights for events."""
    weighted = Confusion.from_groups([("a", "a", 10.0, 80), ("a", "b", 1.0, 60)])
    counted = Confusion.from_counts([("a", "a", 800), ("a", "b", 60)])
    one, other = recall(weighted, positive="a"), recall(counted, positive="a")
    assert one.value == other.value
    assert sure(one.high) - sure(one.low) > 1.2 * (sure(other.high) - sure(other.low))
