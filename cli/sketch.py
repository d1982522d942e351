"""A series as a few lines of text, with a mark under what is spoken of."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Final

_BLOCKS: Final = " ▁▂▃▄▅▆▇█"
_ROWS: Final = 4


def sketch(
    values: Sequence[float],
    marked: Iterable[int],
    *,
    width: int = 72,
    along: str = "",
    written: Callable[[float], str] = "{:.4g}".format,
) -> str:
    """The values as bars of their means, a caret under each column with a marked place, and the range.

    Missing values leave a gap. `width` is in characters; `along` says from where to where the values go,
    without it rows are counted; `written` says a mean in its unit.
    """
    count = len(values)
    width = min(width, count)
    edges = [count * place // width for place in range(width + 1)]
    means = [_mean(values[start:end]) for start, end in pairwise(edges)]
    low, high = _range(means)
    heights = [_height(mean, low, high) for mean in means]
    lines = ["".join(_block(height, row) for height in heights).rstrip() for row in reversed(range(_ROWS))]
    carets = {min(width - 1, _column(place, edges)) for place in marked}
    lines.append("".join("^" if place in carets else " " for place in range(width)).rstrip())
    lines.append(f"{along or f'rows 0 to {count - 1:,}'}, means from {written(low)} to {written(high)}")
    return "\n".join(lines)


def _mean(values: Sequence[float]) -> float:
    finite = [value for value in values if math.isfinite(value)]
    return sum(finite) / len(finite) if finite else math.nan


def _range(means: Sequence[float]) -> tuple[float, float]:
    finite = [mean for mean in means if math.isfinite(mean)]
    return (min(finite), max(finite)) if finite else (math.nan, math.nan)


def _height(mean: float, low: float, high: float) -> int:
    """In eighths of a line; a value is never less than one."""
    if not math.isfinite(mean):
        return 0
    return 1 + round((8 * _ROWS - 1) * (mean - low) / (high - low)) if high > low else 8


def _block(height: int, row: int) -> str:
    return _BLOCKS[max(0, min(8, height - 8 * row))]


def _column(place: int, edges: Sequence[int]) -> int:
    return bisect_right(edges, place) - 1
