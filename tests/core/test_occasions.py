from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlmon.core.errors import ConfigError
from mlmon.core.occasions import EventConfig, during, occasions
from mlmon.core.settings import load
from mlmon.core.window import Window

YEARS = Window(start=datetime(2012, 1, 1, tzinfo=UTC), end=datetime(2015, 1, 1, tzinfo=UTC))
FILE = """
events:
  - {name: Christmas, dates: [2012-12-25, 2012-12-26], yearly: true}
  - {name: campaign, start: 2013-11-01T06:00, end: 2013-11-08, models: [shop]}
"""


def starts(found):
    """When occasions begin."""
    return [one.window.start.isoformat(timespec="hours")[:13] for one in found]


def test_events_are_read_from_the_file(tmp_path):
    """Dates that YAML reads as dates, moments, years and models come out in the order of time."""
    (tmp_path / "mlmon.yaml").write_text(FILE)
    events = load(tmp_path / "mlmon.yaml").events
    assert starts(occasions(events, "shop", YEARS)) == [
        "2012-12-25T00", "2012-12-26T00", "2013-11-01T06", "2013-12-25T00", "2013-12-26T00",
        "2014-12-25T00", "2014-12-26T00",
    ]  # fmt: skip
    assert {one.name for one in occasions(events, "other", YEARS)} == {"Christmas"}


def test_a_leap_day_comes_back_in_leap_years_only():
    """A yearly event of 29 February is there in 2012 and not in the two years after."""
    event = EventConfig(name="leap", dates=("2012-02-29",), yearly=True)
    assert starts(occasions([event], "m", YEARS)) == ["2012-02-29T00"]


def test_a_yearly_event_over_new_year_is_there_in_january():
    """An event that begins in December is found when only its end is asked for."""
    event = EventConfig(name="turn", start="2010-12-24", end="2011-01-03", yearly=True)
    january = Window(start=datetime(2014, 1, 1, tzinfo=UTC), end=datetime(2014, 1, 2, tzinfo=UTC))
    assert starts(occasions([event], "m", january)) == ["2013-12-24T00"]


@given(hours=st.integers(-60, 60))
def test_during_holds_exactly_while_it_lasts(hours):
    """An hour is during an event of a day if and only if it lies within."""
    event = EventConfig(name="day", dates=("2013-06-01",))
    at = datetime(2013, 6, 1, tzinfo=UTC) + timedelta(hours=hours)
    window = Window(start=at, end=at + timedelta(hours=1))
    assert (during(occasions([event], "m", YEARS), window) is not None) is (0 <= hours < 24)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{name: x, dates: [soon]}", "'soon' of event 'x' is no time"),
        ("{name: x}", "needs either dates or both"),
        ("{name: x, start: 2013-01-01}", "needs both start and end"),
        ("{name: x, start: 2013-01-02, end: 2013-01-01}", "ends before it starts"),
        ("{name: x, dates: [2013-01-01], day: 3}", "unknown field `day`"),
    ],
)
def test_a_wrong_event_is_told(tmp_path, text, words):
    """What is wrong with an event is said in words, with the value."""
    (tmp_path / "mlmon.yaml").write_text(f"events: [{text}]\n")
    with pytest.raises(ConfigError, match="configuration is wrong") as caught:
        load(tmp_path / "mlmon.yaml")
    assert words in str(caught.value)
