"""A seeded example of two models, written through the core's types: one that drifts and one that is well."""

import math
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from mlmon.core import schema
from mlmon.core.clock import isoformat
from mlmon.core.event import Document, Event, encode
from mlmon.core.result import Finding, Metric, Result, Severity
from mlmon.core.schema import Dataset
from mlmon.core.store import Store
from mlmon.core.window import Window, windows

START = datetime(2013, 3, 1, tzinfo=UTC)
END = datetime(2013, 7, 1, tzinfo=UTC)
NOW = END - timedelta(hours=6)
SPAN = Window(start=START, end=NOW)
CARRIERS = ("UA", "B6", "EV", "DL", "AA", "MQ", "US", "9E", "WN")
NUMERIC = ("distance", "temp", "wind_speed", "visibility", "scheduled_hour", "precipitation")
FEATURES = (*NUMERIC, "carrier", "origin", "prediction.score")
SIZES = ("1d", "7d", "month")
LATE = "flight-delay"
BAGS = "baggage-eta"


def write(store: Store, *, models: tuple[str, ...] = (LATE, BAGS), events: int = 1500) -> None:
    """Fill a store with the events and the results of the example."""
    random_ = random.Random(2013)
    for name in models:
        documents = list(_events(name, events, random_))
        for start in range(0, len(documents), 2000):
            store.write([to_event(document) for document in documents[start : start + 2000]])
        store.put(list(results(name, random_)))


def to_event(document: Document) -> Event:
    """Make the event of a document."""
    return encode(document)


def _place(moment: datetime) -> float:
    return max((moment - START) / (END - START), 0.0)


def _base(name: str, dataset: Dataset, at: int, moment: datetime) -> Document:
    return {
        schema.TIMESTAMP: isoformat(moment),
        schema.EVENT_ID: f"{name}-{dataset}-{at}",
        schema.EVENT_DATASET: str(dataset),
        schema.EVENT_KIND: "event",
        schema.EVENT_OUTCOME: "success",
        schema.LOG_LEVEL: "info",
        schema.MODEL_NAME: name,
        schema.MODEL_VERSION: "2013.05" if _place(moment) > 0.6 else "2013.03",
        schema.MESSAGE: "inference",
    }


def _events(name: str, events: int, random_: random.Random) -> Iterator[Document]:
    for at in range(events):
        moment = START + (NOW - START) * (at / events) + timedelta(seconds=random_.randrange(600))
        document = _base(name, Dataset.INFERENCE, at, moment)
        late = random_.random() < 0.2 + 0.15 * _place(moment)
        score = min(max(random_.gauss(0.62 if late else 0.3, 0.18), 0.01), 0.99)
        segment = {"carrier": random_.choice(CARRIERS), "origin": random_.choice(["JFK", "LGA", "EWR"])}
        document |= {
            schema.INFERENCE_ID: f"{name}-{at}",
            schema.EVENT_DURATION: int(random_.lognormvariate(17.0, 0.4)),
            schema.SEGMENT: segment,
            schema.TASK: "binary" if name == LATE else "regression",
        }
        failed = random_.random() < 0.012
        if failed:
            document |= {
                schema.EVENT_OUTCOME: "failure",
                schema.LOG_LEVEL: "error",
                schema.ERROR_TYPE: "TimeoutError",
                schema.ERROR_MESSAGE: "the weather service gave no answer within 2 s",
            }
        elif name == LATE:
            label = "late" if score >= 0.5 else "on_time"
            document |= {schema.PREDICTION_LABEL: label, schema.PREDICTION_SCORE: score}
        else:
            document |= {schema.PREDICTION_VALUE: random_.gauss(22, 6)}
        yield document
        if random_.random() < 0.15:
            yield _app(name, at, moment, random_)
        if not failed and moment < NOW - timedelta(days=3) and random_.random() < 0.97:
            yield _evaluation(document, at, late=late, score=score)


