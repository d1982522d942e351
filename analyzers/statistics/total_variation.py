"""Total variation distance."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mlmon.analyzers.statistics.proportions import share_pair


def total_variation(reference: npt.ArrayLike, current: npt.ArrayLike) -> float | None:
    """Give sum |r - c| / 2, in [0, 1]: the share of events that would have to change bin or category.

    Source: e.g. D. Levin & Y. Peres, "Markov Chains and Mixing Times", 2017, section 4.1.

    Degenerate input: None when either side is empty.

    >>> total_variation([50, 50], [25, 75])
    0.25
    """
    shares = share_pair(reference, current)
    if shares is None:
        return None
    r, c = shares
    return min(float(np.abs(r - c).sum()) / 2.0, 1.0)
