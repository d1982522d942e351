from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlmon.cli import units

NOW = datetime(2013, 5, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("metric", "value", "shown"),
    [
        ("accuracy", 0.94213, "94.2 %"),
        ("precision_macro", 0.5, "50.0 %"),
        ("recall[late]", 0.25, "25.0 %"),
        ("latency_p95", 31_000_000, "31 ms"),
        ("outcome_delay_p50", 7.2e12, "2 h"),
        ("silence", 90, "1.5 min"),
        ("inferences", 284_821, "284,821"),
        ("psi[temp]", 0.12345, "0.123"),
        ("roc_auc", 0.7126, "0.713"),
        ("mae", 1234.5, "1,234"),
        ("psi[temp]", None, "-"),
        ("psi[temp]", float("nan"), "-"),
    ],
)
def test_metric_values_have_their_unit(metric, value, shown):
    """A metric is shown in the unit of its name, with the digits a person can use."""
    assert units.metric_value(metric, value) == shown


@given(st.floats(min_value=1, max_value=1e18))
def test_durations_are_short(nanoseconds):
    """Any duration is one number and one unit."""
    number, unit = units.duration_ns(nanoseconds).split()
    assert unit in {"ns", "us", "ms", "s", "min", "h", "d"}
    assert float(number) > 0


@given(st.floats(min_value=-1e15, max_value=1e15))
def test_plain_numbers_keep_their_size(value):
    """A plain number is shown within one percent of itself, or within half a thousandth."""
    shown = float(units.plain(value).replace(",", ""))
    assert shown == pytest.approx(value, rel=0.05, abs=0.5e-3)


@given(st.integers(min_value=0, max_value=10**15))
def test_sizes_are_short(size):
    """A size in bytes is one number below a thousand and one unit, up to terabytes."""
    number, unit = units.size_bytes(size).split()
    assert unit in {"B", "kB", "MB", "GB", "TB"}
    assert float(number) <= 1000


@pytest.mark.parametrize(
    ("moment", "shown"),
    [
        (None, "-"),
        (NOW, "now"),
        (NOW - timedelta(hours=3), "3 h ago"),
        (NOW - timedelta(days=100), "2013-02-09"),
        (NOW + timedelta(minutes=5), "in 5 min"),
    ],
)
def test_times_are_relative_while_that_says_more(moment, shown):
    """A moment is told by its distance from now, an old one by its date."""
    assert units.ago(moment, NOW) == shown


def test_windows_start_as_short_as_their_size_allows():
    """A month is told without its day, an hour with its time."""
    assert units.window_start(NOW, "month") == "2013-05"
    assert units.window_start(NOW, "7d") == "2013-05-20"
    assert units.window_start(NOW, "1h") == "2013-05-20 12:00"
