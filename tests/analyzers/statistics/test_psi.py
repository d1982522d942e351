import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mlmon.analyzers.statistics.histograms import histogram, quantile_edges
from mlmon.analyzers.statistics.psi import psi, psi_noise

COUNTS = arrays(float, 7, elements=st.integers(0, 1000))


def test_value_is_the_textbooks_on_large_counts():
    """On many events the smoothing does not show and PSI equals its formula."""
    r, c = np.array([0.2, 0.3, 0.5]), np.array([0.25, 0.25, 0.5])
    expected = ((c - r) * np.log(c / r)).sum()
    assert psi(r * 1e9, c * 1e9, bins=None) == pytest.approx(expected, rel=1e-6)


@given(COUNTS, COUNTS)
def test_value_is_finite_not_negative_and_symmetric(sure, left, right):
    """Without merging PSI is finite, at least 0, and the same both ways, empty bins included."""
    found = psi(left, right, bins=None)
    if not left.any() or not right.any():
        assert found is None
        return
    assert 0 <= sure(found) < np.inf
    assert psi(right, left, bins=None) == pytest.approx(found, abs=1e-12)


def test_fine_bins_are_merged_to_ten():
    """1,024 reference quantiles give nearly the value of the reference's deciles."""
    rng = np.random.default_rng(0)
    reference, current = rng.normal(0, 1, 20_000), rng.normal(0.5, 1, 20_000)
    edges, deciles = quantile_edges(reference, 1024), np.quantile(reference, np.arange(1, 10) / 10)
    found = psi(histogram(reference, edges), histogram(current, edges))
    expected = psi(histogram(reference, deciles), histogram(current, deciles), bins=None)
    assert found == pytest.approx(expected, rel=0.02)


def test_leaving_a_constant_shows(sure):
    """A reference that was constant keeps its bins apart, so any other value is a large PSI."""
    edges = quantile_edges([7.0] * 100, 10)
    reference = histogram([7.0] * 100, edges)
    assert sure(psi(reference, histogram([7.0] * 50, edges))) < 0.01
    assert sure(psi(reference, histogram([7.5] * 50, edges))) > 5
    assert sure(psi(reference, histogram([6.5] * 50, edges))) > 5


def test_one_bin_is_no_change():
    """When everything shares one bin PSI is zero."""
    assert psi([7], [3]) == 0.0


def test_noise_is_what_chance_gives(sure):
    """Without a change 95 % of simulated PSIs stay under the noise level."""
    rng = np.random.default_rng(1)
    shares = np.full(10, 0.1)
    drawn = zip(rng.multinomial(2000, shares, 2000), rng.multinomial(1000, shares, 2000), strict=True)
    below = np.mean([sure(psi(a, b, bins=None)) <= sure(psi_noise(10, 2000, 1000)) for a, b in drawn])
    assert below == pytest.approx(0.95, abs=0.02)


def test_noise_of_degenerate_samples():
    """An empty side has no noise level, a single group has none to speak of."""
    assert psi_noise(10, 0, 100) is None
    assert psi_noise(1, 100, 100) == 0.0
