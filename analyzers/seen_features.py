"""What events show of each feature in each window: the `Seen` that the rules of data quality judge.

A feature may come as a number, as text, or as both, so it is looked for in both families. Nothing but counts
is asked for: of numbers those outside the expected range, of text its most frequent values.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct, field

from mlmon.analyzers.ask import Ask
from mlmon.analyzers.cells import Cell, Slice, cells, weight_of, weighted
from mlmon.analyzers.expectations import NUMBER, TEXT, Expected, Seen
from mlmon.analyzers.weights import Moments
from mlmon.core import schema
from mlmon.core.query import (
    Count,
    Distinct,
    Equals,
    Exists,
    Filter,
    Histogram,
    Max,
    Measure,
    Min,
    Query,
    TopTerms,
    both,
)
from mlmon.core.schema import Dataset
from mlmon.core.store import Reader

_UNNAMED: Final = 50
"""Categories asked for beyond those that are expected."""

_MOST_TERMS: Final = 1_050
_A_QUERY: Final = 32
_WINDOWS_A_QUERY: Final = 64
_ABOVE: Final = 2
"""The bin of a histogram over two edges that lies above both."""

_TRAFFIC: Final = weighted({"n": Count()})


class Names(Struct, frozen=True, kw_only=True):
    """The features that a model's events hold: as numbers, and as text. One may be in both."""

    numeric: tuple[str, ...]
    text: tuple[str, ...]


class _Half(Struct, kw_only=True):
    """What one family holds of a feature: counts are weighted."""

    present: float = 0.0
    outside: float = 0.0
    low: float | None = None
    high: float | None = None
    distinct: int = 0
    counts: dict[str, float] = field(default_factory=dict)


class Looked(Struct, kw_only=True):
    """A cell, its traffic, and what was found in it of each feature."""

    cell: Cell
    traffic: Moments
    numbers: dict[str, _Half] = field(default_factory=dict)
    texts: dict[str, _Half] = field(default_factory=dict)

    def seen(self, name: str) -> Seen:
        """A feature as the rules take it."""
        numbers, texts = self.numbers.get(name, _Half()), self.texts.get(name, _Half())
        n = self.traffic.weight
        missing = max(n - numbers.present - texts.present, 0.0)
        effective = self.traffic.n_effective / n if n else 1.0
        if texts.present:
            return Seen(
                kind=TEXT, rows=n, missing=missing, effective=effective,
                distinct=max(len(texts.counts), texts.distinct) + bool(numbers.present), counts=texts.counts,
                untold=max(texts.present - sum(texts.counts.values()), 0.0),
                numbers=numbers.present, strays=numbers.present,
            )  # fmt: skip
        is_constant = numbers.low is not None and numbers.low == numbers.high
        return Seen(
            kind=NUMBER if numbers.present else None, rows=n, missing=missing, effective=effective,
            distinct=1 if is_constant else None, outside=numbers.outside, low=numbers.low, high=numbers.high,
        )  # fmt: skip


def names_of(reader: Reader, ask: Ask) -> Names:
    """The features that a model's events of the asked span hold."""
    return Names(
        numeric=tuple(_held(reader, ask, schema.FEATURES_NUMERIC)),
        text=tuple(_held(reader, ask, schema.FEATURES_CATEGORICAL)),
    )


def _held(reader: Reader, ask: Ask, family: str) -> Iterator[str]:
    where: Filter | None = Equals(schema.MODEL_NAME, ask.model.name)
    if ask.version:
        where = both(where, Equals(schema.MODEL_VERSION, ask.version))
    for some in _chunks(reader.members(Dataset.INFERENCE, family)):
        measures: dict[str, Measure] = {
            name: Count(where=Exists(schema.member(family, name))) for name in some
        }
        asked = Query(dataset=Dataset.INFERENCE, window=ask.span, where=where, measures=measures)
        [row] = reader.query(asked).rows
        yield from (name for name in some if row[name])


def look(
    reader: Reader, ask: Ask, piece: Slice, names: Names, expected: Mapping[str, Expected]
) -> list[Looked]:
    """Every cell with as many events as the policy asks for, with what it holds of each feature.

    `expected` gives the ranges and the categories that are counted against.
    """
    found: dict[Cell, Looked] = {}
    for cell, rows in cells(reader, ask, piece, _TRAFFIC):
        traffic = Moments()
        for row in rows:
            traffic.add(weight_of(row), row["n"])
        if traffic.n_effective >= ask.policy.min_n:
            found[cell] = Looked(cell=cell, traffic=traffic)
    if found:
        for some in _chunks(names.numeric):
            _look_at_numbers(reader, ask, piece, some, expected, found)
        for some in _chunks(names.text):
            _look_at_texts(reader, ask, piece, some, expected, found)
    return list(found.values())


def _look_at_numbers(
    reader: Reader,
    ask: Ask,
    piece: Slice,
    names: Sequence[str],
    expected: Mapping[str, Expected],
    found: Mapping[Cell, Looked],
) -> None:
    measures: dict[str, Measure] = {}
    for place, name in enumerate(names):
        number = schema.member(schema.FEATURES_NUMERIC, name)
        measures[f"h{place}"] = Histogram(number, _edges(expected.get(name, Expected())))
        measures[f"l{place}"] = Min(number)
        measures[f"u{place}"] = Max(number)
    for cell, rows in cells(reader, ask, piece, weighted(measures, _WINDOWS_A_QUERY)):
        if cell not in found:
            continue
        for place, name in enumerate(names):
            half = found[cell].numbers.setdefault(name, _Half())
            for row in rows:
                counts = row[f"h{place}"]
                half.present += weight_of(row) * sum(counts)
                half.outside += weight_of(row) * (counts[0] + counts[_ABOVE])
            half.low = min((row[f"l{place}"] for row in rows if row[f"l{place}"] is not None), default=None)
            half.high = max((row[f"u{place}"] for row in rows if row[f"u{place}"] is not None), default=None)


def _edges(expected: Expected) -> tuple[float, float]:
    """Two edges that the expected numbers lie between, the upper one being just above them."""
    low = -math.inf if expected.low is None else expected.low
    high = math.inf if expected.high is None else math.nextafter(expected.high, math.inf)
    return low, max(high, math.nextafter(low, math.inf))


def _look_at_texts(
    reader: Reader,
    ask: Ask,
    piece: Slice,
    names: Sequence[str],
    expected: Mapping[str, Expected],
    found: Mapping[Cell, Looked],
) -> None:
    measures: dict[str, Measure] = {}
    for place, name in enumerate(names):
        text, known = schema.member(schema.FEATURES_CATEGORICAL, name), expected.get(name, Expected())
        wanted = len(known.counts or known.categories or ()) + _UNNAMED
        measures[f"t{place}"] = TopTerms(text, min(wanted, _MOST_TERMS))
        measures[f"n{place}"] = Count(where=Exists(text))
        measures[f"d{place}"] = Distinct(text)
    for cell, rows in cells(reader, ask, piece, weighted(measures, _WINDOWS_A_QUERY)):
        if cell not in found:
            continue
        for place, name in enumerate(names):
            half = found[cell].texts.setdefault(name, _Half())
            for row in rows:
                half.present += weight_of(row) * row[f"n{place}"]
                half.distinct = max(half.distinct, row[f"d{place}"])
                for value, count in row[f"t{place}"] or ():
                    half.counts[value] = half.counts.get(value, 0.0) + weight_of(row) * count


def _chunks(names: Sequence[str]) -> Iterator[Sequence[str]]:
    return (names[start : start + _A_QUERY] for start in range(0, len(names), _A_QUERY))
