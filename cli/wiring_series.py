"""The part of the wiring that knows the functions of series: anomalies, change points, concept drift."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

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
