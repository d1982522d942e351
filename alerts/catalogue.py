"""What a rule may speak of: every metric that the analyzers state, with unit and range, and every finding."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from msgspec import Struct

from mlmon.core.metric import unit_of
from mlmon.core.panel import Unit


class Of(StrEnum):
    """What a metric's subject is: nothing, or a feature."""

    MODEL = "model"
    FEATURE = "feature"


class Measured(Struct, frozen=True, kw_only=True):
    """One metric: who states it, and between which values it can lie (None: no end)."""

    name: str
    analyzer: str
    of: Of = Of.MODEL
    low: float | None = 0.0
    high: float | None = None
    has_reference: bool = False
    """Whether the reference says what is usual."""

    @property
    def unit(self) -> Unit:
        """What it is in."""
        return unit_of(self.name)


def _rows(
    analyzer: str,
    names: str,
    *,
    of: Of = Of.MODEL,
    low: float | None = 0.0,
    high: float | None = None,
    has_reference: bool = False,
) -> list[Measured]:
    return [
        Measured(
            name=name,
            analyzer=analyzer,
            of=of,
            low=low,
            high=1.0 if unit_of(name) is Unit.RATIO else high,
            has_reference=has_reference,
        )
        for name in names.split()
    ]


_SHARES: Final = "accuracy precision recall specificity f1 balanced_accuracy prevalence"
_BY_CLASS: Final = " ".join(
    f"{name}_{how}" for name in ("precision", "recall", "f1") for how in ("macro", "micro", "weighted")
)
_OF_FEATURES: Final = "wrong_type_rate outside_rate new_category_rate vanished_rate"

METRICS: Final[Mapping[str, Measured]] = MappingProxyType(
    {
        row.name: row
        for row in (
            *_rows("service", "inferences error_rate latency_p50 latency_p95 latency_p99 silence"),
            *_rows("outcomes", "coverage outcome_delay_p50"),
            *_rows("performance", f"{_SHARES} {_BY_CLASS}", has_reference=True),
            *_rows("performance", "roc_auc average_precision", high=1.0, has_reference=True),
            *_rows("performance", "mcc", low=-1.0, high=1.0, has_reference=True),
            *_rows("performance", "brier calibration_error", high=1.0, has_reference=True),
            *_rows("performance", "log_loss mae rmse", has_reference=True),
            *_rows("performance", "bias", low=None, has_reference=True),
            *_rows("performance", "r2", low=None, high=1.0, has_reference=True),
            *_rows("drift", "psi wasserstein missing_rate", of=Of.FEATURE),
            *_rows("drift", "jensen_shannon kolmogorov_smirnov cramers_v", of=Of.FEATURE, high=1.0),
            *_rows("drift_with_loss", "drift_with_loss", of=Of.FEATURE, low=-1.0, high=1.0),
            *_rows("multivariate", "domain_auc", high=1.0),
            *_rows("multivariate", "pca_reconstruction"),
            *_rows("multivariate", "domain_share", of=Of.FEATURE),
            *_rows("quality", f"{_OF_FEATURES} categories", of=Of.FEATURE),
            *_rows("quality", "duplicate_rate features age"),
        )
    }
)
"""Every metric by its name."""

FINDINGS: Final = (
    "service", "performance", "drift", "multivariate", "quality", "volume", "concept_drift", "anomaly",
    "unusual", "changepoint", "delivery",
)  # fmt: skip
"""The analyzers that make findings."""

FOUND: Final = (*METRICS, "missing", "dropped", "concept_drift", "isolation", "constant")
"""What findings speak of: metrics, and what only findings have."""

PERFORMANCE: Final = "performance"
"""The analyzer whose findings say that a model got worse, by outcomes."""
