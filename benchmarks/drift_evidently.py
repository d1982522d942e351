"""Four drift statistics of stored rows, against Evidently's drift preset on the same rows in memory.

Ours as in `drift_nannyml`. The preset runs as it comes: it picks one statistic a column, and prepares the
charts of its report as it goes.
"""

import tempfile
from pathlib import Path

import _drift
import _peers
import numpy as np

NAME = "drift_evidently"
PEER = "Evidently 0.7.23, DataDriftPreset"
GOAL = 0.02

ROWS = 100_000
REQUIREMENTS = ("evidently==0.7.23", "pandas<3")


def run() -> tuple[float, str]:
    """Time ours, the best of five, then the peer once."""
    interpreter = _peers.python("evidently", REQUIREMENTS)
    with tempfile.TemporaryDirectory(prefix="mlmon-bench-") as name:
        folder = Path(name)
        old, new = _drift.tables(ROWS)
        _drift.fill(folder / "store", old, new)
        ours = _drift.best(folder / "store")
        np.save(folder / "old.npy", old)
        np.save(folder / "new.npy", new)
        script = Path(__file__).with_name("_evidently.py")
        told = _peers.told(interpreter, script, str(folder / "old.npy"), str(folder / "new.npy"))
    theirs = told["seconds"]
    size = f"{ROWS:,} x {_drift.FEATURES}"
    note = f"{size}: four statistics from the store in {ours:.3f} s; the preset in {theirs:.1f} s"
    return ours / theirs, note
