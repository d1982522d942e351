import pytest
from scipy import stats

from mlmon.analyzers.statistics.estimate import critical_value, undefined


def test_undefined_has_no_value_and_no_interval():
    """An undefined estimate is None in value, low and high."""
    estimate = undefined(3.0)
    assert (estimate.value, estimate.low, estimate.high, estimate.n) == (None, None, None, 3.0)


@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.999])
def test_critical_value_is_scipys(confidence):
    """The critical value equals scipy's normal quantile."""
    assert critical_value(confidence) == pytest.approx(stats.norm.ppf(0.5 + confidence / 2), rel=1e-12)


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95.0, float("nan")])
def test_confidence_outside_its_range_is_refused(confidence):
    """A confidence that is not between 0 and 1 is a ValueError that names it."""
    with pytest.raises(ValueError, match="confidence is"):
        critical_value(confidence)
