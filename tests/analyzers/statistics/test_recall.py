# mypy: disable-error-code="operator"
# What may be None is compared as it is: a None fails the test, as it should.

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import recall_score

from mlmon.analyzers.statistics.accuracy import accuracy
from mlmon.analyzers.statistics.confusion import Confusion
from mlmon.analyzers.statistics.recall import recall, recall_by_class


@pytest.mark.parametrize("average", ["macro", "micro", "weighted"])
@pytest.mark.parametrize(("classes", "n"), [(2, 40), (3, 300), (6, 900)])
def test_averages_are_sklearns(labelled, average, classes, n):
    """Every average equals scikit-learn's to 1e-12."""
    actual, predicted, table = labelled(classes, classes, n)
    expected = recall_score(actual, predicted, average=average, zero_division=np.nan)
    assert recall(table, average=average).value == pytest.approx(expected, abs=1e-12)


def test_binary_and_per_class_are_sklearns(labelled):
    """The value of a label equals scikit-learn's to 1e-12, whether asked for alone or with all."""
    actual, predicted, table = labelled(2, 2, 200)
    expected = recall_score(actual, predicted, pos_label="b")
    assert recall(table, positive="b").value == pytest.approx(expected, abs=1e-12)
    per_class = recall_score(actual, predicted, average=None)
    assert [e.value for e in recall_by_class(table).values()] == pytest.approx(per_class, abs=1e-12)


@pytest.mark.parametrize("average", ["macro", "micro", "weighted"])
@given(cells=arrays(float, (3, 3), elements=st.integers(0, 50)))
def test_interval_holds_the_value_inside_zero_and_one(cells, average):
    """Whatever the counts, the interval holds the value inside [0, 1], or there is no value."""
    found = recall(Confusion(labels=("a", "b", "c"), counts=cells), average=average)
    if found.value is None:
        assert found.low is None
    else:
        assert 0 <= found.low <= found.value <= found.high <= 1


@pytest.mark.parametrize("average", ["macro", "micro", "weighted"])
def test_no_events_are_undefined(average):
    """An empty matrix, with labels or without, is undefined."""
    assert recall(Confusion.from_counts([]), average=average).value is None
    assert recall(Confusion.from_counts([], labels=["a", "b"]), average=average).value is None
    assert recall(Confusion.from_counts([]), positive="a").value is None


@pytest.mark.parametrize("average", ["macro", "weighted"])
def test_a_flawless_sample_is_not_certain(average):
    """Without a single error the interval still reaches below 1, less far for more events."""
    small = recall(Confusion.from_counts([("a", "a", 9), ("b", "b", 5)]), average=average)
    large = recall(Confusion.from_counts([("a", "a", 900), ("b", "b", 500)]), average=average)
    assert small.value == large.value == large.high == 1.0
    assert small.low < large.low < 1.0
    alone = recall(Confusion.from_counts([("a", "a", 9)]), average=average)
    assert alone.low < alone.value == 1.0


def test_binary_needs_its_positive_label():
    """Asking for the binary value without a positive label is a ValueError that says what to pass."""
    with pytest.raises(ValueError, match="positive"):
        recall(Confusion.from_counts([("a", "a", 1)]))


@pytest.mark.parametrize("n", [150, 2000])
@pytest.mark.parametrize("average", ["binary", "macro", "weighted"])
def test_interval_covers_at_its_rate(assert_covers, draw_matrices, average, n):
    """In simulated windows of three uneven classes the 95 % interval holds the truth at about that rate."""
    drawn, truth = draw_matrices([[60, 5, 3], [4, 20, 2], [2, 3, 12]], n)
    target = recall(truth, average=average, positive="b").value
    assert_covers([recall(table, average=average, positive="b") for table in drawn], target)


def test_weighted_recall_is_accuracy(labelled):
    """Recall weighted by actual totals equals accuracy."""
    _, _, table = labelled(3, 4, 200)
    assert recall(table, average="weighted").value == pytest.approx(accuracy(table).value, abs=1e-12)


def test_errors_sampled_at_another_rate_keep_the_interval_honest():
    """The interval of weighted events is wider than one that takes the weights for events."""
    weighted = Confusion.from_groups([("a", "a", 10.0, 80), ("a", "b", 1.0, 60)])
    counted = Confusion.from_counts([("a", "a", 800), ("a", "b", 60)])
    one, other = recall(weighted, positive="a"), recall(counted, positive="a")
    assert one.value == other.value
    assert one.high - one.low > 1.2 * (other.high - other.low)
