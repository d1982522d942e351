"""When a model served nothing, over a stretch of the past: for trying a rule of silence on what was."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from mlmon.alerts.judge import Point
from mlmon.core import schema
from mlmon.core.query import Equals, Max, Query, TimeBucket
from mlmon.core.schema import Dataset
from mlmon.core.store import Reader
from mlmon.core.window import Window, windows

_BEFORE: Final = timedelta(days=2)
"""So much earlier the last inference before the stretch is looked for."""


def silences(reader: Reader, model: str, span: Window, size: str) -> Iterator[Point]:
    """For how many seconds, by the end of each window, the model had served nothing; 0 where it served in it.

    Raises:
        StoreError: the store could not answer.

    """
    query = Query(
        dataset=Dataset.INFERENCE,
        window=Window(start=span.start - _BEFORE, end=span.end),
        where=Equals(schema.MODEL_NAME, model),
        by={"start": TimeBucket(size)},
        measures={"last": Max(schema.TIMESTAMP)},
    )
    served = {row["start"]: row["last"] for row in reader.query(query)}
    last: datetime | None = max((at for start, at in served.items() if start < span.start), default=None)
    for window in windows(span, size):
        last = served.get(window.start, last)
        if last is not None:
            quiet = 0.0 if window.start in served else (window.end - last).total_seconds()
            yield Point(start=window.start, end=window.end, value=quiet, n=float("inf"))
