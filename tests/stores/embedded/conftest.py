"""Events to write to an embedded store."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mlmon.core import schema
from mlmon.core.clock import isoformat
from mlmon.core.event import Event, encode
from mlmon.core.schema import Dataset


@pytest.fixture(scope="session")
def make() -> Callable[..., Event]:
    """Give a function of a number and more fields, which makes the event of that number, a second apart."""

    def event(number: int, **more: Any) -> Event:
        return encode(
            {
                schema.TIMESTAMP: isoformat(datetime(2013, 3, 1, tzinfo=UTC) + timedelta(seconds=number)),
                schema.LOG_LEVEL: "info",
                schema.EVENT_ID: f"producer-{number}",
                schema.EVENT_SEQUENCE: number,
                schema.PRODUCER_ID: "producer",
                schema.EVENT_DATASET: str(Dataset.INFERENCE),
                schema.EVENT_OUTCOME: "success",
                schema.MODEL_NAME: "flights",
                schema.INFERENCE_ID: f"i{number}",
                schema.FEATURES_NUMERIC: {"temp": number / 2},
            }
            | more
        )

    return event
