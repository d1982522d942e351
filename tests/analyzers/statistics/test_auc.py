import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import expit, ndtr
from sklearn.metrics import roc_auc_score

from mlmon.analyzers.statistics.auc import auc, auc_binning_error
from mlmon.analyzers.statistics.histograms import histogram, uniform_edges

COUNTS = arrays(float, 6, elements=st.integers(0, 20))


def scores(seed, n, rate=0.2, shift=1.5):
    """Draw outcomes and logistic scores of a model that separates them by ``shift``."""
    rng = np.random.default_rng(seed)
    outcomes = rng.random(n) < rate
    return outcomes, expit(rng.normal(shift * outcomes - 2.0, 1.0))


def deviations(outcomes, values):
    """Give DeLong's variance from the raw scores, pair by pair."""
    high, low = values[outcomes][:, None], values[~outcomes][None, :]
    wins = (high > low) + 0.5 * (high == low)
    return wins.mean(axis=1).var(ddof=1) / len(high) + wins.mean(axis=0).var(ddof=1) / low.size


@pytest.mark.parametrize("seed", range(4))
def test_value_is_sklearns_on_binned_scores(seed):
    """On scores that are whole bins AUC equals scikit-learn's to 1e-12."""
    rng = np.random.default_rng(seed)
    outcomes = rng.random(500) < 0.3
    bins = rng.integers(0, 9, 500) + outcomes
    found = auc(np.bincount(bins[outcomes], minlength=11), np.bincount(bins[~outcomes], minlength=11))
    assert found.value == pytest.approx(roc_auc_score(outcomes, bins), abs=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_value_is_within_a_thousandth_of_the_raw_scores(seed):
    """With 1,000 even bins AUC is within 1e-3, and the stated bound, of that of the raw scores."""
    outcomes, values = scores(seed, 20_000)
    edges = uniform_edges(0.0, 1.0, 1000)
    parts = histogram(values[outcomes], edges), histogram(values[~outcomes], edges)
    gap = abs(auc(*parts).value - roc_auc_score(outcomes, values))
    assert gap < 1e-3
    assert gap <= auc_binning_error(*parts)


def test_interval_is_delongs(sure):
    """The interval's width is that of DeLong's variance computed pair by pair."""
    rng = np.random.default_rng(2)
    outcomes = rng.random(400) < 0.4
    bins = rng.integers(0, 30, 400) + 5 * outcomes
    found = auc(np.bincount(bins[outcomes], minlength=35), np.bincount(bins[~outcomes], minlength=35))
    logit = np.log(np.array([found.low, found.high]) / (1 - np.array([found.low, found.high])))
    error = np.diff(logit)[0] / (2 * 1.959963984540054) * sure(found.value) * (1 - sure(found.value))
    assert error**2 == pytest.approx(deviations(outcomes, bins), rel=1e-9)


@given(COUNTS, COUNTS)
def test_turning_the_scores_around_turns_the_value_around(sure, positives, negatives):
    """Swapping the classes, or the order of the bins, gives 1 - AUC; swapping both gives AUC."""
    found = auc(positives, negatives)
    if found.value is None:
        assert not (positives.any() and negatives.any())
        return
    assert auc(negatives, positives).value == pytest.approx(1 - found.value)
    assert auc(positives[::-1], negatives[::-1]).value == pytest.approx(1 - found.value)
    assert found.low is None or 0 <= found.low <= sure(found.value) <= sure(found.high) <= 1


def test_one_sided_samples_are_undefined():
    """Without positives or without negatives there is no AUC and no bound on it."""
    assert auc([0, 0], [3, 4]).value is None
    assert auc([3, 4], [0, 0]).value is None
    assert auc([], []).value is None
    assert auc_binning_error([0, 0], [3, 4]) is None


def test_a_constant_score_is_a_half_without_interval():
    """All scores in one bin give 0.5, no interval, and a bound that says that nothing is known."""
    found = auc([0, 9, 0], [0, 4, 0])
    assert (found.value, found.low) == (0.5, None)
    assert auc_binning_error([0, 9, 0], [0, 4, 0]) == 0.5


def test_a_single_positive_has_no_interval():
    """One positive event gives a value without an interval."""
    assert auc([0, 1, 0], [5, 3, 2]).low is None


def test_a_flawless_order_is_not_certain(sure):
    """A perfect AUC has an interval below it, shorter for more events, and a mirrored one at zero."""
    small, large = auc([0, 5], [5, 0]), auc([0, 500], [500, 0])
    assert small.value == small.high == 1.0
    assert sure(small.low) < sure(large.low) < 1.0
    zero = auc([5, 0], [0, 5])
    assert zero.low == 0.0
    assert zero.high == pytest.approx(1 - sure(small.low), abs=1e-9)


def test_weighted_events_rest_on_their_effective_size():
    """Tripled counts with the old effective size give the old interval."""
    plain = auc([1, 4, 9], [8, 5, 2])
    heavy = auc([3, 12, 27], [24, 15, 6], n_effective=29)
    assert (heavy.value, heavy.low, heavy.high) == pytest.approx((plain.value, plain.low, plain.high))


@pytest.mark.parametrize(
    ("positives", "negatives", "shift"), [(40, 160, 1.0), (30, 30, 2.0), (500, 2000, 0.5)]
)
def test_interval_covers_at_its_rate(assert_covers, positives, negatives, shift):
    """In 2,000 simulated windows the 95 % interval holds the true AUC at about that rate."""
    rng = np.random.default_rng(11)
    edges = np.linspace(-4, 4 + shift, 200)
    below = np.diff(np.concatenate(([0.0], ndtr(edges), [1.0])))
    above = np.diff(np.concatenate(([0.0], ndtr(edges - shift), [1.0])))
    drawn = zip(rng.multinomial(positives, above, 2000), rng.multinomial(negatives, below, 2000), strict=True)
    truth = float(ndtr(shift / np.sqrt(2)))
    assert_covers([auc(p, n) for p, n in drawn], truth)
