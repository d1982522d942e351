"""NannyML's side, run in its own environment: `python _nannyml.py OLD.npy NEW.npy METHOD`, told as JSON."""

import json
import sys
import time

import numpy as np
import pandas as pd
from nannyml.drift.univariate import UnivariateDriftCalculator  # type: ignore[import-not-found]


def main(old: str, new: str, method: str) -> None:
    """Fit on the old rows, calculate on the new ones, and print the seconds of each."""
    reference, current = (_frame(path) for path in (old, new))
    calculator = UnivariateDriftCalculator(
        column_names=list(reference.columns), continuous_methods=[method], chunk_number=1
    )
    started = time.perf_counter()
    calculator.fit(reference)
    fitted = time.perf_counter()
    results = calculator.calculate(current)
    seconds = {"fit": fitted - started, "calculate": time.perf_counter() - fitted}
    frame = results.filter(period="analysis").to_df(multilevel=False)
    found = {name: float(frame[f"{name}_{method}_value"].iloc[0]) for name in reference.columns}
    sys.stdout.write("\n" + json.dumps(seconds | {"found": found}) + "\n")


def _frame(path: str) -> pd.DataFrame:
    values = np.load(path)
    return pd.DataFrame(values, columns=[f"x{place:02d}" for place in range(values.shape[1])])


if __name__ == "__main__":
    main(*sys.argv[1:])
