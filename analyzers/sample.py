"""A bounded sample of the events of a window, the same in every store.

Events are numbered by their producers, so numbers drawn at random from those that occur name events at
random: each has the same chance, whatever its time, and all is asked by ordinary queries. Where numbers are
few and far between, they are counted in ever narrower bins first.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Final

import numpy as np
from msgspec import Struct

from mlmon.analyzers.joint import mixed
from mlmon.core import schema
from mlmon.core.event import Document
from mlmon.core.query import Count, Exists, Filter, Max, Min, NumberBucket, OneOf, Query, Scan, both
from mlmon.core.schema import Dataset
from mlmon.core.store import Reader
from mlmon.core.window import Window

_MOST_NUMBERS: Final = 10_000
"""Numbers that one scan asks for."""

_MOST_BINS: Final = 10_000
_FIRST_BINS: Final = 256
_NARROWER: Final = 16
_SLACK: Final = 2
"""More than were asked for are read where several producers have the same numbers; at most so many times."""


class Sample(Struct, frozen=True, kw_only=True):
    """The documents, of how many in all; events without a number are not among these."""

    documents: list[Document]
    of: int


def sample(reader: Reader, window: Window, where: Filter | None, fields: Sequence[str], rows: int) -> Sample:
    """About so many inferences of a window, or all of them where they are no more than twice as many.

    Raises:
        StoreError: the store failed.

    """
    numbered = both(where, Exists(schema.EVENT_SEQUENCE))
    [known] = reader.query(
        Query(
            dataset=Dataset.INFERENCE,
            window=window,
            where=numbered,
            measures={"n": Count(), "low": Min(schema.EVENT_SEQUENCE), "high": Max(schema.EVENT_SEQUENCE)},
        )
    )
    if known["n"] > _SLACK * rows:
        low, high = int(known["low"]), int(known["high"])
        numbers = _numbers(reader, window, numbered, rows, known["n"], low, high)
        numbered = both(numbered, OneOf(schema.EVENT_SEQUENCE, numbers))
    scan = Scan(
        dataset=Dataset.INFERENCE,
        window=window,
        where=numbered,
        fields=(schema.EVENT_ID, *fields),
        limit=_SLACK * rows,
    )
    return Sample(documents=[one for batch in reader.scan(scan) for one in batch], of=int(known["n"]))


def _numbers(
    reader: Reader, window: Window, where: Filter | None, rows: int, n: int, low: int, high: int
) -> tuple[int, ...]:
    """Numbers of which about so many events have one."""
    width = max((high - low) // _FIRST_BINS, 1)
    while True:
        query = Query(
            dataset=Dataset.INFERENCE,
            window=window,
            where=where,
            by={"bin": NumberBucket(schema.EVENT_SEQUENCE, float(width))},
            measures={"n": Count()},
        )
        starts = [int(row["bin"]) for row in reader.query(query)]
        wanted = rows * width * len(starts) / n
        if wanted <= _MOST_NUMBERS or width == 1 or len(starts) * _NARROWER > _MOST_BINS:
            return _drawn(starts, width, min(round(wanted), _MOST_NUMBERS))
        width = max(width // _NARROWER, 1)


def _drawn(starts: Sequence[int], width: int, wanted: int) -> tuple[int, ...]:
    """So many different numbers of the bins, drawn without replacement; the same at every call."""
    whole = width * len(starts)
    places = np.arange(2 * wanted, dtype=np.uint64) + np.uint64(starts[0])
    chosen = islice(dict.fromkeys((mixed(places) % np.uint64(whole)).tolist()), wanted)
    return tuple(sorted(starts[place // width] + place % width for place in chosen))
