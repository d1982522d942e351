"""A line of a few pixels, drawn as SVG by the server: two hundred models would be too many charts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from markupsafe import Markup, escape

WIDTH: Final = 96
HEIGHT: Final = 22
_ROOM: Final = 2.0
_LEAST: Final = 2
_MOST: Final = WIDTH // 2


def path(values: Sequence[float | None], *, floor: float | None = None) -> str:
    """The path of a line through values at even steps; None is a gap, a lone value a short dash.

    `floor` of 0 starts the scale at zero, so that a small change of a large number does not look large.

    >>> path([1.0, None, 2.0])
    'M0.5 20h2M93.5 2h2'
    """
    known = [value for value in values if value is not None]
    if not known:
        return ""
    low = min(known) if floor is None else min(floor, *known)
    span = (max(known) - low) or 1.0
    flat = floor is None and max(known) == min(known)
    places, parts, pen = _places(len(values)), [], "M"
    for at, value in enumerate(values):
        if value is None:
            pen = "M"
            continue
        height = 0.5 if flat else (value - low) / span
        y = _HEIGHTS[round(height * _TENTHS)]
        alone = pen == "M" and (at + 1 == len(values) or values[at + 1] is None)
        x, left = places[at]
        parts.append(f"M{left} {y}h2" if alone else f"{pen}{x} {y}")
        pen = "L"
    return "".join(parts)


@lru_cache(maxsize=64)
def _places(count: int) -> tuple[tuple[str, str], ...]:
    """Where each of so many values stands: its place, and where a dash for it alone begins."""
    step = (WIDTH - 3.0) / max(count - 1, 1)
    return tuple((_short(1.5 + at * step), _short(0.5 + at * step)) for at in range(count))


def _short(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")


def _thinned(values: Sequence[float | None]) -> Sequence[float | None]:
    """So few values that each has two pixels: means of neighbours, where there are more; gaps stay gaps."""
    step = -(-len(values) // _MOST)
    if step == 1:
        return values
    parts = (values[at : at + step] for at in range(0, len(values), step))
    known = ([value for value in part if value is not None] for part in parts)
    return [sum(part) / len(part) if part else None for part in known]


_TENTHS: Final = round(10 * (HEIGHT - 2 * _ROOM))
_HEIGHTS: Final = tuple(_short(HEIGHT - _ROOM - tenth / 10) for tenth in range(_TENTHS + 1))
"""Every height that a line can have, from the lowest, in tenths of a pixel."""


def svg(values: Sequence[float | None], about: str, *, floor: float | None = None) -> Markup:
    """The line as an image with words for those who cannot see it; nothing where it would be a point."""
    if sum(value is not None for value in values) < _LEAST:
        return Markup("")
    drawn = path(_thinned(values), floor=floor)
    start = f'<svg class="spark" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" '
    return Markup(f'{start}aria-label="{escape(about)}"><path d="{drawn}"/></svg>')  # noqa: S704 - the words are escaped, the rest is numbers
