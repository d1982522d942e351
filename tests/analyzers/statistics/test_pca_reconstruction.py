import numpy as np
import pytest
from sklearn.decomposition import PCA

from mlmon.analyzers.statistics.pca_reconstruction import KEPT, pca_reconstruction


def plane(rng, n, sign=1.0):
    """Four columns of two sources; the second pair goes with or against the first."""
    source = rng.normal(size=(n, 2))
    return np.hstack([source, sign * source]) + rng.normal(size=(n, 4)) * 0.3


def test_it_equals_scikit_learn(sure):
    """The mean error of the current rows is that of scikit-learn's components keeping the same share."""
    rng = np.random.default_rng(1)
    old, new = plane(rng, 800), plane(rng, 300)
    peer = PCA(n_components=KEPT).fit(old)
    errors = np.linalg.norm(new - peer.inverse_transform(peer.transform(new)), axis=1)
    found = sure(pca_reconstruction(old, new))
    assert found.estimate.value == pytest.approx(errors.mean(), rel=1e-9)
    assert sure(found.estimate.low) < sure(found.estimate.value) < sure(found.estimate.high)


def test_a_flipped_correlation_is_far_and_the_same_rows_are_near(sure):
    """Rows whose columns go against each other leave the plane, though each column looks the same."""
    rng = np.random.default_rng(2)
    old = plane(rng, 2_000)
    flipped, alike = (sure(pca_reconstruction(old, plane(rng, 500, sign))) for sign in (-1.0, 1.0))
    assert sure(flipped.shift) > 2.0
    assert sure(flipped.p_value) < 1e-10
    assert abs(sure(alike.shift)) < 0.2


def test_weights_count_as_so_many_rows(sure):
    """A row of weight two pulls the mean as two rows do."""
    rng = np.random.default_rng(3)
    old, new = plane(rng, 400), plane(rng, 50)
    twice = sure(pca_reconstruction(old, np.vstack([new, new[:10]]))).estimate.value
    weights = np.where(np.arange(50) < 10, 2.0, 1.0)
    assert sure(pca_reconstruction(old, new, weights)).estimate.value == pytest.approx(twice, rel=1e-9)


@pytest.mark.parametrize(("rows", "columns"), [(4, 3), (0, 3), (100, 1), (100, 0)])
def test_too_little_says_nothing(rows, columns):
    """With too few rows or columns there is no answer."""
    assert pca_reconstruction(np.ones((100, columns)), np.ones((rows, columns))) is None


def test_columns_that_repeat_each_other_have_no_spread(sure):
    """Where the reference has no error there is a value and no test of it."""
    x = np.random.default_rng(4).normal(size=(50, 1))
    found = sure(pca_reconstruction(np.hstack([x, x]), np.hstack([x, -x])))
    assert sure(found.estimate.value) > 0.5
    assert found.shift is None
    assert found.p_value is None
