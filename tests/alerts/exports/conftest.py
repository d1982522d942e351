"""Rules of every kind that can be exported, and where to."""

from collections.abc import Callable

import pytest

from mlmon.alerts import load
from mlmon.alerts.exports.search import Place
from mlmon.alerts.rules import Rule
from mlmon.core.schema import Dataset

RULES = """
rules:
  - name: errors
    about: Too many inferences fail.
    metric: error_rate
    window: 1h
    above: 5%
    for: 2 of 3
    min_n: 100
    severity: critical
    owner: payments
    runbook: https://wiki.example.org/errors
  - name: poor-by-carrier
    metric: roc_auc
    window: 7d
    below: 0.7
    segments: carrier=*
    versions: ["2", "3.*"]
    models: flights
  - name: drifted
    metric: psi
    subject: [temp, wind_*]
    window: month
    above: 0.25
    for: 2
    severity: info
  - name: found
    finding: drift.psi
    window: 7d
    at_least: warning
  - name: running
    metric: latency_p95
    window: 1h
    above: 250ms
    judge: running
    renotify: 4h
  - name: many-errors
    log: {level: [error, critical], message: out of memory}
    window: 5m
    above: 10
    by: [logger]
  - name: too-quiet
    log: {logger: heartbeat}
    models: flights
    window: 10m
    below: 3
  - name: silent
    silence: 2h
    models: [flights, fraud-*]
    severity: critical
"""


def _of(text: str) -> dict[str, Rule]:
    return {rule.name: rule for rule in load.parse(text, "rules/exported.yaml")}


@pytest.fixture(scope="session")
def rules() -> dict[str, Rule]:
    """Give a rule of each kind, by name."""
    return _of(RULES)


@pytest.fixture(scope="session")
def rule() -> Callable[[str], Rule]:
    """Give a function that makes one rule of its lines."""

    def make(text: str) -> Rule:
        lines = "\n    ".join(text.strip().splitlines())
        return next(iter(_of(f"rules:\n  - name: one\n    {lines}\n").values()))

    return make


def _index(dataset: Dataset) -> str:
    return f"{dataset}-default-*"


@pytest.fixture(scope="session")
def place() -> Place:
    """Give a cluster whose indices are named after the datasets."""
    return Place(index=_index)
