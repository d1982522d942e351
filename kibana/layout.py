"""Where panels are put: from left to right, row by row, on a grid of 48 columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from msgspec import Struct

from mlmon.core.panel import Kind, Listing, Panel

WIDTH: Final = 48
HEADING_HEIGHT: Final = 3
ABOUT_HEIGHT: Final = 5
_SIZES: Final = {
    Kind.NUMBER: (12, 6),
    Kind.TABLE: (48, 14),
    Kind.HEATMAP: (48, 16),
    Kind.DOTS: (48, 16),
    Kind.CONFUSION: (24, 14),
    Kind.CALIBRATION: (24, 14),
}
_USUAL: Final = (24, 12)
_LISTING: Final = (48, 20)


class Place(Struct, frozen=True):
    """A place on the grid, in its columns and rows."""

    x: int
    y: int
    w: int
    h: int


def places(panels: Sequence[Panel | Listing], top: int) -> Iterator[Place]:
    """The place of each panel, the first of them `top` rows down."""
    x, y, tallest = 0, top, 0
    for panel in panels:
        wide, high = _LISTING if isinstance(panel, Listing) else _SIZES.get(panel.kind, _USUAL)
        if x + wide > WIDTH:
            x, y, tallest = 0, y + tallest, 0
        yield Place(x, y, wide, high)
        x, tallest = x + wide, max(tallest, high)


def bottom(taken: Sequence[Place], top: int) -> int:
    """The first row below all of them."""
    return max((place.y + place.h for place in taken), default=top)
