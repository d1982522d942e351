"""Whatever net counts and sums a store returns, every statistic answers with finite numbers or None."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mlmon.analyzers.statistics.accuracy import accuracy
from mlmon.analyzers.statistics.auc import auc, auc_binning_error
from mlmon.analyzers.statistics.average_precision import average_precision
from mlmon.analyzers.statistics.balanced_accuracy import balanced_accuracy
from mlmon.analyzers.statistics.bias import bias
from mlmon.analyzers.statistics.brier import brier
from mlmon.analyzers.statistics.calibration import expected_calibration_error
from mlmon.analyzers.statistics.chi_squared import chi_squared
from mlmon.analyzers.statistics.confusion import Confusion
from mlmon.analyzers.statistics.f1 import f1
from mlmon.analyzers.statistics.hellinger import hellinger
from mlmon.analyzers.statistics.jensen_shannon import jensen_shannon
from mlmon.analyzers.statistics.kappa import kappa
from mlmon.analyzers.statistics.kolmogorov_smirnov import kolmogorov_smirnov
from mlmon.analyzers.statistics.log_loss import log_loss
from mlmon.analyzers.statistics.mae import mae
from mlmon.analyzers.statistics.mcc import mcc
from mlmon.analyzers.statistics.mean import mean
from mlmon.analyzers.statistics.precision import precision
from mlmon.analyzers.statistics.proportion_difference import proportion_difference
from mlmon.analyzers.statistics.psi import psi
from mlmon.analyzers.statistics.quantiles import quantile_from_histogram
from mlmon.analyzers.statistics.r2 import r2
from mlmon.analyzers.statistics.recall import recall
from mlmon.analyzers.statistics.rmse import rmse
from mlmon.analyzers.statistics.specificity import specificity
from mlmon.analyzers.statistics.total_variation import total_variation
from mlmon.analyzers.statistics.wasserstein import wasserstein
from mlmon.analyzers.statistics.wilson import wilson

NET = st.floats(-3, 1e12) | st.sampled_from([0.0, 1.0, -1.0, 1e-15, 1e-8, 1 / 3, 1e15])
VECTOR = arrays(float, 4, elements=NET)
SUM = st.floats(-1e12, 1e12) | st.sampled_from([0.0, 1e-15])
EDGES = [0.0, 1.0, 5.0]


def assert_finite(answer):
    """Assert that an answer, and all that it is made of, is None or a finite number."""
    if dataclasses.is_dataclass(answer):
        for field in dataclasses.fields(answer):
            assert_finite(getattr(answer, field.name))
        return
    assert answer is None or math.isfinite(answer)


@pytest.mark.parametrize("average", ["macro", "micro", "weighted"])
@pytest.mark.parametrize("statistic", [precision, recall, f1])
@given(cells=arrays(float, (3, 3), elements=NET))
def test_averages_are_finite(statistic, average, cells):
    """Every average of any net confusion matrix is finite or None."""
    assert_finite(statistic(Confusion(labels=("a", "b", "c"), counts=cells), average=average))


@given(arrays(float, (3, 3), elements=NET), arrays(float, (3, 3), elements=NET))
def test_matrix_statistics_are_finite(cells, squares):
    """Every statistic of any net confusion matrix, with any squares, is finite or None."""
    table = Confusion(labels=("a", "b", "c"), counts=cells, squares=squares)
    for statistic in (accuracy, balanced_accuracy, mcc, kappa):
        assert_finite(statistic(table))
    for of_label in (precision, recall, f1, specificity):
        assert_finite(of_label(table, positive="b"))


@pytest.mark.parametrize(
    "statistic",
    [
        auc,
        auc_binning_error,
        average_precision,
        chi_squared,
        hellinger,
        jensen_shannon,
        kolmogorov_smirnov,
        psi,
        total_variation,
        lambda left, right: wasserstein(left, right, EDGES),
        lambda left, _: quantile_from_histogram(0.3, left, EDGES),
        lambda left, right: expected_calibration_error(np.abs(left), right, left),
    ],
)
@given(left=VECTOR, right=VECTOR)
def test_histogram_statistics_are_finite(statistic, left, right):
    """Every statistic of any two net histograms is finite or None."""
    assert_finite(statistic(left, right))


@pytest.mark.parametrize("statistic", [mean, log_loss, brier, mae, bias, rmse])
@given(n=NET, total=SUM, squares=SUM)
def test_means_are_finite(statistic, n, total, squares):
    """Every mean of any sums is finite or None."""
    assert_finite(statistic(n, total, squares))


@given(NET, NET, NET, NET)
def test_proportions_are_finite(a, n, b, m):
    """Any net successes and sizes give finite proportions, differences and p-values, or None."""
    assert_finite(wilson(a, n))
    assert_finite(wilson(a, n, n_effective=m))
    assert_finite(proportion_difference(a, n, b, m))


@given(NET, SUM, SUM, SUM)
def test_r2_is_finite(n, error, total, squares):
    """Any sums give a finite R squared, or None."""
    assert_finite(r2(n, error, total, squares))
