"""What is shown of one model, in the order it is read."""

from __future__ import annotations

from typing import Final

from mlmon.core.panel import Panel
from mlmon.core.panels.drift import DRIFT
from mlmon.core.panels.performance import CALIBRATION, CONFUSION, OUTCOMES, performance, segments
from mlmon.core.panels.quality import INVALID, MISSING
from mlmon.core.panels.service import ERRORS, LATENCY, TRAFFIC


def panels(metric: str) -> tuple[Panel, ...]:
    """Every panel of a model in the order of the page; `metric` is the measure of quality shown."""
    return (
        TRAFFIC, ERRORS, LATENCY, performance(metric), OUTCOMES, DRIFT, MISSING, INVALID, segments(metric),
        CONFUSION, CALIBRATION,
    )  # fmt: skip


OVER_TIME: Final = ("traffic", "errors", "latency", "performance", "coverage", "drift", "missing", "invalid")
"""The panels that share the time axis, in order."""

OF_CLASSES: Final = ("confusion", "calibration")
"""The panels that a model which predicts numbers has no answer for."""
