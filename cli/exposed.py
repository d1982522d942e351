"""What the page serves at `/metrics`: the latest reports of all parts, and how it is with each model."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from mlmon.cli import reports, wiring_analyze
from mlmon.core import meters
from mlmon.core.config import Config
from mlmon.core.exposition import Family, Kind, Sample
from mlmon.core.store import Reader


def families(reader: Reader, config: Config, now: datetime) -> Iterator[Family]:
    """Everything there is to tell at a moment.

    Raises:
        StoreError: the store could not answer.

    """
    yield from meters.families((told.labels, told.report) for told in reports.live(reader, now))
    yield from _models(reader, config, now)


def _models(reader: Reader, config: Config, now: datetime) -> Iterator[Family]:
    models = wiring_analyze.models(reader, config)
    waits = wiring_analyze.lags_s(reader, now)
    yield Family(
        name="mlmon_model_last_event_timestamp_seconds",
        kind=Kind.GAUGE,
        about="When the newest inference of a model happened, in seconds since 1970.",
        samples=tuple(
            Sample(labels={"model": model.name}, value=model.last.timestamp())
            for model in models
            if model.last is not None
        ),
    )
    yield Family(
        name="mlmon_model_lag_seconds",
        kind=Kind.GAUGE,
        about="How long the oldest inference of a model that is not analysed yet has been stored.",
        samples=tuple(
            Sample(labels={"model": model.name}, value=waits.get(model.name, 0.0)) for model in models
        ),
    )
