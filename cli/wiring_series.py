"""The part of the wiring that knows the functions of series: anomalies, change points, concept drift."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlmon.analyzers.series.detectors import Detector


def drift_detector(name: str) -> Detector:
    """A detector of concept drift by its name.

    Raises:
        UsageError: there is none of that name.
        MissingExtraError: the extra `streaming` is not installed.

    """
    from mlmon.analyzers.series import detectors

    return detectors.create(name)


def drift_fault(name: str, error: float) -> str | None:
    """What is wrong with an error for a detector of concept drift, or None."""
    from mlmon.analyzers.series import detectors

    return detectors.fault(name, error)


def drift_alarms(detector: Detector, errors: Iterable[float]) -> list[int]:
    """The 0-based places of the errors at which a detector raises an alarm."""
    from mlmon.analyzers.series import detectors

    return detectors.alarms(detector, errors)


def anomaly_scores(times_s: Sequence[float], values: Sequence[float]) -> Iterator[dict[str, Any]]:
    """For every row its score, whether it is an anomaly, of which kind, and what was expected."""
    from mlmon.analyzers.series import anomaly

    for scored in anomaly.scores(times_s, values):
        yield {
            "score": scored.score,
            "anomaly": scored.anomaly,
            "kind": None if scored.kind is None else str(scored.kind),
            "expected": scored.expected if math.isfinite(scored.expected) else None,
        }


def change_points(values: Sequence[float]) -> list[int]:
    """The 0-based rows at which a new regime begins."""
    from mlmon.analyzers.series.changepoints import changepoints

    return changepoints(values)


def finite_mean(values: Sequence[float]) -> float:
    """The mean of the values that are not missing; NaN where there is none."""
    finite = [value for value in values if math.isfinite(value)]
    return math.fsum(finite) / len(finite) if finite else math.nan
