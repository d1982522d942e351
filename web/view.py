"""What a person looks at: model, time, version, segment and measure. The address of the page holds it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlencode

from msgspec import Struct

from mlmon.core.clock import isoformat
from mlmon.core.errors import UsageError
from mlmon.core.panel import Scope
from mlmon.core.window import (
    Window,
    floor,
    following,
    parse_duration,
    parse_moment,
    preceding,
    widen,
    windows,
)

PRESETS: Final = {
    "24h": "24 hours",
    "7d": "7 days",
    "30d": "30 days",
    "90d": "90 days",
    "365d": "1 year",
    "all": "All",
}
"""The ranges offered, each a duration before the newest data, and `all` of it."""

_STALE: Final = timedelta(days=2)
"""Data older than this is looked at as it lies: ranges count back from its end, not from now."""

_EMPTY: Final = timedelta(days=7)
_ORDER: Final = ("1h", "1d", "7d", "month")
_LIMITS: Final = (("1h", timedelta(days=3)), ("1d", timedelta(days=60)), ("7d", timedelta(days=400)))
_TWO: Final = 2
_HOUR: Final = timedelta(hours=1)
_YOUNG: Final = timedelta(days=3)


class Extent(Struct, frozen=True, kw_only=True):
    """When the first and the last inference happened; None where there is none."""

    first: datetime | None = None
    last: datetime | None = None


class View(Struct, frozen=True, kw_only=True):
    """What is looked at. `range` is a preset, or empty where two moments were given.

    `version`, `segment` and `metric` of "" mean all, all and the headline.
    """

    window: Window
    range: str = ""
    version: str = ""
    segment: str = ""
    metric: str = ""


def parse(params: Mapping[str, str], extent: Extent, now: datetime) -> View:
    """The view an address asks for.

    Raises:
        UsageError: a time that is none, an end before the start.

    """
    since, until, chosen = params.get("since", ""), params.get("until", ""), params.get("range", "")
    if since or until:
        end = parse_moment(until, now=now) if until else _end(extent, now)
        start = parse_moment(since, now=now) if since else extent.first or end - _EMPTY
        window, chosen = Window(start=start, end=end), ""
    else:
        chosen = chosen or _usual(extent, now)
        window = _preset(chosen, extent, now)
    if window.start >= window.end:
        raise UsageError(f"The time shown must not be empty, got {window}. Choose an end after the start.")
    return View(
        window=window,
        range=chosen,
        version=params.get("version", ""),
        segment=params.get("segment", ""),
        metric=params.get("metric", ""),
    )


def _usual(extent: Extent, now: datetime) -> str:
    """All of what is old; the last day of what began lately, so that hours show; else a week."""
    if extent.last is not None and extent.last < now - _STALE:
        return "all"
    return "24h" if extent.first is not None and extent.first > now - _YOUNG else "7d"


def _end(extent: Extent, now: datetime) -> datetime:
    """Now where data still comes in, else just after the newest."""
    if extent.last is None or now - _STALE <= extent.last <= now:
        return now
    return floor(extent.last, "1h") + _HOUR


def _preset(chosen: str, extent: Extent, now: datetime) -> Window:
    end = _end(extent, now)
    if chosen == "all":
        start = floor(extent.first, "1d") if extent.first is not None else end - _EMPTY
        return Window(start=min(start, end - _HOUR), end=end)
    if chosen not in PRESETS:
        raise UsageError(f"'{chosen}' is no range. Allowed are {', '.join(PRESETS)}, or since and until.")
    return Window(start=end - parse_duration(chosen), end=end)


def size_for(span: Window, available: Iterable[str]) -> str:
    """The size of window that suits a span, among those that have results.

    Where the one that suits has none, the nearest coarser one is taken, else the nearest finer one.
    """
    length = span.end - span.start
    wanted = next((size for size, limit in _LIMITS if length <= limit), "month")
    place = _ORDER.index(wanted)
    have = [size for size in _ORDER if size in set(available)]
    coarser = [size for size in have if _ORDER.index(size) >= place]
    return coarser[0] if coarser else have[-1] if have else wanted


def to_compare(span: Window, shown: str, available: Iterable[str]) -> tuple[str, Window]:
    """The largest size with at least two whole windows in a span, a beginning and an end, and their run.

    Where no size has two, it is the size shown and all windows that touch the span.
    """
    have = set(available)
    for size in reversed(_ORDER):
        run = whole_windows(span, size)
        if size in have and run is not None and len(list(windows(run, size))) >= _TWO:
            return size, run
    return shown, widen(span, shown)


def whole_windows(span: Window, size: str) -> Window | None:
    """The run of windows of a size that lie within a span, if any does."""
    first = floor(span.start, size)
    start = first if first == span.start else following(first, size)
    end = floor(span.end, size)
    return Window(start=start, end=end) if start < end else None


def scope(view: View, model: str, size: str) -> Scope:
    """The scope of a view, its time widened to whole windows so that none at the edge is lost."""
    return Scope(
        model=model,
        window=widen(view.window, size),
        size=size,
        version=view.version,
        segment=view.segment,
    )


def address(path: str, view: View, **changes: str) -> str:
    """The address that shows a view, with changes."""
    params = {"version": view.version, "segment": view.segment, "metric": view.metric}
    if view.range:
        params["range"] = view.range
    else:
        params |= {"since": isoformat(view.window.start), "until": isoformat(view.window.end)}
    params |= changes
    given = {key: value for key, value in params.items() if value}
    return f"{path}?{urlencode(given)}" if given else path


def before(window: Window) -> Window:
    """The stretch of the same length just before a window."""
    return Window(start=window.start - (window.end - window.start), end=window.start)


def around(window: Window, size: str, windows: int) -> Window:
    """A window of a size with as many before it, and a quarter as many after it."""
    end = window.end
    if size == "all":
        return window
    for _ in range(windows // 4):
        end = following(floor(end, size), size)
    return Window(start=preceding(window.start, size, windows), end=end)


def utc(moment: datetime) -> str:
    """A moment as a person reads it where there is no script: 2013-03-01 12:00 UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
