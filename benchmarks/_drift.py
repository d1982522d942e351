"""What the benchmarks of drift share: the same numbers for us, in a store, and for a peer, in a file."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import orjson

from mlmon.analyzers import live, models, profile_columns, reference
from mlmon.core import schema
from mlmon.core.clock import isoformat
from mlmon.core.event import Event
from mlmon.core.schema import Dataset
from mlmon.core.window import Window
from mlmon.stores.embedded import open_store

START = datetime(2013, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
FEATURES = 20
SHIFTED = 4
BATCH = 5_000
MODEL = "flight-delay"
PRODUCER = "0123456789abcdef"
METRICS = {"psi", "jensen_shannon", "kolmogorov_smirnov", "wasserstein"}
ROUNDS = 5

Table = npt.NDArray[np.float64]


def names() -> list[str]:
    """The names of the columns."""
    return [f"x{place:02d}" for place in range(FEATURES)]


def tables(rows: int) -> tuple[Table, Table]:
    """The reference and the current rows, alike but for the first columns, which have moved."""
    random = np.random.default_rng(1)
    old, new = random.normal(size=(rows, FEATURES)), random.normal(size=(rows, FEATURES))
    new[:, :SHIFTED] += 0.3
    return old, new


def fill(folder: Path, old: Table, new: Table) -> None:
    """Make a store of a day of inferences, the current rows, and a reference, the old ones."""
    step = DAY / len(new)
    store = open_store(folder)
    for first in range(0, len(new), BATCH):
        some = new[first : first + BATCH].tolist()
        store.write([_event(number, START + number * step, row) for number, row in enumerate(some, first)])
    store.compact()
    columns = profile_columns.Columns(features=dict(zip(names(), old.T, strict=True)))
    made = profile_columns.from_columns(columns, model=MODEL, source="train.parquet", now=START)
    reference.save(store, made)
    models.remember(store, models.catalogue(store))
    store.close()


def _event(number: int, moment: datetime, row: list[float]) -> Event:
    identity = f"{PRODUCER}-{number}"
    document = {
        schema.TIMESTAMP: isoformat(moment),
        schema.LOG_LEVEL: "info",
        schema.EVENT_ID: identity,
        schema.EVENT_SEQUENCE: number,
        schema.PRODUCER_ID: PRODUCER,
        schema.EVENT_DATASET: Dataset.INFERENCE,
        schema.EVENT_OUTCOME: "success",
        schema.MODEL_NAME: MODEL,
        schema.INFERENCE_ID: f"i{number}",
        schema.FEATURES_NUMERIC: dict(zip(names(), row, strict=True)),
    }
    return Event(
        id=identity, dataset=Dataset.INFERENCE, timestamp=moment, model=MODEL, producer=PRODUCER,
        sequence=number, body=orjson.dumps(document),
    )  # fmt: skip


def asked(folder: Path, *, days: int = 1) -> float:
    """The seconds to open the store and say the drift of each column, as `mlmon metrics` does."""
    started = time.perf_counter()
    store = open_store(folder, read_only=True)
    [model] = models.models(store)
    found = live.metrics(
        store, model, Window(start=START, end=START + days * DAY), size="1d", now=START + 2 * days * DAY,
        analyzers=("drift",),
    )  # fmt: skip
    told = [metric for metric in found if metric.name in METRICS]
    store.close()
    taken = time.perf_counter() - started
    assert len(told) == len(METRICS) * FEATURES * days
    assert all(metric.value is not None for metric in told)
    return taken


def best(folder: Path) -> float:
    """The best of some rounds; the first also loads what is loaded once in a process."""
    return min(asked(folder) for _ in range(ROUNDS))
