"""The year replayed: every flight leaves once, every outcome comes once, in the order of time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest

from mlmon.demo import flights, replay

if TYPE_CHECKING:
    import pandas as pd

HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def served(table: pd.DataFrame) -> pd.DataFrame:
    """The flights from March to December."""
    return flights.serving(table)


@pytest.fixture(scope="module")
def hours(served: pd.DataFrame) -> list[replay.Hour]:
    """Their replay."""
    return list(replay.stream(served))


def test_hours_come_in_order(hours: list[replay.Hour]) -> None:
    """Hours follow each other, none twice, from the first departure to the last arrival in January."""
    assert all(earlier.start < later.start for earlier, later in pairwise(hours))
    assert hours[0].start == datetime(2013, 3, 1, 10, tzinfo=UTC)
    assert hours[-1].start.year == 2014


def test_everything_in_an_hour_happens_in_it(hours: list[replay.Hour]) -> None:
    """Departures and arrivals lie in their hour, each in order, and no hour is empty."""
    for hour in hours:
        assert hour.departures.flight_ids or hour.arrivals.flight_ids
        for moments in (hour.departures.scheduled_at, hour.arrivals.observed_at):
            assert moments == sorted(moments)
            assert all(hour.start <= moment < hour.start + HOUR for moment in moments)


def test_each_flight_leaves_once_and_arrives_at_most_once(
    served: pd.DataFrame, hours: list[replay.Hour]
) -> None:
    """All 284,821 flights depart, and exactly those with an outcome arrive."""
    left = [name for hour in hours for name in hour.departures.flight_ids]
    arrived = [name for hour in hours for name in hour.arrivals.flight_ids]
    assert len(left) == len(set(left)) == 284_821
    assert len(arrived) == len(set(arrived)) == 277_337
    assert set(arrived) == set(served.loc[served["late"].notna(), "flight_id"])


def test_no_outcome_before_its_prediction(hours: list[replay.Hour]) -> None:
    """When an arrival comes, its flight has departed in this hour or an earlier one."""
    left: set[str] = set()
    for hour in hours:
        left.update(hour.departures.flight_ids)
        assert left.issuperset(hour.arrivals.flight_ids)


def test_the_replay_is_the_table(served: pd.DataFrame, hours: list[replay.Hour]) -> None:
    """Features, times and outcomes come out of the replay as they stand in the table."""
    np.testing.assert_array_equal(
        [at for hour in hours for at in hour.departures.scheduled_at], served["departure"]
    )
    for name, column in flights.features(served).items():
        np.testing.assert_array_equal(np.concatenate([h.departures.features[name] for h in hours]), column)
    truth = dict(zip(served["flight_id"], flights.outcomes(served["late"].to_numpy()), strict=True))
    assert all(
        truth[name] == outcome
        for hour in hours
        for name, outcome in zip(hour.arrivals.flight_ids, hour.arrivals.outcomes, strict=True)
    )


def test_departures_alone(table: pd.DataFrame) -> None:
    """Whoever only predicts gets each scheduled hour once, and no empty one."""
    some = table.head(500)
    batches = list(replay.departures(some))
    assert sum(len(batch.flight_ids) for batch in batches) == 500
    assert len({batch.scheduled_at[0].replace(minute=0) for batch in batches}) == len(batches)


def test_a_disordered_table_gives_the_same_replay(table: pd.DataFrame) -> None:
    """The order of the rows handed in does not change the order of time."""
    some = table.head(2000)
    starts = [hour.start for hour in replay.stream(some)]
    assert [hour.start for hour in replay.stream(some.sample(frac=1, random_state=1))] == starts


def test_no_flights_is_no_hours(table: pd.DataFrame) -> None:
    """An empty table is replayed as nothing."""
    assert list(replay.stream(table.head(0))) == []
