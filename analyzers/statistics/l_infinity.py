"""L-infinity distance."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mlmon.analyzers.statistics.proportions import share_pair


def l_infinity(reference: npt.ArrayLike, current: npt.ArrayLike) -> float | None:
    """Give max |r - c|, in [0, 1]: the change of the bin or category whose share changed the most.

    Source: P. Chebyshev's distance, e.g. M. Deza & E. Deza, "Encyclopedia of Distances", 2016, chapter 17.

    Degenerate input: None when either side is empty.

    >>> l_infinity([50, 30, 20], [25, 40, 35])
    0.25
    """
    shares = share_pair(reference, current)
    return None if shares is None else float(np.abs(shares[0] - shares[1]).max())
