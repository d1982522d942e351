"""What is known of a metric by its name: its words, its unit, and which way is better."""

from __future__ import annotations

from typing import Final

from mlmon.core.panel import Unit

LATENCIES: Final = ("latency_p50", "latency_p95", "latency_p99")

HEADLINES: Final = ("roc_auc", "accuracy", "mae")
"""The one number of a model's quality, by what it has: binary, other classes, numbers."""

QUALITY: Final = (
    "roc_auc", "average_precision", "accuracy", "balanced_accuracy", "precision", "recall", "specificity",
    "f1", "mcc", "log_loss", "brier", "calibration_error", "prevalence", "precision_macro", "recall_macro",
    "f1_macro", "precision_micro", "recall_micro", "f1_micro", "precision_weighted", "recall_weighted",
    "f1_weighted", "mae", "rmse", "bias", "r2",
)  # fmt: skip
"""The measures of performance, in the order they are offered."""

SMALLER_IS_BETTER: Final = frozenset({"log_loss", "brier", "calibration_error", "mae", "rmse"})

_RATIOS: Final = frozenset(
    {"accuracy", "precision", "recall", "f1", "specificity", "balanced_accuracy", "prevalence", "coverage"}
)  # fmt: skip
_COUNTS: Final = frozenset({"inferences", "missing", "dropped", "categories", "features", "log_lines"})
_SECONDS: Final = frozenset({"silence", "age"})
_WORDS: Final = {
    "roc_auc": "ROC AUC", "f1": "F1", "mae": "MAE", "rmse": "RMSE", "mcc": "MCC", "r2": "R²", "psi": "PSI",
    "log_loss": "log loss", "brier": "Brier score", "latency_p50": "median latency",
    "latency_p95": "p95 latency", "latency_p99": "p99 latency", "coverage": "outcome coverage",
    "missing_rate": "missing rate", "cramers_v": "Cramér's V", "f1_macro": "F1 (macro)",
    "f1_micro": "F1 (micro)", "missing": "missing events", "dropped": "dropped events",
    "f1_weighted": "F1 (weighted)", "outside_rate": "share outside the range",
    "wrong_type_rate": "share of another type", "new_category_rate": "share of new categories",
    "vanished_rate": "share of vanished categories", "duplicate_rate": "share logged twice",
    "jensen_shannon": "Jensen-Shannon distance", "hellinger": "Hellinger distance",
    "total_variation": "share that moved to other bins", "l_infinity": "largest change of one bin",
    "kolmogorov_smirnov": "Kolmogorov-Smirnov distance", "wasserstein": "Wasserstein distance",
    "wasserstein_normed": "Wasserstein distance, in deviations",
    "domain_auc": "domain AUC", "domain_share": "share in telling rows apart",
    "pca_reconstruction": "PCA reconstruction error", "drift_with_loss": "correlation of drift and loss",
    "age": "age of the newest inference", "isolation": "isolation score, of 1",
}  # fmt: skip


def words(metric: str) -> str:
    """A metric's name for a person.

    >>> words("roc_auc"), words("error_rate")
    ('ROC AUC', 'error rate')
    """
    return _WORDS.get(metric, metric.replace("_", " "))


def unit_of(metric: str) -> Unit:
    """What the values of a metric are in.

    >>> unit_of("precision_macro"), unit_of("latency_p95"), unit_of("psi")
    (<Unit.RATIO: 'ratio'>, <Unit.NANOSECONDS: 'ns'>, <Unit.PLAIN: 'plain'>)
    """
    stem = metric.removesuffix("_macro").removesuffix("_micro").removesuffix("_weighted")
    if stem in _RATIOS or metric.endswith("_rate"):
        return Unit.RATIO
    if metric.startswith(("latency", "outcome_delay")):
        return Unit.NANOSECONDS
    if metric in _SECONDS:
        return Unit.SECONDS
    return Unit.COUNT if metric in _COUNTS else Unit.PLAIN
