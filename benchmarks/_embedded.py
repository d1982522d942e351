"""What the benchmarks of the embedded store share: events of about 560 bytes, and a store of them."""

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import orjson

from mlmon.core import query as q
from mlmon.core import schema
from mlmon.core.clock import isoformat
from mlmon.core.event import Event
from mlmon.core.query import Query
from mlmon.core.schema import Dataset
from mlmon.stores.embedded import Group, manifest, open_store

START = datetime(2013, 3, 1, tzinfo=UTC)
STEP = timedelta(milliseconds=300)
PRODUCER = "0123456789abcdef"
BATCH = 5000
LABELS = ("late", "on_time")

_late = q.Equals(schema.PREDICTION_LABEL, "late")
_truly_late = q.Equals(schema.member(schema.SEGMENT, "truth"), "late")
QUESTION = Query(
    dataset=Dataset.INFERENCE,
    by={"model": q.Terms(schema.MODEL_NAME), "start": q.TimeBucket("5m")},
    measures={
        "n": q.Count(),
        "errors": q.Count(where=q.Equals(schema.EVENT_OUTCOME, "failure")),
        "latency": q.Quantiles(schema.EVENT_DURATION, (0.5, 0.95, 0.99)),
        "true_positives": q.Count(where=q.AllOf((_late, _truly_late))),
        "false_positives": q.Count(where=q.AllOf((_late, q.Not(_truly_late)))),
        "false_negatives": q.Count(where=q.AllOf((q.Not(_late), _truly_late))),
        "true_negatives": q.Count(where=q.AllOf((q.Not(_late), q.Not(_truly_late)))),
    },
)
"""Count, error rate, latency quantiles and confusion, by model and 5-minute window."""


def event(number: int, random_: random.Random) -> Event:
    """Make one inference of about 560 bytes."""
    moment = START + number * STEP
    body = orjson.dumps(
        {
            schema.TIMESTAMP: isoformat(moment),
            schema.LOG_LEVEL: "info",
            schema.EVENT_ID: f"{PRODUCER}-{number}",
            schema.EVENT_SEQUENCE: number,
            schema.PRODUCER_ID: PRODUCER,
            schema.EVENT_DATASET: Dataset.INFERENCE,
            schema.EVENT_OUTCOME: "failure" if number % 97 == 0 else "success",
            schema.EVENT_DURATION: random_.randrange(10**6, 10**8),
            schema.MODEL_NAME: f"model-{number % 4}",
            schema.MODEL_VERSION: "2013.03",
            schema.INFERENCE_ID: f"i{number}",
            schema.PREDICTION_LABEL: random_.choice(LABELS),
            schema.PREDICTION_SCORE: round(random_.random(), 6),
            schema.FEATURES_NUMERIC: {"temp": round(random_.gauss(15, 9), 2), "wind": random_.randrange(40)},
            schema.SEGMENT: {"truth": random_.choice(LABELS)},
        }
    )
    return Event(
        id=f"{PRODUCER}-{number}", dataset=Dataset.INFERENCE, timestamp=moment, model=f"model-{number % 4}",
        producer=PRODUCER, sequence=number, body=body,
    )  # fmt: skip


def fill(folder: Path, count: int) -> None:
    """Make a store that holds so many events, all in segments."""
    random_ = random.Random(1)  # noqa: S311 - the same events on every run
    store = open_store(folder)
    for first in range(0, count, BATCH):
        store.write([event(number, random_) for number in range(first, first + BATCH)])
    store.compact()
    store.close()


def multiply(folder: Path, times: int) -> None:
    """Make a store hold its events so many times, each copy later in time, without writing each again."""
    held = manifest.load(folder, Group.EVENTS)
    connection = duckdb.connect(config={"memory_limit": "400MB", "preserve_insertion_order": False})
    segments = list(held.segments)
    span = int((max(it.last for it in segments) - min(it.first for it in segments)) + 1)
    for copy in range(1, times):
        for at in held.segments:
            file = at.file.replace(".parquet", f"-{copy}.parquet")
            connection.execute(
                f'COPY (SELECT * REPLACE ("{schema.TIMESTAMP}" + to_microseconds({copy * span}) AS'  # noqa: S608 - of our own names
                f" \"{schema.TIMESTAMP}\") FROM read_parquet('{folder / at.file}')) TO '{folder / file}'"
                " (FORMAT parquet, COMPRESSION zstd)"
            )
            moved = {"file": file, "first": at.first + copy * span, "last": at.last + copy * span}
            segments.append(
                manifest.Segment(**{name: getattr(at, name) for name in at.__struct_fields__} | moved)
            )
    connection.close()
    manifest.save(folder, Group.EVENTS, manifest.Manifest(
        number=held.number + 1, next_file=held.next_file, tails=held.tails, segments=tuple(segments),
        columns=held.columns,
    ))  # fmt: skip
