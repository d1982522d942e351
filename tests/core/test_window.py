from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlmon.core import window
from mlmon.core.errors import UsageError
from mlmon.core.window import Window

NOW = datetime(2013, 3, 8, 12, tzinfo=UTC)
MOMENTS = st.datetimes(datetime(1960, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - zone is added
SIZES = st.sampled_from(["5m", "1h", "1d", "7d", "30d", "month"])


@given(MOMENTS, SIZES)
def test_a_moment_lies_in_its_window(moment: datetime, size: str):
    """Every moment is at or after its floor and before the next one."""
    start = window.floor(moment, size)
    assert moment in Window(start=start, end=window.following(start, size))
    assert window.floor(start, size) == start


@given(MOMENTS, st.timedeltas(timedelta(0), timedelta(days=3)), st.sampled_from(["1h", "1d", "7d", "month"]))
def test_windows_cover_the_span_without_gap(start: datetime, length: timedelta, size: str):
    """Windows follow each other without gap or overlap and cover what `widen` says."""
    span = Window(start=start, end=start + length)
    found = list(window.windows(span, size))
    assert all(a.end == b.start for a, b in pairwise(found))
    if length:
        assert Window(start=found[0].start, end=found[-1].end) == window.widen(span, size)
    else:
        assert found == []


def test_all_is_the_span_itself():
    """The size `all` gives one window, the span."""
    span = Window(start=NOW, end=NOW + timedelta(hours=5))
    assert list(window.windows(span, "all")) == [span]
    assert window.widen(span, "all") == span


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", "2013-03-08T12:00:00+00:00"),
        ("7d", "2013-03-01T12:00:00+00:00"),
        ("2013-03-01", "2013-03-01T00:00:00+00:00"),
        ("2013-03-01T12:00:00+02:00", "2013-03-01T10:00:00+00:00"),
    ],
)
def test_moments_are_read_as_utc(text: str, expected: str):
    """A moment without a zone is UTC, one with a zone is turned into it, a duration counts back from now."""
    assert window.parse_moment(text, now=NOW).isoformat() == expected


@pytest.mark.parametrize("text", ["", "soon", "7", "d", "-1d", "1.5h", "2013-13-01"])
def test_what_is_no_time_is_refused(text: str):
    """A text that is no time is refused with what is allowed."""
    with pytest.raises(UsageError, match="ISO 8601"):
        window.parse_moment(text, now=NOW)
    with pytest.raises(UsageError, match="whole number"):
        window.parse_duration(text)


@pytest.mark.parametrize(
    "text",
    ["365001d", "99999999999999999999d", "9" * 5_000 + "s", "0001-01-01T00:00+05:00", "9999-12-31T23-05"],
)
def test_what_no_calendar_has_is_refused(text: str):
    """A time too far away for a date is refused in words, and the longest that is allowed is one."""
    with pytest.raises(UsageError, match=r"thousand years|years 1 to 9999"):
        window.parse_moment(text, now=NOW)
    assert window.parse_moment("365000d", now=NOW).year == 1013


def test_a_window_needs_zones_and_order():
    """Naive bounds and an end before the start are refused; the end itself is outside."""
    with pytest.raises(UsageError, match="time zones"):
        Window(start=NOW.replace(tzinfo=None), end=NOW)
    with pytest.raises(UsageError, match="before it starts"):
        Window(start=NOW, end=NOW - timedelta(seconds=1))
    assert NOW not in Window(start=NOW - timedelta(hours=1), end=NOW)
    assert NOW in Window(start=NOW.astimezone(timezone(timedelta(hours=5))), end=NOW + timedelta(seconds=1))


@given(MOMENTS, SIZES, st.integers(0, 40))
def test_as_many_windows_follow_as_precede(moment: datetime, size: str, number: int):
    """From the window that precedes by a number, so many steps forward lead back."""
    start = window.floor(moment, size)
    found = window.preceding(start, size, number)
    for _ in range(number):
        found = window.following(found, size)
    assert found == start


def test_amid_a_window_its_own_start_precedes_first():
    """What lies within a window is preceded by that window's start."""
    amid = datetime(2024, 3, 31, 17, 5, tzinfo=UTC)
    assert window.preceding(amid, "1d", 2) == datetime(2024, 3, 30, tzinfo=UTC)
