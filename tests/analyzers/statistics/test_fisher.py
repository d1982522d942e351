import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import hypergeom

from mlmon.analyzers.statistics.fisher import fisher_p_value, is_small

N = st.integers(1, 2_000)


@given(
    st.tuples(N, N).flatmap(
        lambda n: st.tuples(st.integers(0, n[0]), st.just(n[0]), st.integers(0, n[1]), st.just(n[1]))
    )
)
def test_is_twice_the_smaller_tail_of_scipy(table):
    """The p-value is twice the smaller tail of SciPy's hypergeometric distribution, at most 1."""
    old, n_old, new, n_new = table
    chance = hypergeom(n_old + n_new, old + new, n_new)
    expected = min(2 * min(chance.cdf(new), chance.sf(new - 1)), 1.0)
    assert fisher_p_value(old, n_old, new, n_new) == pytest.approx(expected, rel=1e-6, abs=1e-12)


def test_holds_its_rate_where_counts_are_few():
    """Of all windows of 100 rows that miss 2 % by chance at most 0.1 % have a p-value of at most 0.001."""
    miss = [(k, fisher_p_value(2_000, 100_000, k, 100)) for k in range(101)]
    chance = hypergeom(100_100, 2_002, 100)
    assert sum(chance.pmf(k) for k, p_value in miss if p_value <= 0.001) <= 0.001


def test_large_counts_need_no_exact_test():
    """Where every cell expects 30 or more the normal approximation does."""
    assert not is_small(300, 1_000, 300, 1_000)
    assert is_small(0, 1_000, 10, 1_000)
    assert not is_small(0, 0, 0, 0)
