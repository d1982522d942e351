import numpy as np
import pytest
from scipy import stats

from mlmon.analyzers.statistics.spearman import spearman


def number(value: float | None) -> float:
    """Give a value, which must be there."""
    assert value is not None
    return value


@pytest.mark.parametrize("n", [5, 7, 12, 60])
def test_it_equals_scipy(n):
    """The correlation is SciPy's, with ties too."""
    rng = np.random.default_rng(n)
    left, right = rng.integers(0, 6, size=n), rng.normal(size=n).round(1)
    found = spearman(left, right)
    assert found.estimate.value == pytest.approx(stats.spearmanr(left, right).statistic, abs=1e-12)
    assert number(found.estimate.low) <= number(found.estimate.value) <= number(found.estimate.high)


@pytest.mark.parametrize("n", [6, 20])
def test_the_chance_equals_scipys_permutation_test(n):
    """The p-value is that of all orders for few pairs, and near it for more."""
    rng = np.random.default_rng(n)
    left = rng.normal(size=n)
    right = left + rng.normal(size=n)
    peer = stats.permutation_test(
        (left,), lambda x: stats.spearmanr(x, right).statistic, permutation_type="pairings",
        n_resamples=999 if n > 7 else np.inf,
    ).pvalue  # fmt: skip
    assert spearman(left, right).p_value == pytest.approx(peer, abs=1e-9 if n <= 7 else 0.02)


def test_the_chance_is_even_without_a_tie():
    """Of 300 pairs of unrelated series about one in twenty has a chance of at most 0.05."""
    rng = np.random.default_rng(1)
    chances = [spearman(rng.normal(size=12), rng.normal(size=12)).p_value for _ in range(300)]
    assert 0.02 < np.mean(np.array(chances) <= 0.05) < 0.09


@pytest.mark.parametrize("left", [[1, 2, 3, 4], [], [1, 1, 1, 1, 1], [1, 2, 3, 4, np.nan], [np.inf] * 9])
def test_too_little_says_nothing(left):
    """Fewer than five finite pairs, or a constant, have no correlation."""
    found = spearman(left, range(len(left)))
    assert found.estimate.value is None
    assert found.p_value is None
