"""What the benchmarks of analysis share: inferences of ten carriers and what became of them."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import orjson

from mlmon.core import schema
from mlmon.core.clock import isoformat
from mlmon.core.event import Event, parse
from mlmon.core.schema import Dataset

CARRIERS = ("9E", "AA", "B6", "DL", "EV", "MQ", "UA", "US", "WN", "VX")
START = datetime(2013, 3, 1, tzinfo=UTC)
PRODUCER = "0123456789abcdef"
MIDDLE = 0.5

Row = tuple[datetime, str, float, bool]
"""Time, carrier, score, and whether it was late."""


def rows(count: int, step: timedelta) -> Iterator[Row]:
    """The same rows on every run, a step apart; late as often as the score says."""
    random_ = random.Random(1)  # noqa: S311 - synthetic rows
    for number in range(count):
        score = random_.betavariate(2.0, 5.0)
        yield START + number * step, random_.choice(CARRIERS), score, random_.random() < score


def events(number: int, row: Row, *, model: str = "flight-delay") -> tuple[Event, Event]:
    """The inference and the outcome of a row."""
    moment, carrier, score, late = row
    both = {
        schema.LOG_LEVEL: "info",
        schema.PRODUCER_ID: PRODUCER,
        schema.MODEL_NAME: model,
        schema.INFERENCE_ID: f"i{number}",
    }
    inference = {
        schema.TIMESTAMP: isoformat(moment),
        schema.EVENT_ID: f"{PRODUCER}-{2 * number}",
        schema.EVENT_SEQUENCE: 2 * number,
        schema.EVENT_DATASET: Dataset.INFERENCE,
        schema.EVENT_OUTCOME: "success",
        schema.TASK: "binary",
        schema.POSITIVE_LABEL: "late",
        schema.PREDICTION_LABEL: "late" if score >= MIDDLE else "on_time",
        schema.PREDICTION_SCORE: score,
        schema.SEGMENT: {"carrier": carrier},
    }
    outcome = {
        schema.TIMESTAMP: isoformat(moment + timedelta(hours=3)),
        schema.EVENT_ID: f"{PRODUCER}-{2 * number + 1}",
        schema.EVENT_SEQUENCE: 2 * number + 1,
        schema.EVENT_DATASET: Dataset.OUTCOME,
        schema.OUTCOME_LABEL: "late" if late else "on_time",
        schema.OUTCOME_OBSERVED_AT: isoformat(moment + timedelta(hours=3)),
    }
    return parse(orjson.dumps(both | inference)), parse(orjson.dumps(both | outcome))
