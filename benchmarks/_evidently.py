"""Evidently's side, run in its own environment: `python _evidently.py OLD.npy NEW.npy`, told as JSON."""

import json
import sys
import time

import numpy as np
import pandas as pd
from evidently import Report  # type: ignore[import-not-found]
from evidently.presets import DataDriftPreset  # type: ignore[import-not-found]


def main(old: str, new: str) -> None:
    """Run the drift preset with its defaults on the new rows against the old ones, and print the seconds."""
    reference, current = (_frame(path) for path in (old, new))
    started = time.perf_counter()
    snapshot = Report([DataDriftPreset()]).run(reference_data=reference, current_data=current)
    taken = time.perf_counter() - started
    metrics = snapshot.dict()["metrics"]
    sys.stdout.write("\n" + json.dumps({"seconds": taken, "metrics": len(metrics)}) + "\n")


def _frame(path: str) -> pd.DataFrame:
    values = np.load(path)
    return pd.DataFrame(values, columns=[f"x{place:02d}" for place in range(values.shape[1])])


if __name__ == "__main__":
    main(*sys.argv[1:])
