"""A pass over new outcomes, join to stored metrics, against pandas and scikit-learn on rows in memory.

The peer computes far less (4 of some 20 metrics, no intervals, nothing stored), but calls four functions a
cell, whose fixed cost is most of its time. So the ratio hangs on the events in a cell: with a
third of them, 90, it is below 1.
"""

import tempfile
import time
import warnings
from datetime import timedelta
from pathlib import Path
from typing import Any

import _outcomes
import pandas as pd
from sklearn.metrics import accuracy_score, brier_score_loss, log_loss, roc_auc_score

from mlmon.analyzers import jobs
from mlmon.core.clock import to_ns
from mlmon.core.config import AnalyzeConfig, Config
from mlmon.stores.embedded import open_store

NAME = "analysis"
PEER = "pandas groupby + scikit-learn"
GOAL = 3.0

INFERENCES = 180_000
DAYS = 60
BATCH = 5_000

Row = Any
"""As `_outcomes.Row`: time, carrier, score, and whether it was late."""


def run() -> tuple[float, str]:
    """Time the peer first, then the pass; storing the events is not counted, making metrics durable is."""
    rows = list(_outcomes.rows(INFERENCES, timedelta(days=DAYS) / INFERENCES))
    theirs, cells = _peer(rows)
    ours, done = _pass(rows)
    note = (
        f"{INFERENCES:,} outcomes: join, {done.metrics:,} metrics stored in {ours:.1f} s; "
        f"4 metrics of {cells:,} days and carriers in memory in {theirs:.1f} s"
    )
    return ours / theirs, note


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
    now = to_ns(_outcomes.START + timedelta(days=DAYS + 30))
    config = Config(analyze=AnalyzeConfig(windows=("1d",)))
    with tempfile.TemporaryDirectory(prefix="mlmon-bench-") as name:
        store = open_store(Path(name))
        for first in range(0, INFERENCES, BATCH):
            numbered = list(enumerate(rows[first : first + BATCH], start=first))
            store.write([event for number, row in numbered for event in _outcomes.events(number, row)])
        store.compact()
        start = time.perf_counter()
        done = jobs.run_once(store, config, clock=lambda: now)
        taken = time.perf_counter() - start
        store.close()
    return taken, done
