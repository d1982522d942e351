"""A chart as a picture, for notices: a Vega-Lite specification in, a PNG out. Nothing is fetched for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_SCALE = 2.0


def png(spec: Mapping[str, Any]) -> bytes:
    """The picture of a chart, sharp on dense screens."""
    import vl_convert  # noqa: PLC0415 - it takes a while to load, and most passes send nothing

    made: bytes = vl_convert.vegalite_to_png(dict(spec), scale=_SCALE, allowed_base_urls=[])
    return made
