"""What the benchmark of the page looks at: a million stored inferences, analysed; results of many models."""

import random
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson

from mlmon.core import schema
from mlmon.core.clock import isoformat
from mlmon.core.event import Event
from mlmon.core.result import Finding, Metric, Severity
from mlmon.core.schema import Dataset
from mlmon.core.window import Window, windows
from mlmon.stores.embedded import open_store

MODELS = ("flight-delay", "baggage-eta")
START = datetime(2013, 3, 1, tzinfo=UTC)
DAYS = 90
JUDGED = 10
"""Of so many inferences one has an outcome."""

_END = START + timedelta(days=DAYS)
_USUAL = {
    ("service", "inferences"): 1.0, ("service", "error_rate"): 0.01, ("service", "latency_p95"): 5e7,
    ("outcomes", "coverage"): 0.9, ("performance", "roc_auc"): 0.8,
}  # fmt: skip
"""What the overview shows, by analyzer and metric, around which value."""

_CARRIERS = ("9E", "AA", "B6", "DL", "EV", "MQ", "UA", "US", "WN", "VX")
_BATCH = 5_000
_MIDDLE = 0.5
_RENEWED = 0.6
"""From this part of the time on the second version serves."""

_WORSE = 0.8
"""From here on more inferences fail."""


def fill(folder: Path, events: int) -> None:
    """Make a store of so many inferences of two models over 90 days, with outcomes, results and findings."""
    store = open_store(folder)
    each = events // len(MODELS)
    for model in MODELS:
        batch: list[Event] = []
        for event in _events(model, each):
            batch.append(event)
            if len(batch) >= _BATCH:
                store.write(batch)
                batch = []
        store.write(batch)
    store.compact()
    store.close()
    until = (START + timedelta(days=30)).date().isoformat()
    for model in MODELS:
        _mlmon(folder, "reference", "build", "--model", model, "--since", "2013-03-01", "--until", until)
    _mlmon(folder, "analyze")


def fill_models(folder: Path, models: int) -> None:
    """Make a store of daily and weekly results of so many models over 90 days; every tenth has a finding."""
    random_ = random.Random(models)  # noqa: S311 - the same results on every run
    store = open_store(folder)
    for number in range(models):
        name = f"{('fraud', 'eta', 'search', 'churn')[number % 4]}-{number:03d}"
        # The first and the last inference, so that all the results lie in the time that is shown.
        store.write(
            [
                _event(Dataset.INFERENCE, moment, place, {schema.MODEL_NAME: name, schema.INFERENCE_ID: name})
                for place, moment in enumerate((START, _END - timedelta(seconds=1)))
            ]
        )
        store.put(list(_results(name, random_)) + ([_found(name)] if number % 10 == 0 else []))
    store.compact()
    store.close()


def _results(model: str, random_: random.Random) -> Iterator[Metric]:
    span = Window(start=START, end=_END)
    for size, window in ((each, window) for each in ("1d", "7d") for window in windows(span, each)):
        n = random_.randrange(500, 5000)
        for (analyzer, name), value in _USUAL.items():
            spread = value * random_.uniform(0.9, 1.1)
            yield Metric(
                analyzer=analyzer, model=model, name=name, window=window, size=size, n=n,
                value=n if name == "inferences" else spread, low=0.95 * spread, high=1.05 * spread,
            )  # fmt: skip


def _found(model: str) -> Finding:
    return Finding(
        analyzer="drift", model=model, metric="psi", subject="temp", value=0.31, bound=0.1, n=5000,
        window=Window(start=_END - timedelta(days=1), end=_END), size="1d", severity=Severity.CRITICAL,
        message="temp has drifted from the reference: PSI 0.31, bound 0.10, over 5,000 inferences.",
    )  # fmt: skip


def _mlmon(folder: Path, *words: str) -> None:
    command = [sys.executable, "-m", "mlmon.cli", *words, "--store", str(folder)]
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - our own program


def _events(model: str, count: int) -> Iterator[Event]:
    random_ = random.Random(model)  # noqa: S311 - the same events on every run
    step = timedelta(days=DAYS) / count
    for number in range(count):
        moment = START + number * step
        place = number / count
        score = random_.betavariate(2.0, 5.0 - 1.5 * place)
        said = "late" if score >= _MIDDLE else "on_time"
        failed = random_.random() < 0.004 + (0.01 if place > _WORSE else 0)
        about: dict[str, object] = {
            schema.LOG_LEVEL: "info",
            schema.PRODUCER_ID: model,
            schema.MODEL_NAME: model,
            schema.MODEL_VERSION: "2" if place > _RENEWED else "1",
            schema.INFERENCE_ID: f"{model}-{number}",
        }
        inference: dict[str, object] = {
            schema.EVENT_OUTCOME: "failure" if failed else "success",
            schema.EVENT_DURATION: int(random_.lognormvariate(17.0, 0.4)),
            schema.TASK: "binary",
            schema.POSITIVE_LABEL: "late",
            schema.PREDICTION_LABEL: said,
            schema.PREDICTION_SCORE: round(score, 6),
            schema.FEATURES_NUMERIC: {
                "temp": round(random_.gauss(15 + 12 * place, 5), 2),
                "wind": random_.randrange(40),
                "distance": random_.randrange(90, 3000),
            },
            schema.SEGMENT: {"carrier": random_.choice(_CARRIERS)},
        }
        yield _event(Dataset.INFERENCE, moment, 2 * number, about | inference)
        if number % JUDGED == 0:
            late = random_.random() < score * (1 - 0.4 * place)
            outcome = {schema.OUTCOME_LABEL: "late" if late else "on_time"}
            yield _event(Dataset.OUTCOME, moment + timedelta(hours=3), 2 * number + 1, about | outcome)


def _event(dataset: Dataset, moment: datetime, sequence: int, document: dict[str, object]) -> Event:
    model = str(document[schema.MODEL_NAME])
    document |= {
        schema.TIMESTAMP: isoformat(moment),
        schema.EVENT_ID: f"{model}-{sequence}",
        schema.EVENT_SEQUENCE: sequence,
        schema.EVENT_DATASET: dataset,
    }
    if dataset is Dataset.OUTCOME:
        document[schema.OUTCOME_OBSERVED_AT] = document[schema.TIMESTAMP]
    return Event(
        id=f"{model}-{sequence}", dataset=dataset, timestamp=moment, model=model, producer=model,
        sequence=sequence, body=orjson.dumps(document),
    )  # fmt: skip


if __name__ == "__main__":
    fill(Path(sys.argv[1]), int(sys.argv[2]))
