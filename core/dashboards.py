"""Dashboards as data: which panels stand together, and what leads from one to the next.

A dashboard knows no model by name, so a model appears on it without anyone touching it.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from mlmon.core import schema
from mlmon.core.panel import Listing, Panel
from mlmon.core.panels import delivery, drift, findings, health, logs, overview, performance, quality, service


class Section(Struct, frozen=True, kw_only=True):
    """Panels under one heading."""

    title: str
    panels: tuple[Panel | Listing, ...]


class Dashboard(Struct, frozen=True, kw_only=True):
    """What is shown together. `controls` are fields to choose values of; a click leads to `leads_to`."""

    id: str
    title: str
    about: str
    sections: tuple[Section, ...]
    controls: tuple[str, ...] = (schema.MODEL_NAME,)
    leads_to: tuple[str, ...] = ()

    @property
    def panels(self) -> tuple[Panel | Listing, ...]:
        """Everything on it, in order."""
        return tuple(panel for section in self.sections for panel in section.panels)


def _named(panel: Panel, suffix: str) -> Panel:
    return replace(panel, id=f"{panel.id}-{suffix}")


def _performance(*metrics: str) -> tuple[Panel, ...]:
    return tuple(_named(performance.performance(metric), metric) for metric in metrics)


def _segments(*metrics: str) -> tuple[Panel, ...]:
    return tuple(_named(performance.segments(metric), metric) for metric in metrics)


_OF_A_MODEL: Final = (schema.MODEL_NAME, schema.MODEL_VERSION)

OVERVIEW: Final = Dashboard(
    id="overview",
    title="All models",
    about="Is anything wrong? A click on a model leads to what is known of it.",
    sections=(
        Section(title="At a glance", panels=(*overview.NUMBERS, findings.FOUND)),
        Section(title="Models", panels=(overview.MODELS, overview.TRAFFIC_BY_MODEL, overview.HEADLINE)),
    ),
    leads_to=("model", "findings"),
)

MODEL: Final = Dashboard(
    id="model",
    title="One model",
    about="What, since when, how sure? Choose a model above. A click leads to its log lines.",
    sections=(
        Section(title="Service", panels=(service.TRAFFIC, service.ERRORS, service.LATENCY)),
        Section(
            title="Performance",
            panels=(*_performance("roc_auc", "accuracy", "mae"), performance.OUTCOMES),
        ),
        Section(title="Inputs", panels=(drift.DRIFT, quality.MISSING, quality.INVALID)),
    ),
    controls=_OF_A_MODEL,
    leads_to=("logs", "performance", "drift", "findings"),
)

PERFORMANCE: Final = Dashboard(
    id="performance",
    title="Performance",
    about="How good are the predictions, as far as outcomes are known?",
    sections=(
        Section(
            title="Of classes",
            panels=(
                *_performance(
                    "roc_auc", "log_loss", "accuracy", "precision", "recall", "f1", "calibration_error"
                ),
                performance.CONFUSION,
                performance.CALIBRATION,
            ),
        ),
        Section(title="Of numbers", panels=_performance("mae", "rmse", "bias")),
        Section(title="Outcomes", panels=(performance.OUTCOMES, quality.OUTCOMES_BY_SOURCE)),
    ),
    controls=_OF_A_MODEL,
    leads_to=("segments", "logs"),
)

SEGMENTS: Final = Dashboard(
    id="segments",
    title="Segments",
    about="Which parts of the traffic got worse?",
    sections=(Section(title="By segment", panels=_segments("roc_auc", "accuracy", "mae")),),
    controls=(schema.MODEL_NAME, schema.RESULT_SEGMENT),
    leads_to=("logs",),
)

DRIFT: Final = Dashboard(
    id="drift",
    title="Drift",
    about="Do the inputs and the predictions still look like the reference's?",
    sections=(
        Section(title="Drift", panels=(drift.DRIFT, drift.OF_PREDICTIONS, drift.STRONGEST, drift.DISTANCES)),
        Section(title="Together", panels=(drift.TOGETHER, drift.WITH_LOSS)),
    ),
    controls=(*_OF_A_MODEL, schema.RESULT_SUBJECT),
    leads_to=("model", "findings"),
)

QUALITY: Final = Dashboard(
    id="quality",
    title="Data quality",
    about="Is the data that comes in as it should be?",
    sections=(
        Section(title="Inputs", panels=(quality.MISSING, quality.INVALID, quality.REDACTED)),
        Section(title="Outcomes", panels=(performance.OUTCOMES, quality.OUTCOMES_BY_SOURCE)),
    ),
    controls=_OF_A_MODEL,
    leads_to=("logs",),
)

SERVICE: Final = Dashboard(
    id="service",
    title="Service",
    about="How much is asked, how often does it fail, how long does it take? From the events themselves.",
    sections=(
        Section(
            title="Service",
            panels=(
                service.LIVE_TRAFFIC, service.LIVE_ERRORS, service.LIVE_LATENCY,
                service.BY_SERVICE, service.FAILURES,
            ),
        ),
    ),
    controls=(*_OF_A_MODEL, schema.SERVICE_NAME),
    leads_to=("logs",),
)  # fmt: skip

FINDINGS: Final = Dashboard(
    id="findings",
    title="Findings",
    about="What was found, and does it still hold?",
    sections=(
        Section(
            title="Findings",
            panels=(findings.FOUND, findings.BY_MODEL, findings.BY_SUBJECT, findings.FINDINGS),
        ),
    ),
    controls=(schema.MODEL_NAME, schema.FINDING_SEVERITY, schema.RESULT_ANALYZER),
    leads_to=("model", "logs"),
)

DELIVERY: Final = Dashboard(
    id="delivery",
    title="Delivery",
    about="Did every event arrive? The counts are of all time, whatever time is chosen.",
    sections=(Section(title="Delivery", panels=(delivery.PLACES, delivery.UNKNOWN, delivery.LOSSES)),),
)

SELF: Final = Dashboard(
    id="self-monitoring",
    title="mlmon itself",
    about="How are the producers, the collectors and the jobs?",
    sections=(
        Section(title="Producers", panels=(health.PARTS, health.QUEUED, health.WAITING)),
        Section(title="Collectors", panels=(health.RECEIVED, health.WRITES, health.DISK)),
        Section(title="Jobs", panels=(health.PASSES,)),
    ),
    controls=(schema.SERVICE_NAME, schema.HOST_NAME),
)

LOGS: Final = Dashboard(
    id="logs",
    title="Log lines",
    about="What was logged?",
    sections=(
        Section(title="Lines", panels=(logs.LEVELS, logs.APP)),
        Section(title="Inferences", panels=(logs.FAILED, logs.MISTAKES)),
    ),
    controls=(schema.MODEL_NAME,),
)

DASHBOARDS: Final = (
    OVERVIEW, MODEL, PERFORMANCE, SEGMENTS, DRIFT, QUALITY, SERVICE, FINDINGS, DELIVERY, SELF, LOGS,
)  # fmt: skip
"""Every dashboard, in the order a person would look."""
