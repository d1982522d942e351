from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from mlmon.core import clock

NANOSECONDS = st.integers(-(2**62), 2**62)


@given(NANOSECONDS)
def test_text_and_datetime_agree(ns: int):
    """The text of a moment is that of its datetime, and both lose less than a microsecond."""
    moment = clock.to_datetime(ns)
    assert datetime.fromisoformat(clock.to_text(ns)) == moment
    assert 0 <= ns - clock.to_ns(moment) < 1000


def test_early_years_have_four_digits():
    """The year 1 is written as ISO 8601 wants it."""
    assert clock.to_text(clock.to_ns(datetime(1, 1, 1, tzinfo=UTC))) == "0001-01-01T00:00:00.000000Z"


def test_the_system_clock_is_utc():
    """The default clock gives the time of now."""
    assert abs((clock.to_datetime(clock.system()) - datetime.now(UTC)).total_seconds()) < 60
