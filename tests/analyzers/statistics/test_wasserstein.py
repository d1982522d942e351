import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import wasserstein_distance

from mlmon.analyzers.statistics.histograms import histogram, quantile_edges
from mlmon.analyzers.statistics.wasserstein import normed_wasserstein, wasserstein, wasserstein_of_samples

COUNTS = arrays(float, 6, elements=st.integers(0, 300))
EDGES = [0.0, 1.0, 3.0, 3.5, 9.0]


@pytest.mark.parametrize(("shift", "scale"), [(0.0, 1.0), (0.2, 1.0), (2.0, 1.0), (0.0, 3.0), (5.0, 0.2)])
def test_value_is_close_to_scipys(shift, scale):
    """With 1,024 reference quantiles and the range known, the distance is within 1 % or 2e-3 of scipy's."""
    rng = np.random.default_rng(0)
    reference, current = rng.normal(0, 1, 20_000), rng.normal(shift, scale, 20_000)
    edges = quantile_edges(reference, 1024)
    low, high = min(reference.min(), current.min()), max(reference.max(), current.max())
    inside = (current >= edges[0]) & (current < edges[-1])
    found = wasserstein(histogram(reference, edges), histogram(current, edges), edges, low=low, high=high)
    expected = wasserstein_distance(reference, current)
    tails = (~inside).mean() * (high - low) / 2
    assert abs(found - expected) <= max(0.01 * expected, 2e-3) + tails


def test_inner_mass_moves_by_the_width_between_bins():
    """Even mass that moves over a known range gives scipy's distance of the same mass, finely spread."""
    spread = np.linspace(0, 1, 2001)[:-1]
    left = np.concatenate((spread, spread + 1))
    right = np.concatenate((spread + 1, spread + 2))
    found = wasserstein([0, 1, 1, 0, 0], [0, 0, 1, 1, 0], [0.0, 1.0, 2.0, 3.0])
    assert found == pytest.approx(wasserstein_distance(left, right), abs=1e-9)


@given(COUNTS, COUNTS)
def test_bounds_and_symmetry(left, right):
    """The distance is at least 0, at most the range, and the same both ways."""
    found = wasserstein(left, right, EDGES, low=-2.0, high=12.0)
    if found is None:
        assert not (left.any() and right.any())
        return
    assert 0 <= found <= 14
    assert wasserstein(right, left, EDGES, low=-2.0, high=12.0) == pytest.approx(found, abs=1e-12)


def test_normed_distance_does_not_depend_on_the_unit():
    """A thousandfold unit gives the same normed distance."""
    parts = [0, 5, 3, 0], [0, 2, 6, 0]
    one = normed_wasserstein(*parts, [0.0, 1.0, 2.0], 0.4)
    assert normed_wasserstein(*parts, [0.0, 1e3, 2e3], 0.4e3) == pytest.approx(one)


def test_degenerate_samples_have_defined_answers():
    """An empty side, no edges, or a constant reference as the norm give None."""
    assert wasserstein([0, 0], [1, 1], [0.0]) is None
    assert wasserstein([3], [4], []) is None
    assert normed_wasserstein([0, 1, 0], [0, 0, 1], [0.0, 1.0], 0.0) is None
    assert normed_wasserstein([0, 0, 0], [0, 0, 1], [0.0, 1.0], 1.0) is None


def test_counts_that_do_not_fit_the_edges_are_refused():
    """Counts that are not one more than the edges are a ValueError."""
    with pytest.raises(ValueError, match="3 are needed"):
        wasserstein([1, 2], [1, 2], [0.0, 1.0])


@pytest.mark.parametrize("sizes", [(1, 1), (7, 30), (5_000, 3_000)])
def test_of_samples_equals_scipy(sizes):
    """Without bins the distance is SciPy's, ties and all."""
    rng = np.random.default_rng(sum(sizes))
    old, new = rng.normal(size=sizes[0]).round(1), rng.normal(0.2, size=sizes[1]).round(1)
    assert wasserstein_of_samples(old, new) == pytest.approx(wasserstein_distance(old, new), abs=1e-12)


def test_of_samples_leaves_out_what_is_not_finite():
    """Missing and infinite values take no part, and a side of nothing else has no distance."""
    assert wasserstein_of_samples([1.0, np.nan, np.inf], [2.0]) == 1.0
    assert wasserstein_of_samples([np.nan], [1.0]) is None
