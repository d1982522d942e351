"""A pass of every analyzer, against one of the plain metrics: service, outcomes and performance.

Both join the same outcomes and state the same days and weeks, on copies of one store. The plain one states no
drift, quality, volume or anomaly, and holds no sample against the reference.
"""

import shutil
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import _drift
import _outcomes
import numpy as np
import orjson

from mlmon.analyzers import coverage, jobs, performance, profile_columns, reference, registry, service
from mlmon.core import schema
from mlmon.core.clock import to_ns
from mlmon.core.config import AnalyzeConfig, Config
from mlmon.core.event import Event, parse
from mlmon.stores.embedded import open_store

NAME = "analyzers_pass"
PEER = "a pass of service, outcomes and performance"
GOAL = 3.0

INFERENCES = 120_000
DAYS = 56
BATCH = 5_000
PLAIN = {service.ANALYZER, coverage.ANALYZER, performance.ANALYZER}


def run() -> tuple[float, str]:
    """Time the plain pass, then that of all, each on its own copy."""
    with tempfile.TemporaryDirectory(prefix="mlmon-bench-") as name:
        folder = Path(name)
        _fill(folder / "store")
        plain, told = _pass(folder / "store", folder / "plain", PLAIN)
        whole, all_told = _pass(folder / "store", folder / "all", {one.name for one in registry.ANALYZERS})
    note = (
        f"{INFERENCES:,} outcomes, {_drift.FEATURES} features, {DAYS} days: {all_told.metrics:,} metrics in "
        f"{whole:.1f} s; {told.metrics:,} in {plain:.1f} s"
    )
    return whole / plain, note


def _fill(folder: Path) -> None:
    rng = np.random.default_rng(1)
    features = rng.normal(size=(INFERENCES, _drift.FEATURES))
    rows = list(_outcomes.rows(INFERENCES, timedelta(days=DAYS) / INFERENCES))
    store = open_store(folder)
    for first in range(0, INFERENCES, BATCH):
        events: list[Event] = []
        for number in range(first, first + BATCH):
            inference, outcome = _outcomes.events(number, rows[number])
            events += (_with(inference, features[number].tolist()), outcome)
        store.write(events)
    store.compact()
    table: dict[str, Any] = dict(zip(_drift.names(), features.T, strict=True))
    columns = profile_columns.Columns(features=table)
    made = profile_columns.from_columns(
        columns, model=_drift.MODEL, source="train.parquet", now=_outcomes.START
    )
    reference.save(store, made)
    store.close()


def _with(event: Event, features: list[float]) -> Event:
    document = orjson.loads(event.body)
    document[schema.FEATURES_NUMERIC] = dict(zip(_drift.names(), features, strict=True))
    return parse(orjson.dumps(document))


def _pass(source: Path, folder: Path, names: set[str]) -> tuple[float, jobs.Pass]:
    shutil.copytree(source, folder)
    chosen = tuple(one for one in registry.ANALYZERS if one.name in names)
    store, now = open_store(folder), to_ns(_outcomes.START + timedelta(days=DAYS + 30))
    config = Config(analyze=AnalyzeConfig(windows=("1d", "7d")))
    with patch.object(jobs, "ANALYZERS", chosen):
        started = time.perf_counter()
        done = jobs.run_once(store, config, clock=lambda: now)
        taken = time.perf_counter() - started
    store.close()
    return taken, done
