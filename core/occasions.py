"""Times that are known to be unlike others, declared in the settings: holidays, campaigns, outages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated

from msgspec import Meta, Struct

from mlmon.core.window import Window

_DAY = timedelta(days=1)


class EventConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A declared event: `start` and `end`, the end not within, or whole days; UTC where no zone is named."""

    name: Annotated[str, Meta(min_length=1)]
    start: str | None = None
    end: str | None = None
    dates: tuple[str, ...] = ()
    yearly: bool = False
    models: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what is no time, in words that a person who wrote it understands."""
        if bool(self.dates) == (self.start is not None or self.end is not None):
            raise ValueError(f"event '{self.name}' needs either dates or both start and end")
        if not self.dates and (self.start is None or self.end is None):
            raise ValueError(f"event '{self.name}' needs both start and end")
        for window in _first(self):
            if window.start >= window.end:
                raise ValueError(f"event '{self.name}' ends before it starts: {self.start} to {self.end}")


class Occasion(Struct, frozen=True, kw_only=True, order=True):
    """A declared event as it takes place once."""

    window: Window
    name: str


def occasions(events: Iterable[EventConfig], model: str, span: Window) -> tuple[Occasion, ...]:
    """The events declared for a model that touch a span, in the order of time; no `models` means all.

    >>> christmas = EventConfig(name="Christmas", dates=("2012-12-25",), yearly=True)
    >>> year = Window(start=datetime(2013, 1, 1, tzinfo=UTC), end=datetime(2014, 1, 1, tzinfo=UTC))
    >>> [str(one.window.start.date()) for one in occasions([christmas], "any", year)]
    ['2013-12-25']
    """
    found = [
        Occasion(window=window, name=event.name)
        for event in events
        if not event.models or model in event.models
        for window in _each(event, span)
        if window.start < span.end and window.end > span.start
    ]
    return tuple(sorted(found))


def during(known: Iterable[Occasion], window: Window) -> Occasion | None:
    """The first of the occasions that a window touches."""
    return next(
        (one for one in known if one.window.start < window.end and one.window.end > window.start), None
    )


def _first(event: EventConfig) -> list[Window]:
    """The times as they are written."""
    if event.dates:
        starts = [_moment(event, text) for text in event.dates]
        return [Window(start=start, end=start + _DAY) for start in starts]
    start, end = _moment(event, event.start or ""), _moment(event, event.end or "")
    return [Window(start=min(start, end), end=end)]


def _each(event: EventConfig, span: Window) -> Iterator[Window]:
    for window in _first(event):
        if not event.yearly:
            yield window
            continue
        length = window.end - window.start
        for year in range(span.start.year - 1 - length // timedelta(days=365), span.end.year + 1):
            try:
                start = window.start.replace(year=year)
            except ValueError:
                continue  # a 29 February that this year has not
            yield Window(start=start, end=start + length)


def _moment(event: EventConfig, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"'{text}' of event '{event.name}' is no time: write a date (2013-12-25) or ISO 8601"
        ) from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
