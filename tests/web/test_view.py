from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest

from mlmon.core.errors import UsageError
from mlmon.core.window import Window
from mlmon.web.view import Extent, address, parse, size_for, to_compare

NOW = datetime(2026, 1, 10, 12, 30, tzinfo=UTC)
OLD = Extent(first=datetime(2013, 3, 1, 5, tzinfo=UTC), last=datetime(2013, 12, 31, 23, 59, tzinfo=UTC))
LIVE = Extent(first=NOW - timedelta(days=90), last=NOW - timedelta(seconds=3))


def test_old_data_is_shown_whole():
    """Where nothing new came in, all of it is shown, up to its end."""
    view = parse({}, OLD, NOW)
    assert view.range == "all"
    expected = Window(start=datetime(2013, 3, 1, tzinfo=UTC), end=datetime(2014, 1, 1, tzinfo=UTC))
    assert view.window == expected


def test_live_data_is_shown_up_to_now():
    """Where data still comes in, the last week up to now is shown."""
    view = parse({}, LIVE, NOW)
    assert view.range == "7d"
    assert view.window == Window(start=NOW - timedelta(days=7), end=NOW)


def test_the_first_days_are_shown_by_the_hour():
    """What began lately is shown over the last 24 hours, and not over a week with a window or two."""
    assert parse({}, Extent(first=NOW - timedelta(hours=60), last=NOW), NOW).range == "24h"
    assert parse({}, Extent(), NOW).range == "7d"


def test_an_address_holds_the_view():
    """What an address says is what is looked at, and the address made of that says the same."""
    params = {
        "since": "2013-05-01",
        "until": "2013-06-01T12:00Z",
        "version": "1 & 2",
        "segment": "a=b",
        "metric": "f1",
    }
    view = parse(params, OLD, NOW)
    again = dict(parse_qsl(urlsplit(address("/models/x", view)).query))
    assert parse(again, OLD, NOW) == view


@pytest.mark.parametrize(
    "params", [{"range": "3d"}, {"since": "soon"}, {"since": "2013-05-02", "until": "2013-05-01"}]
)
def test_a_time_that_is_none_is_refused(params):
    """An unknown range, a text that is no time and an end before the start are told to the person."""
    with pytest.raises(UsageError, match=r"Allowed are|Write ISO|must not"):
        parse(params, OLD, NOW)


@pytest.mark.parametrize(
    ("days", "available", "size"),
    [
        (3, ["1h", "1d", "7d", "month"], "1h"),
        (60, ["1h", "1d", "7d", "month"], "1d"),
        (306, ["1h", "1d", "7d", "month"], "7d"),
        (800, ["1h", "1d", "7d", "month"], "month"),
        (3, ["1d", "7d"], "1d"),
        (306, ["1h", "1d"], "1d"),
        (30, [], "1d"),
    ],
)
def test_the_size_of_windows_suits_the_range(days, available, size):
    """Longer ranges are shown in larger windows, among those that have results."""
    assert size_for(Window(start=NOW - timedelta(days=days), end=NOW), available) == size


@pytest.mark.parametrize(("days", "size"), [(306, "month"), (30, "7d"), (7, "1d"), (1, "1d")])
def test_a_comparison_takes_the_largest_windows_that_fit_twice(days, size):
    """A beginning and an end are compared in whole windows, so that no part of one decides."""
    start = datetime(2013, 3, 1, 5, tzinfo=UTC)
    span = Window(start=start, end=start + timedelta(days=days))
    found, run = to_compare(span, "1d", ["1d", "7d", "month"])
    assert found == size
    assert days == 1 or span.start <= run.start < run.end <= span.end
