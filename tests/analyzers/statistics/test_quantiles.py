import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from mlmon.analyzers.statistics.histograms import histogram
from mlmon.analyzers.statistics.quantiles import grid, quantile_from_histogram, quantile_interval


def on_grid(p, values):
    """Read the values' quantiles at the grid of p, as a store would."""
    ask = grid(p)
    return dict(zip(ask, np.quantile(values, ask).tolist(), strict=True))


@given(st.floats(0.001, 0.999))
def test_grid_rises_from_minimum_to_maximum_and_holds_p(p):
    """The grid rises from 0 to 1, holds p itself, and has at most 25 probabilities."""
    ask = grid(p)
    assert ask[0] == 0.0
    assert ask[-1] == 1.0
    assert p in ask
    assert list(ask) == sorted(set(ask))
    assert len(ask) <= 25


@pytest.mark.parametrize("p", [0.0, 1.0, 95.0, float("nan")])
def test_a_quantile_outside_its_range_is_refused(p):
    """A quantile that is not between 0 and 1 is a ValueError that names it."""
    with pytest.raises(ValueError, match="the quantile is"):
        grid(p)


@pytest.mark.parametrize("p", [0.5, 0.95, 0.99])
@pytest.mark.parametrize("n", [50, 700, 20_000])
def test_interval_holds_the_exact_one_and_is_not_much_wider(p, n):
    """The interval lies outside the order statistics of the exact one, at most 2.2 times as wide."""
    values = np.sort(np.random.default_rng(n).exponential(30.0, n))
    found = quantile_interval(p, n, on_grid(p, values))
    lower, upper = int(binom.ppf(0.025, n, p)), int(binom.ppf(0.975, n, p)) + 1
    assert found.value == pytest.approx(np.quantile(values, p))
    assert found.low <= values[lower - 1]
    if upper > n:
        assert found.high is None
        return
    assert found.high >= values[upper - 1]
    ranks = np.searchsorted(values, np.array([found.low, found.high], dtype=float))
    assert ranks[1] - ranks[0] <= 2.2 * (upper - lower) + 2


@pytest.mark.parametrize(("p", "n"), [(0.5, 40), (0.95, 300), (0.99, 2000)])
def test_interval_covers_at_least_at_its_rate(assert_covers, p, n):
    """In 2,000 simulated windows the interval holds the true quantile at least 95 % of the time."""
    drawn = np.random.default_rng(6).exponential(1.0, (2000, n))
    ask = grid(p)
    read = np.quantile(drawn, ask, axis=1).T.tolist()
    found = [quantile_interval(p, n, dict(zip(ask, row, strict=True))) for row in read]
    assert_covers(found, float(-np.log(1 - p)), conservative=True)


def test_degenerate_samples_have_defined_answers():
    """No events and no value are undefined, one event has no interval, five have none for the median."""
    assert quantile_interval(0.5, 0, {}).value is None
    assert quantile_interval(0.5, 10, {0.5: None}).value is None
    assert quantile_interval(0.5, 10, {0.5: float("nan")}).value is None
    assert quantile_interval(0.5, 1, {0.5: 3.0}).low is None
    five = quantile_interval(0.5, 5, on_grid(0.5, [1, 2, 3, 4, 5]))
    assert (five.value, five.low, five.high) == (3.0, None, None)
    six = quantile_interval(0.5, 6, on_grid(0.5, [1, 2, 3, 4, 5, 6]))
    assert (six.low, six.high) == (1.0, 6.0)


def test_a_high_quantile_of_few_events_has_no_upper_end(sure):
    """100 events can't bound their 99 % quantile from above."""
    found = quantile_interval(0.99, 100, on_grid(0.99, np.arange(100.0)))
    assert found.high is None
    assert sure(found.low) < sure(found.value)


def test_a_constant_is_its_own_interval():
    """When all values are one the interval has no width."""
    found = quantile_interval(0.95, 1000, on_grid(0.95, np.full(1000, 7.0)))
    assert (found.low, found.value, found.high) == (7.0, 7.0, 7.0)


@pytest.mark.parametrize("p", [0.1, 0.5, 0.95])
def test_quantile_from_a_histogram_is_within_its_bin(p):
    """The quantile read off a histogram is within one bin's width of the raw values' quantile."""
    values = np.random.default_rng(0).gamma(2.0, 10.0, 10_000)
    edges = np.arange(0.0, 200.0, 0.5)
    found = quantile_from_histogram(p, histogram(values, edges), edges)
    assert found == pytest.approx(np.quantile(values, p), abs=0.5)


def test_open_bins_need_their_far_end():
    """In an open outer bin the quantile is None, unless the smallest or largest value is given."""
    assert quantile_from_histogram(0.9, [0, 1, 9], [0.0, 1.0]) is None
    assert quantile_from_histogram(0.55, [0, 1, 9], [0.0, 1.0], high=19.0) == pytest.approx(10.0)
    assert quantile_from_histogram(0.1, [9, 1, 0], [0.0, 1.0]) is None
    assert quantile_from_histogram(0.45, [9, 1, 0], [0.0, 1.0], low=-2.0) == pytest.approx(-1.0)
    assert quantile_from_histogram(0.5, [0, 0], [1.0]) is None


def test_counts_that_do_not_fit_the_edges_are_refused():
    """Counts that are not one more than the edges are a ValueError."""
    with pytest.raises(ValueError, match="3 are needed"):
        quantile_from_histogram(0.5, [1, 2], [0.0, 1.0])
