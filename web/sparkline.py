"""A line of a few pixels, drawn as SVG by the server: two hundred models would be too many charts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from markupsafe import Markup, escape

WIDTH: Final = 96
HEIGHT: Final = 22
_ROOM: Final = 2.0
_LEAST: Final = 2


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
    step = (WIDTH - 3.0) / max(len(values) - 1, 1)
    flat = floor is None and max(known) == min(known)
    parts: list[str] = []
    for place, value in enumerate(values):
        if value is None:
            continue
        x = _short(1.5 + place * step)
        height = 0.5 if flat else (value - low) / span
        y = _short(HEIGHT - _ROOM - height * (HEIGHT - 2 * _ROOM))
        alone = _at(values, place - 1) is None and _at(values, place + 1) is None
        if alone:
            parts.append(f"M{_short(0.5 + place * step)} {y}h2")
        else:
            parts.append(f"{'L' if _at(values, place - 1) is not None else 'M'}{x} {y}")
    return "".join(parts)


def _at(values: Sequence[float | None], place: int) -> float | None:
    return values[place] if 0 <= place < len(values) else None


def _short(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")


def svg(values: Sequence[float | None], about: str, *, floor: float | None = None) -> Markup:
    """The line as an image with words for those who cannot see it; nothing where it would be a point."""
    if sum(value is not None for value in values) < _LEAST:
        return Markup("")
    drawn = path(values, floor=floor)
    start = f'<svg class="spark" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" '
    return Markup(f'{start}aria-label="{escape(about)}"><path d="{drawn}"/></svg>')  # noqa: S704 - the words are escaped, the rest is numbers
