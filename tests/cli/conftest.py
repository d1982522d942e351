"""A small store with two months of one model in it, and ways to run the command line."""

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from mlmon.analyzers import jobs, models, profile_window, reference
from mlmon.cli.main import cli
from mlmon.core import schema
from mlmon.core.clock import isoformat, to_ns
from mlmon.core.config import AnalyzeConfig, Config
from mlmon.core.event import Event, encode
from mlmon.core.schema import Dataset
from mlmon.core.window import Window
from mlmon.stores.embedded import open_store

START = datetime(2013, 3, 1, tzinfo=UTC)
NOW = datetime(2013, 5, 20, 12, tzinfo=UTC)
MODEL = "flight-delay"
INFERENCES = 2_400
EVERY = timedelta(minutes=36)
WITHOUT_OUTCOME = 10
VERSION_2_FROM = 1_240


def event(dataset: Dataset, name: str, at: datetime, **fields: Any) -> Event:
    """One event of the model, with the fields named by constants of the schema in `fields['more']`."""
    return encode(
        {
            schema.TIMESTAMP: isoformat(at),
            schema.EVENT_ID: name,
            schema.EVENT_DATASET: str(dataset),
            schema.LOG_LEVEL: fields.get("level", "info"),
            schema.MESSAGE: fields.get("message", "served"),
            schema.MODEL_NAME: fields.get("model", MODEL),
            schema.MODEL_VERSION: fields.get("version", "1"),
            **fields["more"],
        }
    )


def served(number: int, chance: random.Random) -> list[Event]:
    """An inference, its outcome three hours later for nine of ten, and now and then a log line."""
    at = START + number * EVERY
    version = "1" if number < VERSION_2_FROM else "2"
    score = chance.random()
    inference = event(
        Dataset.INFERENCE,
        f"i-{number}",
        at,
        version=version,
        more={
            schema.EVENT_OUTCOME: "success" if number % 200 else "failure",
            schema.EVENT_DURATION: 20_000_000 + (number % 50) * 1_000_000,
            schema.INFERENCE_ID: f"flight-A{number}",
            schema.TASK: "binary",
            schema.POSITIVE_LABEL: "late",
            schema.PREDICTION_LABEL: "late" if score > 0.5 else "on_time",
            schema.PREDICTION_SCORE: score,
            schema.FEATURES_NUMERIC: {"temp": chance.gauss(50 if version == "1" else 62, 9)},
            schema.FEATURES_CATEGORICAL: {"origin": chance.choice(["EWR", "JFK"])},
            schema.SEGMENT: {"carrier": ("UA", "AA", "DL")[number % 3]},
        },
    )
    events = [inference]
    if number % WITHOUT_OUTCOME:
        seen = at + timedelta(hours=3)
        label = "late" if chance.random() < score else "on_time"
        truth = {
            schema.INFERENCE_ID: f"flight-A{number}",
            schema.OUTCOME_LABEL: label,
            schema.OUTCOME_OBSERVED_AT: isoformat(seen),
        }
        events.append(event(Dataset.OUTCOME, f"o-{number}", seen, version=version, more=truth))
    if number % 240 == 0:
        level = ("debug", "info", "warning", "error")[number // 240 % 4]
        events.append(
            event(
                Dataset.APP,
                f"l-{number}",
                at,
                version=version,
                level=level,
                message="weather missing",
                more={schema.LABELS: {"origin": "JFK"}},
            )
        )
    return events


@pytest.fixture(scope="session")
def _made(tmp_path_factory) -> Path:
    """Make the store once: events, a reference of the first weeks, and one pass of the jobs."""
    path = tmp_path_factory.mktemp("cli") / "store"
    chance = random.Random(7)
    store = open_store(path, clock=lambda: to_ns(NOW))
    store.write([one for number in range(INFERENCES) for one in served(number, chance)])
    [model] = models.models(store, Config())
    past = Window(start=START, end=START + timedelta(days=20))
    reference.save(store, profile_window.from_window(store, model, past, now=NOW))
    config = Config(analyze=AnalyzeConfig(windows=("7d", "month")))
    jobs.run_once(store, config, clock=lambda: to_ns(NOW))
    store.close()
    return path


@pytest.fixture
def store(_made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the store's folder, which is a copy that the test may write to; the working folder holds it."""
    shutil.copytree(_made, tmp_path / "mlmon-data")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "mlmon-data"


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the folder of a store without an event, in the working folder."""
    open_store(tmp_path / "mlmon-data").close()
    monkeypatch.chdir(tmp_path)
    return tmp_path / "mlmon-data"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Give a function that runs a command line in this process, on 80 columns, at a fixed time."""
    for name in [name for name in os.environ if name.startswith("MLMON_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "80")

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(cli, arguments, prog_name="mlmon", obj=lambda: to_ns(NOW))

    return invoke


@pytest.fixture
def command() -> Sequence[str]:
    """Give the words that start the command line as a process of its own."""
    return (sys.executable, "-c", "from mlmon.cli.main import main; main()")


@pytest.fixture
def process(command: Sequence[str]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Give a function that runs a command line as a process and waits for its end."""

    def start(*arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
        environ = {name: value for name, value in os.environ.items() if not name.startswith("MLMON_")}
        return subprocess.run(
            [*command, *arguments],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env=environ,
            **more,
        )

    return start
