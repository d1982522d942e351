"""Which distances are drift: the verdict, with what it passed and both distributions as evidence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct, field

from mlmon.analyzers.ask import Ask
from mlmon.analyzers.cells import ALL, Cell
from mlmon.analyzers.distances import Distance
from mlmon.analyzers.policy import Policy
from mlmon.analyzers.reference import FIELDS, Reference
from mlmon.analyzers.statistics.fdr import benjamini_hochberg
from mlmon.analyzers.statistics.psi import psi_noise
from mlmon.analyzers.weights import Moments
from mlmon.core.result import Finding, Severity
from mlmon.core.window import Window, preceding

ANALYZER = "drift"
PSI = "psi"
MISSING = "missing_rate"


class Seen(Struct, kw_only=True):
    """A cell with enough traffic, and the distances of its subjects from the reference."""

    cell: Cell
    traffic: Moments
    reference: Reference
    distances: dict[str, Distance] = field(default_factory=dict)

    @property
    def shrink(self) -> float:
        """The effective share of the weight."""
        return self.traffic.n_effective / self.traffic.weight


class Test(Struct, frozen=True, kw_only=True):
    """One distance held against its bound: `metric` is what decides."""

    subject: str
    metric: str
    value: float
    bound: float
    p_value: float
    p_adjusted: float
    n: float
    passed: dict[str, bool]

    @property
    def holds(self) -> bool:
        """Whether it passed everything that one window can tell."""
        return all(self.passed.values())


def judge(policy: Policy, seen: Seen) -> dict[tuple[str, str], Test]:
    """Test every subject of a cell: enough events, an effect that matters, and no chance."""
    raw = list(_raw(policy, seen))
    adjusted = benjamini_hochberg([p_value for *_, p_value in raw])
    tests = {}
    for (subject, metric, value, bound, n, p_value), p_adjusted in zip(raw, adjusted, strict=True):
        if p_value is None or p_adjusted is None:
            continue
        tests[subject, metric] = Test(
            subject=subject,
            metric=metric,
            value=value,
            bound=bound,
            p_value=p_value,
            p_adjusted=p_adjusted,
            n=n,
            passed={
                "n": n * seen.shrink >= policy.min_n,
                "effect": abs(value) >= bound,
                "significance": p_adjusted <= policy.drift_rate,
            },
        )
    return tests


def _raw(policy: Policy, seen: Seen) -> Iterator[tuple[str, str, float, float, float, float | None]]:
    for subject, distance in seen.distances.items():
        if distance.psi is not None:
            chance = psi_noise(
                distance.groups, distance.n_reference, distance.n * seen.shrink, confidence=policy.psi_chance
            )
            bound = max(policy.psi, chance or 0.0)
            yield subject, PSI, distance.psi, bound, distance.n, distance.p_value
        if subject not in FIELDS:
            change = distance.missing - distance.missing_reference
            yield subject, MISSING, change, policy.missing, distance.n_all, distance.missing_p_value


def verdicts(ask: Ask, seen: Sequence[Seen]) -> Iterator[Finding]:
    """The findings of a run of cells, in windows of the asked span that are over.

    A drift must hold in K of the last N windows, as the policy asks, the last being the one it is stated of.
    """
    policy = ask.policy
    if not policy.judges(ask.size, ask.model.drift_against):
        return
    lasting = policy.consecutive.get(ask.size, 1)
    runs: dict[tuple[str, str, str], list[Cell]] = {}
    for one in sorted(seen, key=lambda one: (one.cell.version, one.cell.window)):
        oldest = _oldest(one.cell.window, ask.size, policy.among_of(ask.size))
        for (subject, metric), test in judge(policy, one).items():
            key = (one.cell.version, subject, metric)
            runs[key] = [cell for cell in runs.get(key, ()) if cell.window.start >= oldest]
            if not test.holds:
                continue
            runs[key].append(one.cell)
            over = ask.size == ALL or one.cell.window.end <= ask.now
            asked = one.cell.window.start >= ask.span.start
            if len(runs[key]) >= lasting and over and asked:
                yield _finding(ask, one, test, runs[key])


def _oldest(window: Window, size: str, among: int) -> datetime:
    """Where the first of so many windows begins, of which the given one is the last."""
    return preceding(window.start, size, among - 1 if size != ALL else 0)


def _finding(ask: Ask, seen: Seen, test: Test, run: Sequence[Cell]) -> Finding:
    distance = seen.distances[test.subject]
    is_missing = test.metric == MISSING
    value = distance.missing if is_missing else test.value
    critical = test.metric == PSI and test.value >= ask.policy.psi_critical
    return Finding(
        analyzer=ANALYZER,
        model=ask.model.name,
        version=seen.cell.version,
        window=seen.cell.window,
        size=ask.size,
        subject=test.subject,
        metric=test.metric,
        value=value,
        bound=distance.missing_reference + test.bound if is_missing else test.bound,
        n=test.n,
        severity=Severity.CRITICAL if critical else Severity.WARNING,
        message=_message(test, distance),
        evidence=_evidence(test, distance)
        | {
            "windows": len(run),
            "among": ask.policy.among_of(ask.size),
            "against": ask.model.drift_against,
            "since": run[0].window.start.isoformat(),
            "passed": {**test.passed, "consecutive": True},
            "source": seen.reference.source,
        },
    )


def _message(test: Test, distance: Distance) -> str:
    if test.metric == MISSING:
        return (
            f"{test.subject} is missing in {distance.missing:.1%} of {test.n:,.0f} inferences; "
            f"in the reference it was {distance.missing_reference:.1%}."
        )
    return (
        f"{test.subject} has drifted from the reference: PSI {test.value:.2f}, bound {test.bound:.2f}, "
        f"over {test.n:,.0f} inferences."
    )


def _evidence(test: Test, distance: Distance) -> dict[str, Any]:
    named = bool(distance.bins) and isinstance(distance.bins[0], str)
    return {
        "kind": "categorical" if named else "numeric",
        "bins": distance.bins,
        "reference": _shares(distance.reference),
        "current": _shares(distance.current),
        "metrics": distance.metrics,
        "missing": {"reference": distance.missing_reference, "current": distance.missing},
        "n_reference": distance.n_reference,
        "p_value": test.p_value,
        "p_adjusted": test.p_adjusted,
    }


def _shares(counts: Sequence[float]) -> list[float]:
    total = sum(counts)
    return [round(count / total, 6) if total else 0.0 for count in counts]
