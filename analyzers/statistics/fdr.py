"""False discovery rate: p-values adjusted for how many were looked at."""

from __future__ import annotations

from collections.abc import Sequence


def benjamini_hochberg(p_values: Sequence[float | None]) -> list[float | None]:
    """Give the adjusted p-values, in the order given; reject those at or below the rate that is allowed.

    With m tests and p_(i) the i-th smallest: adjusted p_(i) = min over j >= i of p_(j) m / j, at most 1. It
    bounds the expected share of false findings among all findings for independent or positively dependent
    tests.

    Source: Y. Benjamini & Y. Hochberg, JRSS B 1995.

    Degenerate input: None (an undefined test) stays None and is not counted; no tests give an empty list.

    >>> benjamini_hochberg([0.01, 0.04, None, 0.03])
    [0.03, 0.04, None, 0.04]
    """
    ranked = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    smallest = 1.0
    for rank in range(len(ranked), 0, -1):
        p, place = ranked[rank - 1]
        smallest = min(smallest, p * len(ranked) / rank)
        adjusted[place] = smallest
    return adjusted
