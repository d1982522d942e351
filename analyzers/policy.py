"""When a number is worth a finding: one frozen value, so that a finding can say by which rule it was made.

An alarm must pass all of: enough events, an effect that matters, evidence that it is no chance (with the
number of things that were looked at taken into account), and, for drift, that it lasts.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from msgspec import Struct

from mlmon.core.config import Config

CONSECUTIVE: Final[Mapping[str, int]] = MappingProxyType(
    {"1h": 24, "1d": 7, "7d": 2, "30d": 1, "month": 1, "all": 1}
)
"""How many windows must show a drift: a day of hours, a week of days, two weeks, one month."""

AMONG: Final[Mapping[str, int]] = MappingProxyType({"1h": 30, "1d": 9, "7d": 3})
"""Among how many in a row they must be, the last of them being one; so a single quiet one is forgiven."""

DRIFT_SIZES: Final = ("7d", "30d", "month", "all")
"""A day is no week: whatever follows the weekday would drift every day."""

SHORT_SIZES: Final = ("1h", "1d")

QUALITY_SIZES: Final = DRIFT_SIZES
"""In shorter windows what a reference lets expect of a feature follows the hour and the weather."""

PERFORMANCE_SIZES: Final = DRIFT_SIZES
"""Events of one day share its weather and its incidents: intervals of a day alone claim too much."""

HEADLINES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "binary": ("roc_auc", "f1", "log_loss"),
        "multiclass": ("accuracy", "f1_macro", "log_loss"),
        "regression": ("mae", "rmse"),
    }
)
"""What is held against the reference; more of them would only be the same news told again."""


class Policy(Struct, frozen=True, kw_only=True):
    """The bounds. The defaults are for a model that serves thousands of inferences a day.

    Drift: `psi` is the population stability index from which a feature has drifted (0.1 by custom; 0.25,
    `psi_critical`, is much), raised to `psi_chance`, the quantile of what chance gives at this sample size;
    `missing` is the change of the share of missing values. `drift_rate` bounds the share of false findings
    among all features looked at in a window (Benjamini-Hochberg); `rate` does so for performance. `min_n` is
    the effective number of events below which nothing is said. `consecutive` of `among` windows must show a
    drift (K of N).

    Features together: `domain_auc` is the area under the curve of a classifier of current against reference
    rows from which on they have changed, `pca_shift` that of the mean reconstruction error, in standard
    deviations; both raised by chance as the PSI is.

    Performance: a metric is worse when it differs by `worse` of the reference's value, and significantly so.

    Service: `error_rate` is the failing share that is always too much; `silence` is how many times the usual
    longest gap a model may stay silent, judged by at least `silence_days` earlier days.

    Data quality: `quality_sizes` are those in which features are held against what was learnt of them, and
    `quality_rate` bounds the share of false findings among all rules of all features in a window.

    Volume: `volume` is how many times more or fewer inferences than in the same hour or day of the weeks
    before are too many or too few.

    Concept drift: errors have risen when they are `worse` by that share and beyond chance (`drift_rate`);
    from a rise by `concept_critical` of what they were on it is critical.

    Change points: a level is another one when it differs by `change` of what it was, a PSI by `psi`.

    Anomalies: `anomaly_sizes` names the sizes, of `1h` and `1d`, whose metrics are looked at as series;
    `anomaly_parts`, of `version` and `segment`, whose series are looked at beside those of all traffic.
    """

    min_n: int = 100
    rate: float = 0.01
    psi: float = 0.1
    psi_critical: float = 0.25
    psi_chance: float = 0.9999
    drift_rate: float = 0.001
    missing: float = 0.05
    domain_auc: float = 0.6
    pca_shift: float = 0.3
    drift_sizes: tuple[str, ...] = DRIFT_SIZES
    consecutive: Mapping[str, int] = CONSECUTIVE
    among: Mapping[str, int] = AMONG
    worse: float = 0.05
    worse_critical: float = 0.2
    performance_sizes: tuple[str, ...] = PERFORMANCE_SIZES
    headlines: Mapping[str, tuple[str, ...]] = HEADLINES
    error_rate: float = 0.01
    error_rate_critical: float = 0.1
    silence: float = 3.0
    silence_days: int = 7
    quality_sizes: tuple[str, ...] = QUALITY_SIZES
    quality_rate: float = 0.001
    volume: float = 2.0
    concept_critical: float = 0.5
    change: float = 0.1
    anomaly_sizes: tuple[str, ...] = SHORT_SIZES
    anomaly_parts: tuple[str, ...] = ("version",)

    def judges(self, size: str, against: str) -> bool:
        """Whether drift is judged in windows of a size: short ones only against the same season."""
        return size in self.drift_sizes or (against == "seasonal" and size in SHORT_SIZES)

    def among_of(self, size: str) -> int:
        """Among how many windows of a size the drifted ones are counted; never fewer than must drift."""
        return max(self.among.get(size, 1), self.consecutive.get(size, 1))


def of_settings(config: Config) -> Policy:
    """The default policy, with what the settings say of it."""
    return Policy(anomaly_sizes=config.analyze.anomalies, anomaly_parts=config.analyze.anomaly_parts)
