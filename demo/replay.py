"""A year of flights as a service would live it: hour by hour, predictions due and outcomes seen.

The hours come in order, with their departures before their arrivals. A short flight can leave and arrive
within one hour, and no flight arrives before it was to leave; so whoever handles the departures of an hour
first has always predicted a flight before its outcome comes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from mlmon.demo.flights import features, outcomes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pandas as pd
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Departures:
    """Flights of one scheduled hour, in order of departure; all fields have one entry for each flight.

    `scheduled_at` is in UTC. `features` are columns of shape (n,): text as objects, numbers as float64
    with NaN for a gap.
    """

    flight_ids: list[str]
    scheduled_at: list[datetime]
    features: Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrivals:
    """Flights that arrived in one hour, in order of arrival: when (UTC), and `late` or `on_time`."""

    flight_ids: list[str]
    observed_at: list[datetime]
    outcomes: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hour:
    """What happens in the hour from `start`, UTC; departures or arrivals can be empty, never both."""

    start: datetime
    departures: Departures
    arrivals: Arrivals


def stream(flights: pd.DataFrame) -> Iterator[Hour]:
    """Every hour in which a flight departs or arrives, in order, until the last flight has arrived.

    The flights come from `flights.load` or a part of it. One without an outcome departs and never arrives.
    """
    left = flights.sort_values("departure", kind="stable")
    arrived = flights[flights["late"].notna()].sort_values("arrival", kind="stable")
    leave_hours, arrive_hours = _hours(left["departure"]), _hours(arrived["arrival"])
    hours = np.union1d(leave_hours, arrive_hours)
    departures = _cut_departures(left, _edges(leave_hours, hours))
    arrivals = _cut_arrivals(arrived, _edges(arrive_hours, hours))
    for start, leaving, arriving in zip(_aware(hours), departures, arrivals, strict=True):
        yield Hour(start=start, departures=leaving, arrivals=arriving)


def departures(flights: pd.DataFrame) -> Iterator[Departures]:
    """The flights of each scheduled hour, in order, for whoever only predicts."""
    return (hour.departures for hour in stream(flights) if hour.departures.flight_ids)


def _cut_departures(left: pd.DataFrame, edges: list[int]) -> Iterator[Departures]:
    flight_ids = left["flight_id"].tolist()
    scheduled_at = _aware(_moments(left["departure"]))
    columns = features(left)
    for first, last in pairwise(edges):
        yield Departures(
            flight_ids=flight_ids[first:last],
            scheduled_at=scheduled_at[first:last],
            features={name: column[first:last] for name, column in columns.items()},
        )


def _cut_arrivals(arrived: pd.DataFrame, edges: list[int]) -> Iterator[Arrivals]:
    flight_ids = arrived["flight_id"].tolist()
    observed_at = _aware(_moments(arrived["arrival"]))
    seen = [label for label in outcomes(arrived["late"].to_numpy(dtype=float)) if label is not None]
    for first, last in pairwise(edges):
        yield Arrivals(
            flight_ids=flight_ids[first:last],
            observed_at=observed_at[first:last],
            outcomes=seen[first:last],
        )


def _edges(of_rows: NDArray[np.datetime64], hours: NDArray[np.datetime64]) -> list[int]:
    """Where each hour begins in the ordered rows, and where the last one ends."""
    return [*np.searchsorted(of_rows, hours).tolist(), len(of_rows)]


def _moments(column: pd.Series) -> NDArray[np.datetime64]:
    moments: NDArray[np.datetime64] = column.dt.tz_localize(None).to_numpy().astype("datetime64[us]")
    return moments


def _hours(column: pd.Series) -> NDArray[np.datetime64]:
    return _moments(column).astype("datetime64[h]")


def _aware(moments: NDArray[np.datetime64]) -> list[datetime]:
    naive: list[datetime] = moments.astype("datetime64[us]").tolist()
    return [moment.replace(tzinfo=UTC) for moment in naive]
