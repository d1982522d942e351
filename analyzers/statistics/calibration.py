"""Calibration: do events scored 0.3 happen 30 % of the time?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mlmon.analyzers.statistics.estimate import (
    CONFIDENCE,
    NEGLIGIBLE,
    Estimate,
    undefined,
    without_interval,
)
from mlmon.analyzers.statistics.wilson import wilson


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliabilityBin:
    """One bin of the reliability diagram: the mean score of its events against how often they happened."""

    mean_score: float | None
    observed: Estimate


def reliability(
    counts: npt.ArrayLike,
    scores: npt.ArrayLike,
    outcomes: npt.ArrayLike,
    *,
    confidence: float = CONFIDENCE,
) -> list[ReliabilityBin]:
    """Give the reliability diagram from each bin's count, sum of scores and sum of outcomes (0 or 1).

    Each observed rate has Wilson's interval. Source: M. DeGroot & S. Fienberg, The Statistician 1983.

    Degenerate input: an empty bin has no mean score and an undefined rate.

    >>> [bin] = reliability([10], [3.0], [4.0])
    >>> bin.mean_score, bin.observed.value
    (0.3, 0.4)
    """
    rows = zip(
        *(np.asarray(side, dtype=np.float64).tolist() for side in (counts, scores, outcomes)), strict=True
    )
    return [
        ReliabilityBin(
            mean_score=score / n if n > NEGLIGIBLE else None,
            observed=wilson(outcome, n, confidence=confidence),
        )
        for n, score, outcome in rows
    ]


def expected_calibration_error(
    counts: npt.ArrayLike, scores: npt.ArrayLike, outcomes: npt.ArrayLike
) -> Estimate:
    """Give the mean over events of |mean score - observed rate| of their bin.

    From each bin's count, sum of scores and sum of outcomes: sum |scores - outcomes| / n. Source: M. Naeini
    et al., AAAI 2015; C. Guo et al., ICML 2017. It has no interval: it is biased upwards by about the noise
    of each bin (Kumar, Liang & Ma 2019), so that small bins look uncalibrated and a symmetric interval would
    mislead.

    Degenerate input: None without events; empty bins count for nothing.

    >>> round(expected_calibration_error([10, 10], [3.0, 8.0], [4.0, 8.0]).value, 4)
    0.05
    """
    n, score, outcome = (np.asarray(side, dtype=np.float64).ravel() for side in (counts, scores, outcomes))
    filled = n > NEGLIGIBLE
    total = float(n[filled].sum())
    if not total > NEGLIGIBLE:
        return undefined()
    return without_interval(float(np.abs(score - outcome)[filled].sum()) / total, total)