def _app(name: str, at: int, moment: datetime, random_: random.Random) -> Document:
    level, message = random_.choice(
        [("info", "model loaded"), ("debug", "cache hit for JFK"), ("warning", "weather missing"),
         ("error", "weather service answered 503")]
    )  # fmt: skip
    return _base(name, Dataset.APP, at, moment + timedelta(seconds=1)) | {
        schema.LOG_LEVEL: level,
        schema.MESSAGE: message,
        schema.LOG_LOGGER: "flights.weather",
        schema.LABELS: {"origin": "JFK"},
    }


def _evaluation(inference: Document, at: int, *, late: bool, score: float) -> Document:
    document = dict(inference)
    document |= {
        schema.EVENT_ID: f"{inference[schema.EVENT_ID]}-evaluated",
        schema.EVENT_DATASET: str(Dataset.EVALUATION),
        schema.EVALUATION_WEIGHT: 1.0,
    }
    if schema.PREDICTION_LABEL in inference:
        truth = "late" if late else "on_time"
        document |= {
            schema.OUTCOME_LABEL: truth,
            schema.EVALUATION_CORRECT: truth == inference[schema.PREDICTION_LABEL],
            schema.EVALUATION_ERROR: score - (1.0 if late else 0.0),
        }
    return document


def results(name: str, random_: random.Random) -> Iterator[Result]:
    """The metrics and findings of one model, as the analyzers would state them."""
    for size in SIZES:
        for window in windows(SPAN, size):
            if size == "1d" and window.start == START + timedelta(days=40):
                continue  # a day without traffic: a gap on every chart
            for version in _versions(window):
                yield from _of_window(name, window, size, version, random_)


def _versions(window: Window) -> tuple[str, ...]:
    return ("", "2013.05" if _place(window.start) > 0.6 else "2013.03")


def _of_window(
    name: str, window: Window, size: str, version: str, random_: random.Random
) -> Iterator[Result]:
    place = _place(window.start)
    days = max((min(window.end, NOW) - max(window.start, START)) / timedelta(days=1), 0.1)
    weekly = 1 + 0.12 * math.sin(window.start.toordinal() * 2 * math.pi / 7)
    n = round(930 * days * (weekly if size == "1d" else 1.0) * random_.uniform(0.97, 1.03))
    noise = 1 / math.sqrt(n)
    common: dict[str, Any] = {"model": name, "version": version, "window": window, "size": size}
    yield Metric(analyzer="service", name="inferences", value=n, n=n, **common)
    share = max(0.0, 0.004 + 0.01 * (place > 0.75) + random_.gauss(0, 0.002))
    yield Metric(
        analyzer="service",
        name="error_rate",
        value=share,
        n=n,
        low=max(share - noise / 9, 0),
        high=share + noise / 9,
        **common,
    )
    for metric, scale in (("latency_p50", 24), ("latency_p95", 46), ("latency_p99", 71)):
        value = scale * 1e6 * (1 + 0.25 * (place > 0.75)) * random_.uniform(0.96, 1.05)
        yield Metric(analyzer="service", name=metric, value=value, n=n, **common)
    age = (NOW - window.end) / timedelta(days=1)
    share = 0.97 if age > 3 else max(0.1, 0.97 * (0.5 + age / 6))
    judged: dict[str, Any] = common | {"coverage": share, "final": age > 7}
    yield Metric(analyzer="outcomes", name="coverage", value=share, n=n, **judged)
    if name == BAGS:
        value = 6.1 + random_.gauss(0, 12 * noise)
        yield Metric(
            analyzer="performance",
            name="mae",
            value=value,
            n=n,
            low=value - 8 * noise,
            high=value + 8 * noise,
            **judged,
        )
        return
    yield from _quality(judged, n, place, noise, random_)
    yield from _drift(common, n, place, random_)


