# mypy: disable-error-code="operator"
# What may be None is compared as it is: a None fails the test, as it should.

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import f1_score

from mlmon.analyzers.statistics.confusion import Confusion
from mlmon.analyzers.statistics.f1 import f1, f1_by_class


@pytest.mark.parametrize("average", ["macro", "micro", "weighted"])
@pytest.mark.parametrize(("classes", "n"), [(2, 40), (3, 300), (6, 900)])
def test_averages_are_sklearns(labelled, average, classes, n):
    """Every average equals scikit-learn's to 1e-12."""
    actual, predicted, table = labelled(classes, classes, n)
    expected = f1_score(actual, predicted, average=average, zero_division=np.nan)
    assert f1(table, average=average).value == pytest.approx(expected, abs=1e-12)


def test_binary_and_per_class_are_sklearns(labelled):
    """The value of a label equals scikit-learn's to 1e-12, whether asked for alone or with all."""
    actual, predicted, table = labelled(2, 2, 200)
    expected = f1_score(actual, predicted, pos_label="b")
    assert f1(table, positive="b").value == pytest.approx(expected, abs=1e-12)
    per_class = f1_score(actual, predicted, average=None)
    assert [e.value for e in f1_by_class(table).values()] == pytest.approx(per_class, abs=1e-12)


@pytest.mark.parametrize("average", ["macro", "micro", "weighted"])
@given(cells=arrays(float, (3, 3), elements=st.integers(0, 50)))
def test_interval_holds_the_value_inside_zero_and_one(cells, average):
    """Whatever the counts, the interval holds the value inside [0, 1], or there is no value."""
    found = f1(Confusion(labels=("a", "b", "c"), counts=cells), average=average)
    if found.value is None:
        assert found.low is None
    else:
        assert 0 <= found.low <= found.value <= found.high <= 1


@pytest.mark.parametrize("average", ["macro", "micro", "weighted"])
def test_no_events_are_undefined(average):
    """An empty matrix, with labels or without, is undefined."""
    assert f1(Confusion.from_counts([]), average=average).value is None
    assert f1(Confusion.from_counts([], labels=["a", "b"]), average=average).value is None
    assert f1(Confusion.from_counts([]), positive="a").value is None


@pytest.mark.parametrize("average", ["macro", "weighted"])
def test_a_flawless_sample_is_not_certain(average):
    """Without a single error the interval still reaches below 1, less far for more events."""
    small = f1(Confusion.from_counts([("a", "a", 9), ("b", "b", 5)]), average=average)
    large = f1(Confusion.from_counts([("a", "a", 900), ("b", "b", 500)]), average=average)
    assert small.value == large.value == large.high == 1.0
    assert small.low < large.low < 1.0
    alone = f1(Confusion.from_counts([("a", "a", 9)]), average=average)
    assert alone.low < alone.value == 1.0


def test_binary_needs_its_positive_label():
    """Asking for the binary value without a positive label is a ValueError that says what to pass."""
    with pytest.raises(ValueError, match="positive"):
        f1(Confusion.from_counts([("a", "a", 1)]))


@pytest.mark.parametrize("n", [150, 2000])
@pytest.mark.parametrize("average", ["binary", "macro", "weighted"])
def test_interval_covers_at_its_rate(assert_covers, draw_matrices, average, n):
    """In simulated windows of three uneven classes the 95 % interval holds the truth at about that rate."""
    drawn, truth = draw_matrices([[60, 5, 3], [4, 20, 2], [2, 3, 12]], n)
    target = f1(truth, average=average, positive="b").value
    assert_covers([f1(table, average=average, positive="b") for table in drawn], target)


def test_interval_of_one_label_is_the_delta_methods_in_large_samples():
    """For many events the interval of one label's F1 equals the delta method's to 1 % of its width."""
    table = Confusion(labels=("a", "b"), counts=np.array([[7e5, 5e4], [4e4, 2e5]]))
    tp, wrong = 2e5, 9e4
    found = f1(table, positive="b")
    slope = 2 / (1 + tp / (tp + wrong)) ** 2
    error = slope * np.sqrt(tp * wrong / (tp + wrong) ** 3)
    assert found.high - found.low == pytest.approx(2 * 1.96 * error, rel=0.01)
