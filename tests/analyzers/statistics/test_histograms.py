import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mlmon.analyzers.statistics import histograms as h

VALUES = arrays(float, st.integers(0, 60), elements=st.floats(-1e6, 1e6) | st.just(float("nan")))
COUNTS = st.dictionaries(st.sampled_from("abcdefg"), st.integers(0, 99))


@given(VALUES, st.integers(3, 20))
def test_edges_are_few_rising_and_finite(values, k):
    """Quantile edges are at most k, strictly rising, finite, and enclose all values."""
    edges = h.quantile_edges(values, k)
    assert edges.size <= k
    assert np.isfinite(edges).all()
    assert (np.diff(edges) > 0).all()
    counts = h.histogram(values, edges)
    assert counts.sum() == np.isfinite(values).sum()
    if edges.size:
        assert counts[0] == counts[-1] == 0


def test_edges_part_the_values_evenly():
    """The bins of 1,024 edges over different values hold equal shares of them, within one event."""
    values = np.random.default_rng(0).normal(size=102_200)
    counts = h.histogram(values, h.quantile_edges(values, 1024))[1:-2]
    assert counts.min() >= 99
    assert counts.max() <= 101


def test_few_values_get_a_bin_each():
    """With fewer different values than edges every value has its own bin, and a constant has three."""
    edges = h.quantile_edges([0, 0, 1, 5], 10)
    assert h.histogram([0, 0, 1, 5], edges).tolist() == [0, 2, 1, 1, 0]
    constant = h.quantile_edges([7.0] * 9, 10)
    assert h.histogram([6.0, 7.0, 7.0, 8.0], constant).tolist() == [1, 2, 1]


def test_nothing_has_no_edges():
    """No finite values give no edges, and one bin for everything."""
    edges = h.quantile_edges([float("nan")], 10)
    assert edges.size == 0
    assert h.histogram([1.0, 2.0], edges).tolist() == [2.0]


def test_too_few_edges_are_refused():
    """Asking for fewer than three edges is a ValueError."""
    with pytest.raises(ValueError, match="k is 2"):
        h.quantile_edges([1.0], 2)


def test_edges_from_a_stores_quantiles_enclose_the_maximum():
    """Edges from quantiles are unique and finite, with one more just above the largest."""
    edges = h.edges_from_quantiles([3.0, 1.0, 1.0, float("inf")])
    assert edges[:2].tolist() == [1.0, 3.0]
    assert edges[2] == np.nextafter(3.0, 4.0)
    assert h.edges_from_quantiles([np.finfo(float).max]).size == 1


def test_uniform_edges_are_even():
    """1,000 even bins of scores have 1,001 edges from 0 to 1."""
    edges = h.uniform_edges(0.0, 1.0, 1000)
    assert (edges[0], edges[-1], edges.size) == (0.0, 1.0, 1001)


@given(VALUES, st.lists(st.integers(-5, 5), unique=True), st.data())
def test_rebinning_is_counting_over_the_coarse_edges(values, cuts, data):
    """Merging fine counts gives the counts of the values over the coarse edges."""
    fine = np.array(sorted(cuts), dtype=float) * 1e5
    coarse = np.array([edge for edge in fine if data.draw(st.booleans())])
    assert np.array_equal(h.rebin(h.histogram(values, fine), fine, coarse), h.histogram(values, coarse))


def test_coarse_edges_must_be_fine_ones():
    """A coarse edge between fine ones, or counts that do not fit, are ValueErrors."""
    with pytest.raises(ValueError, match=r"coarse edge 0\.5"):
        h.rebin([1, 2, 3], [0.0, 1.0], [0.5])
    with pytest.raises(ValueError, match="3 are needed"):
        h.rebin([1, 2], [0.0, 1.0], [0.0])


@given(arrays(float, 50, elements=st.integers(0, 100)), st.integers(1, 12))
def test_groups_are_few_neighbours_and_keep_the_sum(counts, groups):
    """Groups are at most as many as asked, made of neighbours without gaps, and merging keeps the sum."""
    numbers = h.quantile_groups(counts, groups)
    assert numbers.max() < groups
    assert set(np.diff(numbers)) <= {0, 1}
    assert numbers[0] == 0
    assert h.merge_groups(counts, numbers).sum() == counts.sum()


@given(COUNTS, COUNTS)
def test_merging_categories_adds_up(left, right):
    """Every category's merged count is the sum of its parts, most frequent first."""
    merged = h.merge_categories(left, right)
    assert merged == {name: left.get(name, 0) + right.get(name, 0) for name in {*left, *right}}
    assert list(merged.values()) == sorted(merged.values(), reverse=True)


@given(COUNTS, COUNTS, st.integers(1, 8) | st.none())
def test_aligned_categories_keep_every_count(left, right, top):
    """Aligned sides share their names, keep their sums, and name at most ``top`` categories and the rest."""
    names, old, new = h.align_categories(left, right, top=top)
    assert len(names) == old.size == new.size
    assert old.sum() == sum(left.values())
    assert new.sum() == sum(right.values())
    assert top is None or len(names) <= top + 1
    assert top is not None or h.OTHER not in names


def test_other_stays_other():
    """A category that a store already named as the rest is added to the rest."""
    names, old, new = h.align_categories({"a": 5, h.OTHER: 2}, {"a": 1, "b": 1}, top=1)
    assert names == ("a", h.OTHER)
    assert (old.tolist(), new.tolist()) == ([5.0, 2.0], [1.0, 1.0])