def _quality(
    judged: dict[str, Any], n: float, place: float, noise: float, random_: random.Random
) -> Iterator[Result]:
    sunk = 0.05 * max(0.0, place - 0.5)
    for metric, level in (("roc_auc", 0.86), ("f1", 0.62), ("accuracy", 0.81), ("log_loss", 0.42)):
        value = level - sunk * (-1 if metric == "log_loss" else 1) + random_.gauss(0, 0.25 * noise)
        yield Metric(
            analyzer="performance",
            name=metric,
            value=value,
            n=n,
            low=value - 0.6 * noise,
            high=value + 0.6 * noise,
            **judged,
        )
    for place_of, carrier in enumerate(CARRIERS):
        some = n / (3 + place_of)
        lost = sunk * (2.5 if carrier in ("EV", "MQ") else 0.3)
        width = 0.6 / math.sqrt(some)
        value = 0.86 - 0.006 * place_of - lost + random_.gauss(0, width / 3)
        of = judged | {"segment": f"carrier={carrier}"}
        yield Metric(
            analyzer="performance",
            name="roc_auc",
            value=value,
            n=some,
            low=value - width,
            high=min(value + width, 1.0),
            **of,
        )
        yield Metric(analyzer="service", name="inferences", value=round(some), n=some, **of)
    if judged["size"] == "month" and not judged["version"] and place > 0.5:
        yield _worse(judged, n)


def _worse(judged: dict[str, Any], n: float) -> Finding:
    common = {name: judged[name] for name in ("model", "version", "window", "size")}
    return Finding(
        analyzer="performance", metric="roc_auc", value=0.781, low=0.769, high=0.793, bound=0.817, n=n,
        segment="carrier=EV", severity=Severity.WARNING,
        message="roc_auc is 0.781 for carrier=EV, 9% worse than the reference's 0.860, "
        f"over {n:,.0f} evaluations.",
        evidence={
            "reference": {"value": 0.86, "low": 0.853, "high": 0.867, "n": 51000.0}, "worse": 0.092,
            "p_value": 1e-9, "p_adjusted": 3e-8, "compared": 60, "coverage": judged["coverage"],
            "final": judged["final"], "passed": {"n": True, "effect": True, "significance": True},
        },
        **common,
    )  # fmt: skip


def _drift(common: dict[str, Any], n: float, place: float, random_: random.Random) -> Iterator[Result]:
    for feature in FEATURES:
        value = abs(random_.gauss(0.012, 0.006))
        if feature == "temp":
            value += max(0.0, 0.55 * math.sin(math.pi * min(place, 1.0) ** 0.8)) * (place > 0.2)
        if feature in ("visibility", "prediction.score"):
            value += 0.16 * (place > 0.6)
        yield Metric(analyzer="drift", name="psi", subject=feature, value=value, n=n, **common)
        missing = 0.004 if feature == "temp" else 0.0
        missing += 0.08 * (feature == "wind_speed" and 0.35 < place < 0.5)
        yield Metric(analyzer="drift", name="missing_rate", subject=feature, value=missing, n=n, **common)
        beyond = 0.12 * (feature == "temp" and place > 0.5)
        yield Metric(analyzer="quality", name="outside_rate", subject=feature, value=beyond, n=n, **common)
        if value > 0.1 and common["size"] != "1d" and not common["version"]:
            yield _drifted(common, feature, value, n)


def _drifted(common: dict[str, Any], feature: str, value: float, n: float) -> Finding:
    edges = [round(-4 + 2.1 * step, 1) for step in range(19)]
    shares = [math.exp(-((step - 9) ** 2) / 40) for step in range(20)]
    moved = [math.exp(-((step - 14) ** 2) / 22) for step in range(20)]
    return Finding(
        analyzer="drift", metric="psi", subject=feature, value=value, bound=0.1, n=n,
        severity=Severity.CRITICAL if value >= 0.25 else Severity.WARNING,
        message=f"{feature} has drifted from the reference: PSI {value:.2f}, bound 0.10, "
        f"over {n:,.0f} inferences.",
        evidence={
            "kind": "numeric", "bins": edges, "reference": [share / sum(shares) for share in shares],
            "current": [share / sum(moved) for share in moved],
            "metrics": {"psi": value, "jensen_shannon": value / 3, "kolmogorov_smirnov": 0.3},
            "missing": {"reference": 0.001, "current": 0.004}, "n_reference": 51955.0, "p_value": 0.0,
            "p_adjusted": 0.0, "windows": 2, "since": isoformat(common["window"].start),
            "passed": {"n": True, "effect": True, "significance": True, "consecutive": True},
            "source": "2013-01-01 to 2013-03-01",
        },
        **common,
    )  # fmt: skip
