"""A thousand rules over two hundred models, against a thousand separate searches on the same store."""

import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mlmon.alerts import load
from mlmon.alerts.evaluate import Evaluation, evaluate
from mlmon.alerts.known import Known
from mlmon.alerts.rules import Rule
from mlmon.core.result import Metric
from mlmon.core.store import Reader
from mlmon.core.window import Window
from mlmon.stores.embedded import open_store

NAME = "rules"
PEER = "a search for each rule by itself"
GOAL = 0.1
MODELS = 200
HOURS = 48
NAMES = ("error_rate", "latency_p95", "inferences", "coverage", "latency_p50")
BOUNDS = ("above: 5%", "above: 250ms", "below: 10", "below: 50%", "above: 100ms")
OFTEN = "window: 1h, for: 2 of 3"
START = datetime(2026, 3, 2, tzinfo=UTC)
ROUNDS = 3


def _results() -> list[Metric]:
    """Two days of hourly metrics; one model in forty is in trouble."""
    made = []
    for number in range(MODELS):
        trouble = number % 40 == 0
        values = (0.2 if trouble else 0.01, 1e8, 1000.0, 0.9, 5e7)
        for hour in range(HOURS):
            start = START + timedelta(hours=hour)
            window = Window(start=start, end=start + timedelta(hours=1))
            made += [
                Metric(
                    analyzer="service", model=f"m{number:03}", name=name, window=window, size="1h",
                    value=value, n=1000.0,
                )
                for name, value in zip(NAMES, values, strict=True)
            ]  # fmt: skip
    return made


def _rules() -> tuple[Rule, ...]:
    lines = [
        f"  - {{name: r{number}-{place}, metric: {name}, {bound}, models: m{number:03}, {OFTEN}}}"
        for number in range(MODELS)
        for place, (name, bound) in enumerate(zip(NAMES, BOUNDS, strict=True))
    ]
    return load.parse("\n".join(["rules:", *lines]), "rules.yaml")


def _separately(reader: Reader, rules: tuple[Rule, ...], known: list[Known], now: datetime) -> Evaluation:
    """Each rule asks for what it needs by itself, of its own model."""
    whole, by_name = Evaluation(), {each.name: each for each in known}
    for rule in rules:
        done = evaluate(reader, [rule], [by_name[rule.models[0]]], {}, now=now)
        whole.alerts |= done.alerts
        whole.questions += done.questions
    return whole


def run() -> tuple[float, str]:
    """Judge all rules both ways, on a store that is open; the best of three of ours."""
    now = START + timedelta(hours=HOURS)
    known = [Known(name=f"m{number:03}", last=now) for number in range(MODELS)]
    rules = _rules()
    with tempfile.TemporaryDirectory(prefix="mlmon-bench-") as name:
        store = open_store(Path(name))
        store.put(_results())
        store.close()
        reader = open_store(Path(name), read_only=True)
        ours, together = [], Evaluation()
        for _ in range(ROUNDS):
            start = time.perf_counter()
            together = evaluate(reader, rules, known, {}, now=now)
            ours.append(time.perf_counter() - start)
        start = time.perf_counter()
        apart = _separately(reader, rules, known, now)
        theirs = time.perf_counter() - start
        reader.close()
    assert together.alerts == apart.alerts
    assert sum(alert.is_open for alert in apart.alerts.values()) == MODELS / 40
    note = (
        f"{len(rules):,} rules, {MODELS} models: {min(ours):.2f} s with {together.questions} question, "
        f"{theirs:.1f} s with {apart.questions:,}"
    )
    return min(ours) / theirs, note
