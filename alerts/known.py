"""What the evaluator is told of each model, and what it looks at by itself: a group of a rule."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct

from mlmon.core.query import GROUP_DATE
from mlmon.core.window import Window, floor, following, preceding


class Known(Struct, frozen=True, kw_only=True):
    """A model: when it last served, whether that is now, and how long its outcomes may take.

    A model that is not live, such as a replay of a past year, is judged as of its own last inference.
    """

    name: str
    last: datetime
    is_live: bool = True
    maturity: timedelta = timedelta(days=7)

    def horizon(self, now: datetime) -> datetime:
        """Up to when its windows are looked at."""
        return now if self.is_live else min(now, self.last + GROUP_DATE)


class Group(Struct, frozen=True, kw_only=True, order=True):
    """What has a state of its own; what the rule does not tell apart is empty."""

    model: str = ""
    version: str = ""
    segment: str = ""
    subject: str = ""
    logger: str = ""

    def __str__(self) -> str:
        """What it is, as a person would say it."""
        said = (
            self.model,
            self.version and f"version {self.version}",
            self.segment,
            self.subject,
            self.logger,
        )
        return ", ".join(part for part in said if part) or "all"


def recent(horizon: datetime, size: str, windows: int) -> Window:
    """The last so many windows of a size, the last being the one that holds the horizon."""
    last = floor(horizon - timedelta(microseconds=1), size)
    return Window(start=preceding(last, size, windows - 1), end=following(last, size))
