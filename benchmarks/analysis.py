"""A pass over new outcomes, join to stored metrics, against pandas and scikit-learn on rows in memory.

The peer computes far less (4 of some 20 metrics, no intervals, nothing stored), but calls four functions a
cell, whose fixed cost is most of its time. So the ratio hangs on the events in a cell: with a
third of them, 90, it is below 1.
"""

import random
import tempfile
import time
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pandas as pd
from sklearn.metrics import accuracy_score, brier_score_loss, log_loss, roc_auc_score

from mlmon.analyzers import jobs
from mlmon.core import schema
from mlmon.core.clock import isoformat, to_ns
from mlmon.core.config import AnalyzeConfig, Config
from mlmon.core.event import Event, parse
from mlmon.core.schema import Dataset
from mlmon.stores.embedded import open_store

NAME = "analysis"
PEER = "pandas groupby + scikit-learn"
GOAL = 3.0

INFERENCES = 180_000
DAYS = 60
CARRIERS = ("9E", "AA", "B6", "DL", "EV", "MQ", "UA", "US", "WN", "VX")
BATCH = 5_000
START = datetime(2013, 3, 1, tzinfo=UTC)
STEP = timedelta(days=DAYS) / INFERENCES
PRODUCER = "0123456789abcdef"

Row = tuple[datetime, str, float, bool]
"""Time, carrier, score, and whether it was late."""


def run() -> tuple[float, str]:
    """Time the peer first, then the pass; storing the events is not counted, making metrics durable is."""
    rows = _rows()
    theirs, cells = _peer(rows)
    ours, done = _pass(rows)
    note = (
        f"{INFERENCES:,} outcomes: join, {done.metrics:,} metrics stored in {ours:.1f} s; "
        f"4 metrics of {cells:,} days and carriers in memory in {theirs:.1f} s"
    )
    return ours / theirs, note


def _rows() -> list[Row]:
    random_ = random.Random(1)  # noqa: S311 - synthetic rows
    rows = []
    for number in range(INFERENCES):
        score = random_.betavariate(2.0, 5.0)
        rows.append((START + number * STEP, random_.choice(CARRIERS), score, random_.random() < score))
    return rows


def _peer(rows: list[Row]) -> tuple[float, int]:
    frame = pd.DataFrame(rows, columns=["time", "carrier", "score", "late"])
    start = time.perf_counter()
    frame["day"] = frame["time"].dt.floor("D")
    measured = [_measures(part) for _, part in frame.groupby("day")]
    measured += [_measures(part) for _, part in frame.groupby(["day", "carrier"])]
    return time.perf_counter() - start, len(measured)


def _measures(part: pd.DataFrame) -> tuple[float, ...]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a cell may hold one class only
        return (
            accuracy_score(part["late"], part["score"] >= 0.5),  # noqa: PLR2004 - the middle
            roc_auc_score(part["late"], part["score"]),
            log_loss(part["late"], part["score"], labels=[False, True]),
            brier_score_loss(part["late"], part["score"]),
        )


def _pass(rows: list[Row]) -> tuple[float, jobs.Pass]:
    now = to_ns(START + timedelta(days=DAYS + 30))
    config = Config(analyze=AnalyzeConfig(windows=("1d",)))
    with tempfile.TemporaryDirectory(prefix="mlmon-bench-") as name:
        store = open_store(Path(name))
        for first in range(0, INFERENCES, BATCH):
            numbered = list(enumerate(rows[first : first + BATCH], start=first))
            store.write([event for number, row in numbered for event in _events(number, row)])
        store.compact()
        start = time.perf_counter()
        done = jobs.run_once(store, config, clock=lambda: now)
        taken = time.perf_counter() - start
        store.close()
    return taken, done


def _events(number: int, row: Row) -> tuple[Event, Event]:
    moment, carrier, score, late = row
    both = {
        schema.LOG_LEVEL: "info",
        schema.PRODUCER_ID: PRODUCER,
        schema.MODEL_NAME: "flight-delay",
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
        schema.PREDICTION_LABEL: "late" if score >= 0.5 else "on_time",  # noqa: PLR2004 - the middle
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
