"""What hides changes of a series is taken out first: its season, its outliers, and its memory."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Series = NDArray[np.float64]

_FEWEST: Final = 24
_CLEAR: Final = 0.35
_WINDOW: Final = 7
_OUTLIER: Final = 4.0
_MAD: Final = 1.4826
"""Of a normal distribution: the standard deviation over the median absolute deviation."""


def filled(values: Series) -> Series:
    """The series with what is missing or infinite drawn between its neighbours."""
    known = np.isfinite(values)
    if known.all():
        return values
    return np.interp(np.arange(len(values)), np.nonzero(known)[0], values[known])


def without_season(values: Series) -> Series:
    """The series without its periodic part, where there is one that explains much of its steps."""
    period = _period(values) if len(values) >= _FEWEST else None
    if period is None:
        return values
    kernel = np.ones(period) / period if period % 2 else np.r_[0.5, np.ones(period - 1), 0.5] / period
    trend = np.convolve(np.pad(values, len(kernel) // 2, mode="edge"), kernel, "valid")
    off = values - trend
    season = np.array([np.median(off[place::period]) for place in range(period)])
    rest = values - (season - season.mean())[np.arange(len(values)) % period]
    is_better = np.var(np.diff(rest)) < 0.6 * np.var(np.diff(values))
    return rest if is_better else values


def _period(values: Series) -> int | None:
    """The clearest period of the steps, by their autocorrelation; the shorter of two that are alike."""
    count = len(values)
    steps = np.diff(values)
    power = np.abs(np.fft.rfft(steps - steps.mean(), 2 * count)) ** 2
    likeness = np.fft.irfft(power)[: count // 2]
    if likeness[0] <= 0:
        return None
    likeness /= likeness[0]
    best: int | None = None
    for period in range(3, min(count // 3, len(likeness) - 1)):
        is_peak = likeness[period - 1] <= likeness[period] >= likeness[period + 1]
        if is_peak and likeness[period] > max(_CLEAR, likeness[best] + 0.05 if best else 0.0):
            best = period
    return best


def without_outliers(values: Series) -> Series:
    """The series with points far from the median of the seven around them drawn nearer."""
    if len(values) < _WINDOW:
        return values
    around = np.lib.stride_tricks.sliding_window_view(np.pad(values, _WINDOW // 2, mode="reflect"), _WINDOW)
    middle = np.median(around, axis=1)
    off = values - middle
    spread = _MAD * float(np.median(np.abs(off))) or float(np.std(off))
    return middle + np.clip(off, -_OUTLIER * spread, _OUTLIER * spread)


def memory(values: Series) -> float:
    """The lag-1 autocorrelation, whatever changes of the mean there are (Chakar et al. 2017); 0 to 0.95."""
    one = float(np.median(np.abs(np.diff(values))))
    two = float(np.median(np.abs(values[2:] - values[:-2])))
    return float(np.clip(min(two / one, 2.0) ** 2 - 1, 0.0, 0.95)) if one > 0 else 0.0
