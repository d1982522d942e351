"""Which features drift as performance falls: the newest ranking of a model, for a person to look at first."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from mlmon.core.panel import Panel, Scope
from mlmon.core.panel import scope as scoped
from mlmon.core.panels.columns import HIGH, LOW, SUBJECT, TIME, VALUE, N, metrics
from mlmon.core.panels.drift import WITH_LOSS
from mlmon.core.query import Row
from mlmon.core.store import Reader

SHOWN: Final = 6
_SIZES: Final = {"7d": "weeks", "30d": "months", "month": "months"}
_OVER_TIME: Final[Panel] = replace(WITH_LOSS, query=metrics(("drift_with_loss",), subjects=True))


class Ranked(Struct, frozen=True, kw_only=True):
    """A feature and how its drift goes with the loss: a rank correlation, its interval, over `n` windows."""

    feature: str
    value: float
    low: float
    high: float
    n: int
    windows: str


def read(reader: Reader, to: Scope, sizes: Collection[str]) -> list[Ranked]:
    """The features whose drift rises with the loss beyond chance, the closest first; of the newest ranking.

    Nothing where a version or a segment is looked at: the ranking is of all traffic.

    Raises:
        StoreError: the store could not answer.

    """
    if to.version or to.segment:
        return []
    for size in _SIZES:
        if size in sizes and (rows := reader.query(scoped(_OVER_TIME, replace(to, size=size))).rows):
            last = max(row[TIME] for row in rows)
            told = [_ranked(row, _SIZES[size]) for row in rows if row[TIME] == last and _is_told(row)]
            return sorted(told, key=lambda one: (-one.value, one.feature))[:SHOWN]
    return []


def _is_told(row: Row) -> bool:
    return row[LOW] is not None and row[LOW] > 0.0


def _ranked(row: Row, windows: str) -> Ranked:
    return Ranked(
        feature=row[SUBJECT], value=row[VALUE], low=row[LOW], high=row[HIGH], n=int(row[N]), windows=windows
    )
