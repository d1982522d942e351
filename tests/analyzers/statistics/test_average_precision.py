import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import average_precision_score

from mlmon.analyzers.statistics.average_precision import average_precision
from mlmon.analyzers.statistics.histograms import histogram, uniform_edges


@pytest.mark.parametrize("seed", range(4))
def test_value_is_sklearns_on_binned_scores(seed):
    """On scores that are whole bins average precision equals scikit-learn's to 1e-12."""
    rng = np.random.default_rng(seed)
    outcomes = rng.random(500) < 0.3
    bins = rng.integers(0, 9, 500) + outcomes
    parts = np.bincount(bins[outcomes], minlength=11), np.bincount(bins[~outcomes], minlength=11)
    assert average_precision(*parts).value == pytest.approx(
        average_precision_score(outcomes, bins), abs=1e-12
    )


@pytest.mark.parametrize("seed", range(4))
def test_value_is_close_to_that_of_the_raw_scores(seed):
    """With 1,000 even bins average precision is within 2e-3 of scikit-learn's on the raw scores."""
    rng = np.random.default_rng(seed)
    outcomes = rng.random(20_000) < 0.2
    values = expit(rng.normal(1.5 * outcomes - 2.0, 1.0))
    edges = uniform_edges(0.0, 1.0, 1000)
    found = average_precision(histogram(values[outcomes], edges), histogram(values[~outcomes], edges))
    assert found.value == pytest.approx(average_precision_score(outcomes, values), abs=2e-3)


def test_degenerate_samples_have_defined_answers():
    """No positives is undefined; only positives is 1; one bin is the share of positives."""
    assert average_precision([0, 0], [3, 4]).value is None
    assert average_precision([1, 2], [0, 0]).value == 1.0
    assert average_precision([0, 2], [0, 6]).value == 0.25


def test_interval_widens_with_weights(sure):
    """A smaller effective size widens the interval and leaves the value."""
    plain, weighted = average_precision([1, 9], [8, 2]), average_precision([1, 9], [8, 2], n_effective=5)
    assert weighted.value == plain.value
    assert sure(weighted.low) < sure(plain.low)
