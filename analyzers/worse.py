"""What got worse than the reference: significantly, by enough, on enough events, among all segments."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct

from mlmon.analyzers.ask import Ask
from mlmon.analyzers.statistics.distributions import normal_tail
from mlmon.analyzers.statistics.estimate import Estimate, critical_value
from mlmon.analyzers.statistics.fdr import benjamini_hochberg
from mlmon.core.metric import SMALLER_IS_BETTER
from mlmon.core.result import Finding, Metric, Severity

_Z: Final = critical_value()


class Comparison(Struct, frozen=True, kw_only=True):
    """A metric of a cell and of the reference, and the chance of a difference this large without a change."""

    metric: Metric
    usual: Estimate
    p_value: float


def compare(
    ask: Ask, stated: Mapping[tuple[str, str], Metric], usual: Mapping[str, Estimate]
) -> Iterator[Comparison]:
    """Hold the headline metrics of a cell against the reference's."""
    for name in ask.policy.headlines.get(ask.model.task, ()):
        now, then = stated.get((name, "")), usual.get(name)
        if now is None or then is None or now.n < ask.policy.min_n:
            continue
        p_value = _p_value(now, then)
        if p_value is not None:
            yield Comparison(metric=now, usual=then, p_value=p_value)


def _p_value(now: Metric, then: Estimate) -> float | None:
    """Two-sided, from the normal errors that 95 % intervals stand for, each on the side of the other."""
    if now.value is None or then.value is None:
        return None
    up = now.value > then.value
    error_now = _error(now.value, now.low if up else now.high)
    error_then = _error(then.value, then.high if up else then.low)
    if error_now is None or error_then is None:
        return None
    variance = error_now**2 + error_then**2
    difference = now.value - then.value
    if variance <= 0.0:
        return 1.0 if difference == 0.0 else 0.0
    return normal_tail(difference / variance**0.5)


def _error(value: float, end: float | None) -> float | None:
    return None if end is None else abs(value - end) / _Z


def findings(ask: Ask, compared: list[Comparison]) -> Iterator[Finding]:
    """What is worse, by window; the false-discovery rate is that among all that was compared in it."""
    by_window: dict[object, list[Comparison]] = defaultdict(list)
    for comparison in compared:
        by_window[comparison.metric.window].append(comparison)
    for together in by_window.values():
        adjusted = benjamini_hochberg([comparison.p_value for comparison in together])
        for comparison, p_value in zip(together, adjusted, strict=True):
            if p_value is not None and p_value <= ask.policy.rate and _loss(comparison) >= ask.policy.worse:
                yield _finding(ask, comparison, p_value, len(together))


def _loss(comparison: Comparison) -> float:
    """How much worse, as a share of the reference's value; negative is better."""
    now, then = comparison.metric.value, comparison.usual.value
    if now is None or then is None or then == 0.0:
        return 0.0
    change = (now - then) / abs(then)
    return change if comparison.metric.name in SMALLER_IS_BETTER else -change


def _finding(ask: Ask, comparison: Comparison, p_value: float, compared: int) -> Finding:
    now, then, loss = comparison.metric, comparison.usual, _loss(comparison)
    lower = now.name in SMALLER_IS_BETTER
    usual = then.value or 0.0
    where = f" for {now.segment}" if now.segment else ""
    return Finding(
        analyzer=now.analyzer,
        model=now.model,
        version=now.version,
        segment=now.segment,
        window=now.window,
        size=now.size,
        metric=now.name,
        value=now.value,
        low=now.low,
        high=now.high,
        n=now.n,
        bound=usual * (1.0 + ask.policy.worse if lower else 1.0 - ask.policy.worse),
        severity=Severity.CRITICAL if loss >= ask.policy.worse_critical else Severity.WARNING,
        message=(
            f"{now.name} is {now.value:.3f}{where}, {loss:.0%} worse than the reference's {usual:.3f}, "
            f"over {now.n:,.0f} evaluations."
        ),
        evidence={
            "reference": {"value": then.value, "low": then.low, "high": then.high, "n": then.n},
            "worse": loss,
            "p_value": comparison.p_value,
            "p_adjusted": p_value,
            "compared": compared,
            "coverage": now.coverage,
            "final": now.final,
            "passed": {"n": True, "effect": True, "significance": True},
        },
    )
