import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlmon.analyzers.statistics.scales import fisher_interval, logit_interval, plain_interval


@given(st.floats(0.001, 0.999), st.floats(0, 10))
def test_logit_interval_holds_its_value_inside_its_range(value, error):
    """A logit interval holds the value and stays in [0, 1]."""
    low, high = logit_interval(value, error, 1.96)
    assert 0 <= low <= value + 1e-12
    assert value - 1e-12 <= high <= 1


@given(st.floats(-0.999, 0.999), st.floats(0, 10))
def test_fisher_interval_holds_its_value_inside_its_range(value, error):
    """A Fisher interval holds the value and stays in [-1, 1]."""
    low, high = fisher_interval(value, error, 1.96)
    assert -1 <= low <= value + 1e-12
    assert value - 1e-12 <= high <= 1


@pytest.mark.parametrize("interval", [logit_interval, fisher_interval])
def test_scales_agree_with_the_plain_interval_when_the_error_is_small(interval):
    """With a small standard error every scale gives the Wald interval."""
    assert interval(0.3, 1e-5, 1.96) == pytest.approx(plain_interval(0.3, 1e-5, 1.96), abs=1e-9)


@pytest.mark.parametrize("value", [1.0, -1.0])
def test_the_end_of_a_scale_has_no_width(value):
    """A value at the end of its scale is its own interval."""
    assert fisher_interval(value, 0.1, 1.96) == (value, value)
    assert logit_interval(abs(value), 0.1, 1.96) == (1.0, 1.0)
