"""What precision, recall and F1 have in common."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from msgspec import Struct
from sklearn.metrics import f1_score, precision_score, recall_score

from mlmon.analyzers.statistics.confusion import Confusion
from mlmon.analyzers.statistics.f1 import f1, f1_by_class
from mlmon.analyzers.statistics.precision import precision, precision_by_class
from mlmon.analyzers.statistics.recall import recall, recall_by_class


class Ratio(Struct, frozen=True):
    """One of the three, and scikit-learn's."""

    ours: Callable[..., Any]
    by_class: Callable[..., Any]
    sklearns: Callable[..., Any]


RATIOS = {
    "f1": Ratio(f1, f1_by_class, f1_score),
    "precision": Ratio(precision, precision_by_class, precision_score),
    "recall": Ratio(recall, recall_by_class, recall_score),
}


@pytest.fixture(params=RATIOS)
def ratio(request) -> Ratio:
    """Give each of the three."""
    return RATIOS[request.param]


@pytest.mark.parametrize("average", ["macro", "micro", "weighted"])
@pytest.mark.parametrize(("classes", "n"), [(2, 40), (3, 300), (6, 900)])
def test_averages_are_sklearns(ratio, labelled, average, classes, n):
    """Every average equals scikit-learn's to 1e-12."""
    actual, predicted, table = labelled(classes, classes, n)
    expected = ratio.sklearns(actual, predicted, average=average, zero_division=np.nan)
    assert ratio.ours(table, average=average).value == pytest.approx(expected, abs=1e-12)


def test_binary_and_per_class_are_sklearns(ratio, labelled):
    """The value of a label equals scikit-learn's to 1e-12, whether asked for alone or with all."""
    actual, predicted, table = labelled(2, 2, 200)
    expected = ratio.sklearns(actual, predicted, pos_label="b")
    assert ratio.ours(table, positive="b").value == pytest.approx(expected, abs=1e-12)
    per_class = ratio.sklearns(actual, predicted, average=None)
    assert [e.value for e in ratio.by_class(table).values()] == pytest.approx(per_class, abs=1e-12)


@pytest.mark.parametrize("average", ["macro", "micro", "weighted"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cells=arrays(float, (3, 3), elements=st.integers(0, 50)))
def test_interval_holds_the_value_inside_zero_and_one(ratio, cells, average):
    """Whatever the counts, the interval holds the value inside [0, 1], or there is no value."""
    found = ratio.ours(Confusion(labels=("a", "b", "c"), counts=cells), average=average)
    if found.value is None:
        assert found.low is None
    else:
        assert 0 <= found.low <= found.value <= found.high <= 1


@pytest.mark.parametrize("average", ["macro", "micro", "weighted"])
def test_no_events_are_undefined(ratio, average):
    """An empty matrix, with labels or without, is undefined."""
    assert ratio.ours(Confusion.from_counts([]), average=average).value is None
    assert ratio.ours(Confusion.from_counts([], labels=["a", "b"]), average=average).value is None
    assert ratio.ours(Confusion.from_counts([]), positive="a").value is None


@pytest.mark.parametrize("average", ["macro", "weighted"])
def test_a_flawless_sample_is_not_certain(ratio, average):
    """Without a single error the interval still reaches below 1, less far for more events."""
    small = ratio.ours(Confusion.from_counts([("a", "a", 9), ("b", "b", 5)]), average=average)
    large = ratio.ours(Confusion.from_counts([("a", "a", 900), ("b", "b", 500)]), average=average)
    assert small.value == large.value == large.high == 1.0
    assert small.low < large.low < 1.0
    alone = ratio.ours(Confusion.from_counts([("a", "a", 9)]), average=average)
    assert alone.low < alone.value == 1.0


def test_binary_needs_its_positive_label(ratio):
    """Asking for the binary value without a positive label is a ValueError that says what to pass."""
    with pytest.raises(ValueError, match="positive"):
        ratio.ours(Confusion.from_counts([("a", "a", 1)]))


@pytest.mark.parametrize("n", [150, 2000])
@pytest.mark.parametrize("average", ["binary", "macro", "weighted"])
def test_interval_covers_at_its_rate(ratio, assert_covers, draw_matrices, average, n):
    """In simulated windows of three uneven classes the 95 % interval holds the truth at about that rate."""
    drawn, truth = draw_matrices([[60, 5, 3], [4, 20, 2], [2, 3, 12]], n)
    target = ratio.ours(truth, average=average, positive="b").value
    assert_covers([ratio.ours(table, average=average, positive="b") for table in drawn], target)
