import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from mlmon.analyzers.statistics.calibration import expected_calibration_error, reliability


def sums(seed, n):
    """Give each of ten even bins' count, sum of scores and sum of outcomes, with the raw events."""
    rng = np.random.default_rng(seed)
    scores = rng.random(n)
    outcomes = rng.random(n) < scores**1.3
    bins = np.minimum((scores * 10).astype(int), 9)
    sides = (np.bincount(bins, weights=side, minlength=10) for side in (np.ones(n), scores, outcomes))
    return scores, outcomes, *sides


def test_diagram_is_sklearns():
    """Mean scores and observed rates equal scikit-learn's calibration curve to 1e-12."""
    scores, outcomes, *bins = sums(0, 2000)
    observed, mean_scores = calibration_curve(outcomes, scores, n_bins=10)
    found = reliability(*bins)
    assert [b.mean_score for b in found] == pytest.approx(mean_scores, abs=1e-12)
    assert [b.observed.value for b in found] == pytest.approx(observed, abs=1e-12)


def test_error_is_the_weighted_mean_gap(sure):
    """The expected calibration error is the mean gap of the bins weighted by their events."""
    _, _, counts, scores, outcomes = sums(1, 2000)
    gaps = [abs(b.mean_score - sure(b.observed.value)) for b in reliability(counts, scores, outcomes)]
    found = expected_calibration_error(counts, scores, outcomes)
    assert found.value == pytest.approx(float(np.average(gaps, weights=counts)), abs=1e-12)
    assert (found.low, found.n) == (None, 2000.0)


def test_empty_bins_have_defined_answers():
    """An empty bin has no score and no rate and does not count; no events at all are undefined."""
    empty, full = reliability([0, 4], [0.0, 2.0], [0.0, 1.0])
    assert (empty.mean_score, empty.observed.value) == (None, None)
    assert full.observed.value == 0.25
    assert expected_calibration_error([0, 4], [0.0, 2.0], [0.0, 1.0]).value == 0.25
    assert expected_calibration_error([0], [0.0], [0.0]).value is None
