"""Is the newest inference new enough?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlmon.analyzers.ask import Ask
from mlmon.analyzers.cells import ALL, Cell
from mlmon.analyzers.expectations import FRESHNESS
from mlmon.analyzers.report import metric
from mlmon.analyzers.statistics.estimate import without_interval
from mlmon.core.clock import isoformat
from mlmon.core.result import Finding, Result
from mlmon.core.store import Reader
from mlmon.core.window import Window, floor, following

ANALYZER: Final = "quality"
AGE: Final = "age"


def analyze(_reader: Reader, ask: Ask) -> Iterator[Result]:
    """`age` (s) of the newest inference in the window that has begun, and a finding where it is too old.

    Only for a model whose settings say how old it may be (`models.NAME.fresh`). When a model was last heard
    of is known, so the store is asked nothing. The finding is stated of the present hour or day again and
    again, until the next inference.
    """
    model = ask.model
    if model.fresh is None or model.last is None or ask.size == ALL or ask.version:
        return
    start = floor(ask.now, ask.size)
    window = Window(start=start, end=following(start, ask.size))
    if not (ask.span.start <= window.start < ask.span.end) or model.last > ask.now:
        return
    age = (ask.now - model.last).total_seconds()
    yield metric(ANALYZER, ask, Cell("", "", window), AGE, without_interval(age, 1.0))
    allowed = model.fresh.total_seconds()
    if age > allowed:
        yield Finding(
            analyzer=ANALYZER,
            model=model.name,
            window=window,
            size=ask.size,
            metric=AGE,
            value=age,
            bound=allowed,
            n=1.0,
            message=f"The newest inference is {age / 3600:,.1f} h old, allowed are {allowed / 3600:,.0f} h.",
            evidence={
                "check": FRESHNESS,
                "expected": {"seconds": allowed},
                "seen": {"seconds": age, "since": isoformat(model.last)},
                "from": "settings",
            },
        )
