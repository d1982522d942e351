"""The part of the wiring that knows the functions of series: anomalies, change points, concept drift."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlmon.analyzers.series.detectors import Detector
    from mlmon.analyzers.series.whole import Scores


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


def anomaly_scores(times_s: Any, values: Any, advance: Callable[[int], None]) -> Scores:  # noqa: ANN401 - arrays of floats
    """What is said of each row; `advance` hears how many more rows are done."""
    from mlmon.analyzers.series import whole

    return whole.scores(times_s, values, advance)


def anomaly_row(made: Scores, row: int) -> dict[str, Any]:
    """What is said of one row."""
    expected = float(made.expected[row])
    return {
        "score": float(made.score[row]),
        "anomaly": bool(made.anomaly[row]),
        "kind": made.kind[row],
        "expected": expected if math.isfinite(expected) else None,
    }


def order_of(times_s: Any) -> Any:  # noqa: ANN401 - arrays
    """The rows in order of time, or None where they are already."""
    from mlmon.analyzers.series import whole

    return whole.order(times_s)


def change_points(values: Sequence[float]) -> list[int]:
    """The 0-based rows at which a new regime begins."""
    from mlmon.analyzers.series.changepoints import changepoints

    return changepoints(values)


def finite_mean(values: Sequence[float]) -> float:
    """The mean of the values that are not missing; NaN where there is none."""
    finite = [value for value in values if math.isfinite(value)]
    return math.fsum(finite) / len(finite) if finite else math.nan
