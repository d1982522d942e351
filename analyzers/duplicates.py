"""Was an inference logged more than once?

An event that is sent again under its own id is stored once, so it is no duplicate. What can be seen is an
inference whose id several events bear: a service that logs a prediction twice, or a replay under new ids.
Rows that are alike but bear ids of their own cannot be told apart from honest ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlmon.analyzers.ask import Ask
from mlmon.analyzers.cells import Cell, Question, Slice, cells
from mlmon.analyzers.expectations import DUPLICATES, RARE
from mlmon.analyzers.report import metric
from mlmon.analyzers.statistics.estimate import without_interval
from mlmon.core import schema
from mlmon.core.query import Count, Distinct, Exists, Measure
from mlmon.core.result import Finding, Result
from mlmon.core.schema import Dataset
from mlmon.core.store import Reader

ANALYZER: Final = "quality"
RATE: Final = "duplicate_rate"
_DAY: Final = "1d"
_DAYS_A_QUERY: Final = 3
"""Every id of so many days is held at once."""

_IDS: Final[dict[str, Measure]] = {
    "events": Count(where=Exists(schema.INFERENCE_ID)),
    "ids": Distinct(schema.INFERENCE_ID),
}


def analyze(reader: Reader, ask: Ask) -> Iterator[Result]:
    """`duplicate_rate` of every day of all traffic: the share of events whose id was there before.

    Longer windows would need all their ids at once. A store that counts different values by estimate does so
    above some thousands; so a finding needs one in a hundred.
    """
    if ask.size != _DAY:
        return
    question = Question(dataset=Dataset.INFERENCE, measures=_IDS, windows_a_query=_DAYS_A_QUERY)
    for cell, [row] in cells(reader, ask, Slice(), question):
        n, ids = row["events"], min(row["ids"], row["events"])
        if n < ask.policy.min_n:
            continue
        share = 1.0 - ids / n
        yield metric(ANALYZER, ask, cell, RATE, without_interval(share, n))
        if share > RARE and cell.window.end <= ask.now:
            yield _finding(ask, cell, share, n, ids)


def _finding(ask: Ask, cell: Cell, share: float, n: int, ids: int) -> Finding:
    return Finding(
        analyzer=ANALYZER,
        model=ask.model.name,
        version=cell.version,
        window=cell.window,
        size=ask.size,
        metric=RATE,
        value=share,
        bound=RARE,
        n=n,
        message=f"{share:.1%} of the inferences were logged before under the same id.",
        evidence={"check": DUPLICATES, "expected": {"ids": n}, "seen": {"ids": ids}, "from": "settings"},
    )
