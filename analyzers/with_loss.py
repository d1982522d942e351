"""Which features drift as performance falls? How their PSI goes with the loss, over the last windows.

A feature at the top of the list is where to look first. It is no proof that it is the cause: what drifts with
the season goes with whatever else follows the season.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from mlmon.analyzers.ask import Ask
from mlmon.analyzers.cells import ALL, Cell
from mlmon.analyzers.report import metric
from mlmon.analyzers.stated import series
from mlmon.analyzers.statistics.spearman import spearman
from mlmon.core.metric import SMALLER_IS_BETTER
from mlmon.core.result import Metric, Result
from mlmon.core.store import Reader
from mlmon.core.window import Window, preceding, windows

ANALYZER: Final = "drift_with_loss"
NAME: Final = "drift_with_loss"
WINDOWS: Final = 26
"""How many windows are looked at: half a year of weeks."""

FEWEST: Final = 8
_PSI: Final = "psi"
_SIZES: Final = ("7d", "30d", "month")
"""Days that follow each other are too alike for a rank to say much."""


def analyze(reader: Reader, ask: Ask) -> Iterator[Result]:
    """For the last window of the span that is over, the rank correlation of each feature's PSI with the loss.

    The loss is the first headline metric of the task, with its sign so that more is worse. Windows without
    both, or whose performance is not final, do not count; with fewer than `FEWEST` nothing is said. Reads
    what other analyzers have stored, so those come first.
    """
    names = ask.policy.headlines.get(ask.model.task, ())
    if ask.size not in _SIZES or ask.size == ALL or not names or ask.version:
        return
    over = [window for window in windows(ask.span, ask.size) if window.end <= ask.now]
    if not over:
        return
    span = Window(start=preceding(over[-1].start, ask.size, WINDOWS - 1), end=over[-1].end)
    found = series(reader, ask, span, (_PSI, names[0]), subjects=True)
    losses = {one.window.start: _loss(one) for one in found.pop((names[0], ""), ())}
    for (name, feature), drifts in found.items():
        if name == _PSI:
            yield from _with_loss(ask, over[-1], feature, drifts, losses)


def _with_loss(
    ask: Ask, window: Window, feature: str, drifts: Sequence[Metric], losses: dict[datetime, float]
) -> Iterator[Metric]:
    pairs = [
        (one.value, losses[one.window.start])
        for one in drifts
        if one.value is not None and one.window.start in losses
    ]
    if len(pairs) < FEWEST:
        return
    estimate = spearman(*zip(*pairs, strict=True)).estimate
    if estimate.value is not None:
        yield metric(ANALYZER, ask, Cell("", "", window), NAME, estimate, subject=feature)


def _loss(one: Metric) -> float:
    value = float("nan") if one.value is None else one.value
    return value if one.name in SMALLER_IS_BETTER else -value
