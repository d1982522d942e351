"""Cohen's kappa and Matthews' correlation: what both measures of agreement hold."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from msgspec import Struct
from sklearn.metrics import cohen_kappa_score, matthews_corrcoef

from mlmon.analyzers.statistics import kappa, mcc
from mlmon.analyzers.statistics.confusion import Confusion
from mlmon.analyzers.statistics.delta import numerically


class Agreement(Struct, frozen=True):
    """One of the two, its value with its gradient, and scikit-learn's."""

    ours: Callable[..., Any]
    slope: Callable[..., Any]
    sklearns: Callable[..., Any]


AGREEMENTS = {
    "kappa": Agreement(kappa.kappa, kappa._value_and_gradient, cohen_kappa_score),
    "mcc": Agreement(mcc.mcc, mcc._value_and_gradient, matthews_corrcoef),
}


@pytest.fixture(params=AGREEMENTS)
def agreement(request) -> Agreement:
    """Give each of the two."""
    return AGREEMENTS[request.param]


@pytest.mark.parametrize(("classes", "n"), [(2, 50), (3, 300), (7, 900)])
def test_value_is_sklearns(agreement, labelled, classes, n):
    """Each equals scikit-learn's to 1e-12, for two labels and more."""
    actual, predicted, table = labelled(classes, classes, n)
    assert agreement.ours(table).value == pytest.approx(agreement.sklearns(actual, predicted), abs=1e-12)


def test_gradient_is_the_numeric_one(sure, agreement):
    """The written gradient equals central differences."""
    cells = np.array([[50.0, 4.0, 6.0], [3.0, 20.0, 1.0], [8.0, 2.0, 9.0]])
    _, gradient = agreement.slope(cells)
    _, expected = sure(numerically(lambda table: agreement.slope(table)[0])(cells))
    assert gradient == pytest.approx(expected, abs=1e-8)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cells=arrays(float, (3, 3), elements=st.integers(0, 50)))
def test_interval_holds_the_value_inside_its_range(agreement, cells):
    """Whatever the counts, the interval holds the value inside [-1, 1], or there is no value."""
    found = agreement.ours(Confusion(labels=("a", "b", "c"), counts=cells))
    if found.value is None:
        assert found.low is None
    else:
        assert -1 <= found.low <= found.value <= found.high <= 1


def test_degenerate_matrices_are_undefined(agreement):
    """No events, and a single label on both sides, have no value."""
    assert agreement.ours(Confusion.from_counts([])).value is None
    assert agreement.ours(Confusion.from_counts([("a", "a", 9)], labels=["b"])).value is None


def test_a_flawless_sample_is_not_certain(agreement):
    """Without a single error the interval still reaches below 1."""
    found = agreement.ours(Confusion.from_counts([("a", "a", 9), ("b", "b", 5)]))
    assert found.low < found.value == found.high == 1.0


@pytest.mark.parametrize("n", [100, 2000])
def test_interval_covers_at_its_rate(agreement, assert_covers, draw_matrices, n):
    """In simulated windows the 95 % interval holds the truth at about that rate."""
    drawn, truth = draw_matrices([[60, 5, 3], [4, 20, 2], [2, 3, 12]], n)
    assert_covers([agreement.ours(table) for table in drawn], agreement.ours(truth).value)
