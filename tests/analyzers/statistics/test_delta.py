import numpy as np
import pytest

from mlmon.analyzers.statistics.delta import delta_estimate, numerically
from mlmon.analyzers.statistics.scales import plain_interval

COUNTS = np.array([[800.0, 40.0], [60.0, 300.0]])


def accuracy(table):
    """Give the share of events on the diagonal."""
    return float(np.trace(table) / table.sum())


def test_standard_error_of_a_proportion_is_the_binomial_one(sure):
    """For a plain proportion of many events the interval is Wald's to 1 %."""
    table = COUNTS * 100
    found = delta_estimate(numerically(accuracy), table, table, interval=plain_interval)
    p, n = accuracy(table), table.sum()
    assert found.value == pytest.approx(p, abs=1e-15)
    assert sure(found.high) - sure(found.low) == pytest.approx(2 * 1.96 * np.sqrt(p * (1 - p) / n), rel=0.01)


def test_scaling_all_weights_changes_nothing_but_n():
    """Events of weight 7 give the same value and interval as events of weight 1."""
    plain = delta_estimate(numerically(accuracy), COUNTS, COUNTS, interval=plain_interval)
    heavy = delta_estimate(numerically(accuracy), COUNTS * 7, COUNTS * 49, interval=plain_interval)
    assert (heavy.value, heavy.low, heavy.high) == pytest.approx((plain.value, plain.low, plain.high))
    assert heavy.n == plain.n * 7


def test_weights_that_differ_by_cell_get_their_exact_variance(sure):
    """When hits are sampled and errors are not, the width is that of the weighted estimator."""
    rng = np.random.default_rng(5)
    hits, errors = rng.binomial(1800, 0.1, 4000), rng.poisson(200, 4000)
    spread = np.std(hits * 10 / (hits * 10 + errors))
    counts, squares = np.diag([1800.0, 0.0]), np.diag([18000.0, 0.0])
    counts[1, 0] = squares[1, 0] = 200.0
    found = delta_estimate(numerically(accuracy), counts, squares, interval=plain_interval)
    assert (sure(found.high) - sure(found.low)) / 3.92 == pytest.approx(spread, rel=0.05)


def test_an_undefined_function_gives_an_undefined_estimate():
    """No events, and a function without a value, give an undefined estimate."""
    empty = np.zeros((2, 2))
    assert delta_estimate(numerically(accuracy), empty, empty, interval=plain_interval).value is None
    nothing = numerically(lambda _: None)
    assert delta_estimate(nothing, COUNTS, COUNTS, interval=plain_interval).value is None


def test_no_effective_sample_gives_no_interval():
    """Squares of zero, as from weights that cancel, give the value alone."""
    found = delta_estimate(numerically(accuracy), COUNTS, np.zeros((2, 2)), interval=plain_interval)
    assert found.value == pytest.approx(11 / 12)
    assert found.low is None


def test_gradient_is_zero_where_the_function_ends(sure):
    """Beside a count where the function is undefined the numeric gradient is zero."""
    evaluate = numerically(lambda table: None if table[0, 0] < COUNTS[0, 0] else accuracy(table))
    _, gradient = sure(evaluate(COUNTS))
    assert gradient[0, 0] == 0.0
    assert gradient[0, 1] < 0.0
