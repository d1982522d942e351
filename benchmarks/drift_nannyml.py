"""Four drift statistics of a million stored rows, against one of NannyML's on the same rows in memory.

Ours are asked of the embedded store: it is opened, its reference loaded, and PSI, Jensen-Shannon,
Kolmogorov-Smirnov and Wasserstein of 20 columns are said, with the verdicts. NannyML fits on the reference
rows and calculates one statistic, all else left at its defaults; reading is not counted.
"""

import tempfile
from pathlib import Path

import _drift
import _peers
import numpy as np

NAME = "drift_nannyml"
PEER = "NannyML 0.13.1, fit and calculate of Kolmogorov-Smirnov"
GOAL = 0.2

ROWS = 1_000_000
METHOD = "kolmogorov_smirnov"
REQUIREMENTS = ("nannyml==0.13.1", "statsmodels", "pandas<3")


def run() -> tuple[float, str]:
    """Time ours, the best of five, then the peer once."""
    interpreter = _peers.python("nannyml", REQUIREMENTS)
    with tempfile.TemporaryDirectory(prefix="mlmon-bench-") as name:
        folder = Path(name)
        old, new = _drift.tables(ROWS)
        _drift.fill(folder / "store", old, new)
        ours = _drift.best(folder / "store")
        np.save(folder / "old.npy", old)
        np.save(folder / "new.npy", new)
        del old, new
        script = Path(__file__).with_name("_nannyml.py")
        told = _peers.told(interpreter, script, str(folder / "old.npy"), str(folder / "new.npy"), METHOD)
    theirs = told["fit"] + told["calculate"]
    note = (
        f"{ROWS:,} x {_drift.FEATURES}: four statistics from the store in {ours:.2f} s; "
        f"one in memory in {theirs:.2f} s ({told['fit']:.2f} to fit)"
    )
    return ours / theirs, note
