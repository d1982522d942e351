import numpy as np
import pytest

from mlmon.analyzers.statistics.domain_auc import domain_auc


def test_a_shift_is_told_as_well_as_can_be(sure):
    """A column moved by one standard deviation gives nearly the area that is the most there is, 0.760."""
    rng = np.random.default_rng(1)
    old, new = rng.normal(size=(2_000, 8)), rng.normal(size=(2_000, 8))
    new[:, 3] += 1.0
    found = sure(domain_auc(old, new))
    assert found.estimate.value == pytest.approx(0.760, abs=0.02)
    assert sure(found.estimate.low) < 0.76 < sure(found.estimate.high)
    assert int(found.shares.argmax()) == 3
    assert found.shares.sum() == pytest.approx(1.0)


def test_a_flipped_correlation_is_told_by_its_two_columns(sure):
    """Two columns that turn against each other share nearly all that the classifier goes by."""
    rng = np.random.default_rng(2)
    old, new = rng.normal(size=(2_000, 6)), rng.normal(size=(1_000, 6))
    old[:, 1] = 0.9 * old[:, 0] + np.sqrt(0.19) * old[:, 1]
    new[:, 1] = -0.9 * new[:, 0] + np.sqrt(0.19) * new[:, 1]
    found = sure(domain_auc(old, new))
    assert sure(found.estimate.value) > 0.85
    assert found.shares[:2].sum() > 0.9


def test_without_a_change_the_noise_is_as_stated(sure):
    """Over 200 pairs of samples the area lies about 0.5, and its spread is at most what is stated."""
    rng = np.random.default_rng(3)
    found = [sure(domain_auc(rng.normal(size=(500, 6)), rng.normal(size=(200, 6)))) for _ in range(200)]
    areas = [sure(one.estimate.value) for one in found]
    assert np.mean(areas) == pytest.approx(0.5, abs=0.01)
    assert np.std(areas) <= 1.1 * found[0].noise
    assert min(sure(one.p_value) for one in found) > 1e-4


def test_weights_that_are_alike_change_nothing(sure):
    """Rows that all weigh three are told as rows that all weigh one."""
    rng = np.random.default_rng(4)
    old, new = rng.normal(size=(300, 3)), rng.normal(size=(200, 3)) + 0.3
    plain, heavy = sure(domain_auc(old, new)), sure(domain_auc(old, new, np.full(200, 3.0)))
    assert heavy.estimate.value == pytest.approx(plain.estimate.value, rel=1e-9)
    assert heavy.noise == pytest.approx(plain.noise, rel=1e-9)


@pytest.mark.parametrize(("rows", "columns"), [(9, 3), (0, 3), (100, 0)])
def test_too_little_says_nothing(rows, columns):
    """With too few rows or no column there is no answer."""
    assert domain_auc(np.ones((100, columns)), np.ones((rows, columns))) is None


def test_columns_that_never_vary_tell_nothing(sure):
    """The same constant on both sides gives an area of one half."""
    assert sure(domain_auc(np.zeros((100, 2)), np.zeros((50, 2)))).estimate.value == 0.5
