"""Counts of numbers over edges, as an expression of SQL.

DuckDB looks each value up among the edges, and compares whole numbers in half the time that floats take. So
where all edges are whole numbers of one power of two, values are counted by theirs, rounded down: a value is
below an edge if, and only if, its rounded number is. Multiplying by a power of two loses nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mlmon.stores.embedded.conditions import Bindings

_LARGEST: Final = 2**62
"""What is beyond is no farther than this: every edge is nearer."""

_DIGITS: Final = 53
_FINEST: Final = 1_000


def histogram(bindings: Bindings, number: str, edges: Sequence[float]) -> str:
    """The counts of a number below the first edge, between each two, and from the last one on."""
    array = np.asarray(edges, dtype=np.float64)
    scale = _scale(array)
    if scale is None:
        # DuckDB counts what is at most a bin; at most the number just below an edge is below the edge.
        below = [math.nextafter(edge, -math.inf) for edge in edges]
        return f"map_values(histogram({number}, {bindings.hold(below, 'DOUBLE[]')}))"
    far = _LARGEST / scale
    bins = bindings.hold(((array * scale).astype(np.int64) - 1).tolist(), "BIGINT[]")
    whole = (
        f"CASE WHEN {number} >= {bindings.bind(far, 'DOUBLE')} THEN {_LARGEST} "
        f"WHEN {number} < {bindings.bind(-far, 'DOUBLE')} THEN {-_LARGEST} "
        f"ELSE floor({number} * {bindings.bind(scale, 'DOUBLE')})::BIGINT END"
    )
    return f"map_values(histogram({whole}, {bins}))"


def _scale(edges: NDArray[np.float64]) -> float | None:
    """The least power of two, from 1 on, that makes whole numbers of all edges; None for too large ones."""
    fractions, exponents = np.frexp(edges[edges != 0.0])
    if not np.isfinite(fractions).all():
        return None
    digits = np.ldexp(np.abs(fractions), _DIGITS).astype(np.int64)
    last = np.frexp((digits & -digits).astype(np.float64))[1] - 1  # of the lowest binary digit that is not 0
    finest = max(0, -int((exponents - _DIGITS + last).min(initial=0)))
    farthest = int(exponents.max(initial=0))
    return (
        math.ldexp(1.0, finest)
        if finest <= _FINEST and farthest + finest < _LARGEST.bit_length() - 1
        else None
    )
