"""The real flights, loaded once for all tests of the demo, and the demo itself, run once."""

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pytest

from mlmon.demo import flights, model


@pytest.fixture(scope="session")
def table() -> pd.DataFrame:
    """All flights of the year; tests must not change it."""
    return flights.load()


@pytest.fixture(scope="session")
def training(table: pd.DataFrame) -> model.Training:
    """The demo's model, trained once."""
    return model.train(flights.training(table))


class Shown(NamedTuple):
    """What one run of the demo left: its store, its report, and what it printed."""

    store: Path
    report: Path
    out: str
    err: str


@pytest.fixture(scope="session")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    """Run the whole demo once, as a person would, and give what it left."""
    folder = tmp_path_factory.mktemp("demo")
    store, report = folder / "store", folder / "report.html"
    command = [sys.executable, "-m", "mlmon.cli", "demo", "--once"]
    done = subprocess.run(
        [*command, "--store", str(store), "--report", str(report)],
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return Shown(store, report, done.stdout, done.stderr)
