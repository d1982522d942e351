"""Stores for tests of alerts: one that the jobs filled with three models, and empty ones for results."""

import random
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mlmon.analyzers import jobs, models, profile_window, reference
from mlmon.core import schema
from mlmon.core.clock import isoformat, to_ns
from mlmon.core.config import AnalyzeConfig, Config
from mlmon.core.event import Event, encode
from mlmon.core.query import Key, Query, Terms
from mlmon.core.result import Metric
from mlmon.core.schema import Dataset
from mlmon.core.store import Store
from mlmon.core.window import Window, following
from mlmon.stores.embedded import open_store

START = datetime(2026, 3, 2, tzinfo=UTC)
NOW = START + timedelta(days=42)
EVERY = timedelta(hours=2)


def _event(dataset: Dataset, name: str, at: datetime, **more: Any) -> Event:
    fields = {
        schema.TIMESTAMP: isoformat(at),
        schema.EVENT_ID: name,
        schema.EVENT_DATASET: str(dataset),
        schema.LOG_LEVEL: "info",
        schema.MESSAGE: "served",
        schema.MODEL_VERSION: "1",
    }
    return encode(fields | {getattr(schema, key): value for key, value in more.items()})


def _served(task: str, number: int, chance: random.Random) -> list[Event]:
    """An inference of a model named after its task, and its outcome an hour later."""
    at, id_ = START + number * EVERY, f"{task}-{number}"
    shift = 30.0 if number > 250 else 0.0
    classes = ("a", "b", "c") if task == "multiclass" else ("late", "on_time")
    score = chance.random()
    said: dict[str, Any] = {"PREDICTION_LABEL": chance.choice(classes), "PREDICTION_SCORE": score}
    truth: dict[str, Any] = {"OUTCOME_LABEL": chance.choice(classes)}
    if task == "binary":
        said |= {"POSITIVE_LABEL": "late", "PREDICTION_LABEL": "late" if score > 0.5 else "on_time"}
    if task == "multiclass":
        said = {"PREDICTION_LABEL": "a", "PREDICTION_PROBABILITIES": {"a": 0.5, "b": 0.3, "c": 0.2}}
    if task == "regression":
        said, truth = {"PREDICTION_VALUE": chance.gauss()}, {"OUTCOME_VALUE": chance.gauss()}
    inference = _event(
        Dataset.INFERENCE,
        f"i-{id_}",
        at,
        MODEL_NAME=task,
        TASK=task,
        INFERENCE_ID=id_,
        EVENT_OUTCOME="success",
        EVENT_DURATION=20_000_000 + number % 50 * 1_000_000,
        FEATURES_NUMERIC={"temp": chance.gauss(50 + shift, 9)},
        FEATURES_CATEGORICAL={"origin": chance.choice(["EWR", "JFK"])},
        **said,
    )
    seen = at + timedelta(hours=1)
    outcome = _event(
        Dataset.OUTCOME,
        f"o-{id_}",
        seen,
        MODEL_NAME=task,
        INFERENCE_ID=id_,
        OUTCOME_OBSERVED_AT=isoformat(seen),
        **truth,
    )
    return [inference, outcome]


@pytest.fixture(scope="session")
def _made(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("alerts") / "store"
    chance = random.Random(11)
    store = open_store(path, clock=lambda: to_ns(NOW))
    for task in ("binary", "multiclass", "regression"):
        store.write([one for number in range(500) for one in _served(task, number, chance)])
    past = Window(start=START, end=START + timedelta(days=20))
    for model in models.models(store, Config()):
        reference.save(store, profile_window.from_window(store, model, past, now=NOW))
    config = Config(analyze=AnalyzeConfig(windows=("7d",)))
    jobs.run_once(store, config, clock=lambda: to_ns(NOW))
    store.close()
    return path


@pytest.fixture
def analysed(_made: Path, tmp_path: Path) -> Iterator[Store]:
    """Give a copy of a store with six weeks of three models, analysed by week."""
    store = open_store(shutil.copytree(_made, tmp_path / "analysed"), clock=lambda: to_ns(NOW))
    yield store
    store.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Give an empty store."""
    made = open_store(tmp_path / "store")
    yield made
    made.close()


@pytest.fixture
def stated_names(analysed: Store) -> set[tuple[str, str]]:
    """Give every analyzer and name of a metric that the jobs stated."""
    by: dict[str, Key] = {"analyzer": Terms(schema.RESULT_ANALYZER), "name": Terms(schema.METRIC_NAME)}
    rows = analysed.query(Query(dataset=Dataset.METRIC, by=by)).rows
    return {(row["analyzer"], row["name"]) for row in rows}


@pytest.fixture
def metric() -> Callable[..., Metric]:
    """Give a function that makes the error rate of a model in a window that starts at a time."""

    def make(start: datetime, value: float | None, **more: Any) -> Metric:
        size = more.pop("size", "1h")
        fields = {
            "analyzer": "service", "model": "fraud", "name": "error_rate", "n": 1000.0, "size": size,
            "window": Window(start=start, end=following(start, size)), "value": value,
        }  # fmt: skip
        return Metric(**(fields | more))

    return make
