"""The effective sample size of weighted events."""

from __future__ import annotations

from collections.abc import Iterable

from mlmon.analyzers.statistics.estimate import NEGLIGIBLE


def kish(groups: Iterable[tuple[float, float]]) -> float:
    """Give the effective sample size of events grouped by weight.

    For groups (weight w, count c) it is (sum w c)^2 / sum(w |w| c), which is Kish's (sum w)^2 / sum(w^2) when
    all weights are positive. A correction withdraws an event by adding it again with weight -w; writing w |w|
    for w^2 makes it leave both sums, so the size is that of the events that remain.

    Source: L. Kish, "Survey Sampling", 1965. It is exact when the weight tells nothing about what is
    measured.

    Degenerate input: no events, or only events that cancel, give 0.0.

    >>> kish([(1.0, 100)])
    100.0
    >>> kish([(1.0, 50), (10.0, 5)])
    18.181818181818183
    >>> kish([(2.0, 10), (-2.0, 4)])
    6.0
    """
    total = squares = 0.0
    for weight, count in groups:
        total += weight * count
        squares += weight * abs(weight) * count
    return total * total / squares if squares > NEGLIGIBLE and total > NEGLIGIBLE else 0.0
