"""The service of the demo: scores each hour's departures, logs them, and tells the outcomes on arrival."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mlmon.core import clock
from mlmon.demo import model as models
from mlmon.demo import replay
from mlmon.demo.flights import LATE
from mlmon.demo.model import LatenessModel
from mlmon.logging_sdk import ModelLogger

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

MODEL: Final = "flight-delay"
VERSION: Final = "2013.03"
SEGMENTS: Final = ("carrier", "origin")
_MOST_QUEUED: Final = 20_000
"""A year in a minute outruns any network, so the replay waits now and then, as no service would have to."""


@dataclass(slots=True)
class HourClock:
    """A clock that shows the hour being replayed."""

    now_ns: int = 0

    def __call__(self) -> int:
        """Nanoseconds since the epoch, UTC."""
        return self.now_ns


def logger(ship: str, threshold: float, hours: HourClock) -> ModelLogger:
    """The logger of the demo's service; its clock is that of the replay."""
    return ModelLogger(
        MODEL,
        version=VERSION,
        task="binary",
        positive_label=LATE,
        threshold=threshold,
        segments=SEGMENTS,
        service="departures",
        environment="demo",
        ship=ship,
        spool="memory",  # the collector is of this process, so nothing outlives it
        clock=hours,
    )


def serve(
    flights: pd.DataFrame,
    model: LatenessModel,
    log: ModelLogger,
    hours: HourClock,
    *,
    on_hour: Callable[[int], None] = lambda _served: None,
) -> None:
    """Predict every flight at its scheduled departure and tell every outcome at the real arrival.

    `on_hour` hears how many flights an hour had. Durations are measured; only the calendar is replayed.
    """
    for hour in replay.stream(flights):
        hours.now_ns = clock.to_ns(hour.start)
        if hour.departures.flight_ids:
            _predict(hour.departures, model, log)
            _miss_weather(hour.departures, log)
        if hour.arrivals.flight_ids:
            log.outcomes(
                hour.arrivals.flight_ids,
                labels=hour.arrivals.outcomes,
                observed_at=hour.arrivals.observed_at,
                source="arrivals",
            )
        if log.stats().queued > _MOST_QUEUED:
            log.flush(timeout_s=60.0)
        on_hour(len(hour.departures.flight_ids))


def _predict(departures: replay.Departures, model: LatenessModel, log: ModelLogger) -> None:
    with log.batch(
        departures.features, ids=departures.flight_ids, timestamp=departures.scheduled_at
    ) as batch:
        scores = models.score(model, departures.features)
        batch.predict(label=models.labels(model, scores), score=scores)


def _miss_weather(departures: replay.Departures, log: ModelLogger) -> None:
    """Say which airports had no weather at all in this hour."""
    for origin, at in _blind(departures.features, departures.scheduled_at).items():
        log.warning("no weather from %s, predicting without it", origin, extra={"origin": origin, "hour": at})


def _blind(features: Mapping[str, NDArray[Any]], scheduled_at: list[datetime]) -> dict[str, datetime]:
    rows = np.flatnonzero(np.isnan(features["temp"]) & np.isnan(features["visib"]))
    return {features["origin"][row]: scheduled_at[row] for row in rows[::-1]}
