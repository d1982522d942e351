# mypy: disable-error-code="operator"
# What may be None is compared as it is: a None fails the test, as it should.

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import precision_score

from mlmon.analyzers.statistics.confusion import Confusion
from mlmon.analyzers.statistics.precision import precision, precision_by_class


@pytest.mark.parametrize("average", ["macro", "micro", "weighted"])
@pytest.mark.parametrize(("classes", "n"), [(2, 40), (3, 300), (6, 900)])
def test_averages_are_sklearns(labelled, average, classes, n):
    """Every average equals scikit-learn's to 1e-12."""
    actual, predicted, table = labelled(classes, classes, n)
    expected = precision_score(actual, predicted, average=average, zero_division=np.nan)
    assert precision(table, average=average).value == pytest.approx(expected, abs=1e-12)


def test_binary_and_per_class_are_sklearns(labelled):
    """The value of a label equals scikit-learn's to 1e-12, whether asked for alone or with all."""
    actual, predicted, table = labelled(2, 2, 200)
    expected = precision_score(actual, predicted, pos_label="b")
    assert precision(table, positive="b").value == pytest.approx(expected, abs=1e-12)
    per_class = precision_score(actual, predicted, average=None)
    assert [e.value for e in precision_by_class(table).values()] == pytest.approx(per_class, abs=1e-12)


@pytest.mark.parametrize("average", ["macro", "micro", "weighted"])
@given(cells=arrays(float, (3, 3), elements=st.integers(0, 50)))
def test_interval_holds_the_value_inside_zero_and_one(cells, average):
    """Whatever the counts, the interval holds the value inside [0, 1], or there is no value."""
    found = precision(Confusion(labels=("a", "b", "c"), counts=cells), average=average)
    if found.value is None:
        assert found.low is None
    else:
        assert 0 <= found.low <= found.value <= found.high <= 1


@pytest.mark.parametrize("average", ["macro", "micro", "weighted"])
def test_no_events_are_undefined(average):
    """An empty matrix, with labels or without, is undefined."""
    assert precision(Confusion.from_counts([]), average=average).value is None
    assert precision(Confusion.from_counts([], labels=["a", "b"]), average=average).value is None
    assert precision(Confusion.from_counts([]), positive="a").value is None


@pytest.mark.parametrize("average", ["macro", "weighted"])
def test_a_flawless_sample_is_not_certain(average):
    """Without a single error the interval still reaches below 1, less far for more events."""
    small = precision(Confusion.from_counts([("a", "a", 9), ("b", "b", 5)]), average=average)
    large = precision(Confusion.from_counts([("a", "a", 900), ("b", "b", 500)]), average=average)
    assert small.value == large.value == large.high == 1.0
    assert small.low < large.low < 1.0
    alone = precision(Confusion.from_counts([("a", "a", 9)]), average=average)
    assert alone.low < alone.value == 1.0


def test_binary_needs_its_positive_label():
    """Asking for the binary value without a positive label is a ValueError that says what to pass."""
    with pytest.raises(ValueError, match="positive"):
        precision(Confusion.from_counts([("a", "a", 1)]))


@pytest.mark.parametrize("n", [150, 2000])
@pytest.mark.parametrize("average", ["binary", "macro", "weighted"])
def test_interval_covers_at_its_rate(assert_covers, draw_matrices, average, n):
    """In simulated windows of three uneven classes the 95 % interval holds the truth at about that rate."""
    drawn, truth = draw_matrices([[60, 5, 3], [4, 20, 2], [2, 3, 12]], n)
    target = precision(truth, average=average, positive="b").value
    assert_covers([precision(table, average=average, positive="b") for table in drawn], target)


def test_a_label_never_predicted_is_left_out_of_averages():
    """A label that was never predicted has no precision, and the macro average is over the others."""
    table = Confusion.from_counts([("a", "a", 3), ("b", "a", 1)])
    assert precision_by_class(table)["b"].value is None
    assert precision(table, average="macro").value == 0.75
