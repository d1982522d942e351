import numpy as np
import pytest
from scipy.stats import chi2_contingency

from mlmon.analyzers.statistics.estimate import Estimate
from mlmon.analyzers.statistics.proportion_difference import proportion_difference


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [
        ((48, 80), (56, 70), 0.0524, 0.3339),
        ((3, 10), (9, 10), 0.1705, 0.8090),
        ((2, 7), (6, 7), 0.0582, 0.8062),
        ((0, 29), (5, 56), -0.0381, 0.1926),
    ],
)
def test_interval_is_the_published_method(first, second, low, high):
    """The interval equals that of Newcombe's own examples."""
    found = proportion_difference(*first, *second).difference
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-4)


@pytest.mark.parametrize(("a", "n", "b", "m"), [(10, 100, 30, 200), (1, 50, 9, 60), (400, 1000, 420, 1000)])
def test_p_value_is_scipys_chi_squared(a, n, b, m):
    """The p-value equals that of scipy's chi-squared test of the 2 x 2 table."""
    expected = chi2_contingency([[a, n - a], [b, m - b]], correction=False).pvalue
    assert proportion_difference(a, n, b, m).p_value == pytest.approx(expected, rel=1e-9)


def test_swapping_the_sides_swaps_the_signs(sure):
    """The difference and its interval change sign when reference and current change places."""
    one, other = proportion_difference(3, 10, 9, 30), proportion_difference(9, 30, 3, 10)
    assert one.difference.low == pytest.approx(-sure(other.difference.high))
    assert one.p_value == other.p_value


def test_degenerate_samples_have_defined_answers(sure):
    """An empty side is undefined; rates of zero on both sides differ by zero with p-value 1."""
    empty = proportion_difference(0, 0, 5, 10)
    assert (empty.difference.value, empty.p_value) == (None, None)
    same = proportion_difference(0, 10, 0, 20)
    assert (same.difference.value, same.p_value) == (0.0, 1.0)
    assert sure(same.difference.low) < 0 < sure(same.difference.high)


def test_interval_covers_at_its_rate(assert_covers):
    """In 2,000 simulated comparisons of small missing rates the interval holds the true difference."""
    rng = np.random.default_rng(2)
    drawn = zip(rng.binomial(500, 0.05, 2000), rng.binomial(300, 0.08, 2000), strict=True)
    found: list[Estimate] = [proportion_difference(a, 500, b, 300).difference for a, b in drawn]
    assert_covers(found, 0.03, conservative=True)
