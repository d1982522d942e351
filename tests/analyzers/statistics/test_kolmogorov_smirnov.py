import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import binomtest, ks_2samp

from mlmon.analyzers.statistics.histograms import histogram, quantile_edges
from mlmon.analyzers.statistics.kolmogorov_smirnov import (
    kolmogorov_smirnov,
    ks_binning_error,
    ks_of_samples,
)

COUNTS = arrays(float, 7, elements=st.integers(0, 300))


@pytest.mark.parametrize("seed", range(3))
def test_statistic_is_scipys_on_whole_values(sure, seed):
    """On values with a bin of their own the statistic equals scipy's to 1e-12."""
    rng = np.random.default_rng(seed)
    left, right = rng.integers(0, 12, 300), rng.integers(1, 13, 200)
    found = kolmogorov_smirnov(np.bincount(left, minlength=13), np.bincount(right, minlength=13))
    assert sure(found).statistic == pytest.approx(ks_2samp(left, right).statistic, abs=1e-12)


@pytest.mark.parametrize(("shift", "scale"), [(0.0, 1.0), (0.1, 1.0), (1.0, 1.0), (0.0, 0.01), (0.3, 2.0)])
def test_statistic_is_within_a_thousandth_of_the_raw_values(sure, shift, scale):
    """With 1,024 reference quantiles the statistic is within 1e-3 of scipy's, and within the stated bound."""
    rng = np.random.default_rng(1)
    reference, current = rng.normal(0, 1, 50_000), rng.normal(shift, scale, 20_000)
    edges = quantile_edges(reference, 1024)
    parts = histogram(reference, edges), histogram(current, edges)
    gap = ks_2samp(reference, current).statistic - sure(kolmogorov_smirnov(*parts)).statistic
    assert -1e-12 <= gap < 1e-3
    assert gap <= sure(ks_binning_error(*parts)) + 1e-12


@pytest.mark.parametrize(("n", "m", "shift"), [(60, 50, 0.3), (400, 300, 0.1), (5000, 800, 0.05)])
def test_p_value_is_close_to_scipys(sure, n, m, shift):
    """The p-value is within 0.015 of scipy's asymptotic one."""
    rng = np.random.default_rng(n)
    left, right = rng.normal(0, 1, n), rng.normal(shift, 1, m)
    edges = np.unique(np.concatenate((left, right)))
    found = kolmogorov_smirnov(histogram(left, edges), histogram(right, edges))
    assert sure(found).p_value == pytest.approx(ks_2samp(left, right, method="asymp").pvalue, abs=0.015)


@given(COUNTS, COUNTS)
def test_bounds_and_symmetry(sure, left, right):
    """Statistic and p-value lie in [0, 1] and are the same both ways."""
    found = kolmogorov_smirnov(left, right)
    if found is None:
        assert not (left.any() and right.any())
        return
    assert 0 <= found.statistic <= 1
    assert 0 <= sure(found.p_value) <= 1
    assert sure(kolmogorov_smirnov(right, left)).statistic == pytest.approx(found.statistic, abs=1e-12)


def test_degenerate_samples_have_defined_answers(sure):
    """One bin is no difference, no effective sample no p-value, an empty side no test."""
    alone = kolmogorov_smirnov([7], [3])
    assert (sure(alone).statistic, sure(alone).p_value) == (0.0, 1.0)
    assert sure(kolmogorov_smirnov([1, 2], [2, 1], n_current=0.0)).p_value is None
    assert kolmogorov_smirnov([0, 0], [2, 1]) is None
    assert ks_binning_error([0, 0], [2, 1]) is None


def test_weights_count_by_their_effective_size(sure):
    """Tripled counts with the old effective sizes give the old p-value."""
    plain = kolmogorov_smirnov([30, 20], [10, 40])
    heavy = kolmogorov_smirnov([90, 60], [30, 120], n_reference=50, n_current=50)
    assert sure(heavy).p_value == pytest.approx(sure(plain).p_value)


def test_false_alarms_come_at_their_rate(sure):
    """Without a change the p-value is under 5 % in no more than 5 % of 2,000 simulated comparisons."""
    rng = np.random.default_rng(3)
    shares = np.full(200, 1 / 200)
    drawn = zip(rng.multinomial(2000, shares, 2000), rng.multinomial(500, shares, 2000), strict=True)
    alarms = sum(sure(sure(kolmogorov_smirnov(a, b)).p_value) < 0.05 for a, b in drawn)
    assert binomtest(alarms, 2000, 0.05, alternative="greater").pvalue > 1e-3
    assert alarms > 50


@pytest.mark.parametrize("sizes", [(1, 1), (7, 30), (400, 300), (12_000, 900)])
def test_of_samples_equals_scipy(sizes):
    """Without bins both the statistic and the p-value are those of SciPy, ties and all."""
    rng = np.random.default_rng(sum(sizes))
    old, new = rng.normal(size=sizes[0]).round(1), rng.normal(0.2, size=sizes[1]).round(1)
    found, expected = ks_of_samples(old, new), ks_2samp(old, new)
    assert found is not None
    assert (found.statistic, found.p_value) == (float(expected.statistic), float(expected.pvalue))


def test_of_samples_leaves_out_what_is_not_finite():
    """Missing and infinite values take no part, and a side of nothing else has no test."""
    assert ks_of_samples([1.0, np.nan, np.inf], [1.0]) == ks_of_samples([1.0], [1.0])
    assert ks_of_samples([np.nan, -np.inf], [1.0]) is None
