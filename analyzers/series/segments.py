"""The cheapest way to cut a series into segments, by dynamic programming (Jackson et al. 2005).

The cost is a description length (Rissanen 1978; for change points Davis, Lee & Rodriguez-Yam 2006): half the
logarithm of the likelihood's inverse, half a logarithm of the length for each parameter of a segment, and one
of the whole length for each place of a change.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from msgspec import Struct

from mlmon.analyzers.series.prepare import Series


class Model(Struct, frozen=True, kw_only=True):
    """What a segment is: a level or a line, with the variance of the whole or one of its own.

    `price` scales what a segment's description costs: more freedom is asked for better reasons.
    """

    is_line: bool = False
    own_variance: bool = False
    price: float = 1.0

    @property
    def parameters(self) -> int:
        """How many numbers describe a segment."""
        return 1 + self.is_line + self.own_variance


def cut(values: Series, model: Model, *, shortest: int, variance: float, least: float) -> list[int]:
    """The first places of all segments but the first; quadratic in the length.

    `variance` is that of the noise, for models without a variance of their own; `least` that below which no
    segment is described, so that one without any error does not cost nothing.
    """
    variance = max(variance, least)
    count = len(values)
    sums = _Sums(values)
    cost = np.full(count + 1, np.inf)
    cost[0] = -model.price * math.log(count)
    before = np.zeros(count + 1, dtype=np.int64)
    for end in range(shortest, count + 1):
        starts = np.arange(0, end - shortest + 1)
        length = end - starts
        squares = sums.squares(starts, end, is_line=model.is_line)
        fit = (
            0.5 * length * np.log(np.maximum(squares / length, least))
            if model.own_variance
            else 0.5 * squares / variance
        )
        described = model.price * (math.log(count) + 0.5 * model.parameters * np.log(length))
        total = cost[starts] + fit + described
        best = int(np.argmin(total))
        cost[end], before[end] = total[best], best
    found: list[int] = []
    end = int(before[count])
    while end > 0:
        found.append(end)
        end = int(before[end])
    return found[::-1]


def length(values: Series, model: Model, changes: Sequence[int], *, least: float) -> float:
    """The description length of a series cut so; comparable between models."""
    count, sums = len(values), _Sums(values)
    edges = list(pairwise([0, *changes, count]))
    squares = [float(sums.squares(np.array([start]), end, is_line=model.is_line)[0]) for start, end in edges]
    sizes = [end - start for start, end in edges]
    described = sum(0.5 * model.parameters * math.log(size) for size in sizes)
    described += len(changes) * math.log(count)
    if model.own_variance:
        fit = sum(
            0.5 * size * math.log(max(square / size, least))
            for size, square in zip(sizes, squares, strict=True)
        )
    else:
        fit = 0.5 * count * math.log(max(sum(squares) / count, least)) + 0.5 * math.log(count)
    return fit + model.price * described


class _Sums:
    """Running sums, from which the squared error of any segment follows at once."""

    def __init__(self, values: Series) -> None:
        place = np.arange(len(values), dtype=np.float64)
        self._of = [
            np.concatenate(([0.0], np.cumsum(each)))
            for each in (values, values * values, place, place * place, place * values)
        ]

    def squares(self, starts: np.ndarray, end: int, *, is_line: bool) -> Series:
        """The squared error of segments from each start to one end, about their level or their line."""
        size = end - starts
        total, squared, places, squared_places, crossed = (each[end] - each[starts] for each in self._of)
        error = squared - total * total / size
        if is_line:
            across = squared_places - places * places / size
            along = crossed - places * total / size
            error = error - np.where(across > 0, along * along / np.maximum(across, 1e-9), 0.0)
        bounded: Series = np.maximum(error, 0.0)
        return bounded
