"""The page's list of what drifts as performance falls."""

from datetime import UTC, datetime, timedelta

import pytest

from mlmon.core.panel import Scope
from mlmon.core.result import Metric
from mlmon.core.window import Window
from mlmon.stores.embedded import open_store
from mlmon.web import with_loss

START = datetime(2026, 3, 2, tzinfo=UTC)
WEEK = timedelta(days=7)
SIZES = {"1d", "7d"}


def stated(feature, value, low, high, *, week=1):
    """How one feature's drift goes with the loss, as told in a week."""
    window = Window(start=START + week * WEEK, end=START + (week + 1) * WEEK)
    return Metric(
        analyzer="drift_with_loss", model="flights", name="drift_with_loss", window=window, size="7d",
        value=value, low=low, high=high, n=12, subject=feature,
    )  # fmt: skip


@pytest.fixture
def reader(tmp_path):
    """Give a store with the rankings of two weeks."""
    store = open_store(tmp_path)
    store.put(
        [
            stated("old", 0.95, 0.8, 0.99, week=0),
            stated("temp", 0.8, 0.5, 0.93),
            stated("dewp", 0.9, 0.7, 0.97),
            stated("humid", 0.2, -0.4, 0.7),
            stated("wind", -0.9, -0.97, -0.7),
        ]
    )
    yield store
    store.close()


@pytest.fixture
def scope():
    """Give the view of one model over both weeks, by day."""
    return Scope(model="flights", window=Window(start=START, end=START + 2 * WEEK), size="1d")


def test_the_newest_ranking_is_told_with_the_closest_first(reader, scope):
    """Only features beyond chance on the side of the loss are there, of the last week that has a ranking."""
    found = with_loss.read(reader, scope, SIZES)
    assert [(one.feature, one.value, one.n, one.windows) for one in found] == [
        ("dewp", 0.9, 12, "weeks"),
        ("temp", 0.8, 12, "weeks"),
    ]


@pytest.mark.parametrize("narrowed", [{"version": "2"}, {"segment": "carrier=UA"}])
def test_parts_of_the_traffic_have_no_ranking(reader, scope, narrowed):
    """Where a version or a segment is looked at, nothing is told: the ranking is of all traffic."""
    from msgspec.structs import replace

    assert with_loss.read(reader, replace(scope, **narrowed), SIZES) == []


def test_without_a_ranking_nothing_is_told(reader, scope):
    """A store whose windows have no such results has no list."""
    assert with_loss.read(reader, scope, {"1h"}) == []
