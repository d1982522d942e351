# mypy: disable-error-code="index, misc, operator"
# What may be None is compared as it is: a None fails the test, as it should.

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import cohen_kappa_score

from mlmon.analyzers.statistics.confusion import Confusion
from mlmon.analyzers.statistics.delta import numerically
from mlmon.analyzers.statistics.kappa import _value_and_gradient, kappa


@pytest.mark.parametrize(("classes", "n"), [(2, 50), (3, 300), (7, 900)])
def test_value_is_sklearns(labelled, classes, n):
    """Cohen's kappa equals scikit-learn's to 1e-12, for two labels and more."""
    actual, predicted, table = labelled(classes, classes, n)
    assert kappa(table).value == pytest.approx(cohen_kappa_score(actual, predicted), abs=1e-12)


def test_gradient_is_the_numeric_one():
    """The written gradient equals central differences."""
    cells = np.array([[50.0, 4.0, 6.0], [3.0, 20.0, 1.0], [8.0, 2.0, 9.0]])
    _, gradient = _value_and_gradient(cells)
    _, expected = numerically(lambda table: _value_and_gradient(table)[0])(cells)
    assert gradient == pytest.approx(expected, abs=1e-8)


@given(arrays(float, (3, 3), elements=st.integers(0, 50)))
def test_interval_holds_the_value_inside_its_range(cells):
    """Whatever the counts, the interval holds the value inside [-1, 1], or there is no value."""
    found = kappa(Confusion(labels=("a", "b", "c"), counts=cells))
    if found.value is None:
        assert found.low is None
    else:
        assert -1 <= found.low <= found.value <= found.high <= 1


def test_degenerate_matrices_are_undefined():
    """No events, and a single label on both sides, have no value."""
    assert kappa(Confusion.from_counts([])).value is None
    assert kappa(Confusion.from_counts([("a", "a", 9)], labels=["b"])).value is None


def test_a_flawless_sample_is_not_certain():
    """Without a single error the interval still reaches below 1."""
    found = kappa(Confusion.from_counts([("a", "a", 9), ("b", "b", 5)]))
    assert found.low < found.value == found.high == 1.0


@pytest.mark.parametrize("n", [100, 2000])
def test_interval_covers_at_its_rate(assert_covers, draw_matrices, n):
    """In simulated windows the 95 % interval holds the truth at about that rate."""
    drawn, truth = draw_matrices([[60, 5, 3], [4, 20, 2], [2, 3, 12]], n)
    assert_covers([kappa(table) for table in drawn], kappa(truth).value)
