"""How an answer is cut: a cell is one window of the whole traffic, of one version, or of one segment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import Final, NamedTuple

from msgspec import Struct

from mlmon.analyzers.ask import Ask
from mlmon.analyzers.models import MOST_VALUES
from mlmon.core import schema
from mlmon.core.query import Equals, Filter, Key, Measure, OneOf, Query, Row, Terms, TimeBucket, both
from mlmon.core.schema import Dataset
from mlmon.core.store import Reader
from mlmon.core.window import Window, following, windows

WINDOWS_A_QUERY: Final = 1_000
"""A long span is asked in parts: two score histograms of 1,000 windows are some 16 MB."""

ALL: Final = "all"
WEIGHT: Final = "weight"
_WINDOW: Final = "window"
_SLICE: Final = "slice"
_window_of: Final = itemgetter(_WINDOW)
_slice_of: Final = itemgetter(_SLICE)


class Cell(NamedTuple):
    """One part of the traffic in one window. `segment` is `field=value`; an empty string stands for all."""

    version: str
    segment: str
    window: Window


class Slice(Struct, frozen=True, kw_only=True):
    """One way to cut the traffic: not at all, by version, or by the values of a segment field."""

    field: str | None = None
    segment: str = ""
    values: tuple[str, ...] = ()


class Question(Struct, frozen=True, kw_only=True):
    """What to measure in each cell."""

    dataset: Dataset
    measures: Mapping[str, Measure]
    by: Mapping[str, Key] = {}
    where: Filter | None = None
    windows_a_query: int = WINDOWS_A_QUERY


def weighted(measures: Mapping[str, Measure], windows_a_query: int = WINDOWS_A_QUERY) -> Question:
    """What to measure of inferences, a row for each weight that some have."""
    return Question(
        dataset=Dataset.INFERENCE,
        by={WEIGHT: Terms(schema.SAMPLE_WEIGHT)},
        measures=measures,
        windows_a_query=windows_a_query,
    )


def weight_of(row: Row) -> float:
    """The weight of a row; 1 where there is none."""
    return 1.0 if row[WEIGHT] is None else float(row[WEIGHT])


def slices(ask: Ask) -> Iterator[Slice]:
    """The ways to cut that were asked for; the whole comes first."""
    yield Slice()
    if ask.by_version and not ask.version:
        yield Slice(field=schema.MODEL_VERSION)
    for name in ask.by_segment:
        yield Slice(
            field=schema.member(schema.SEGMENT, name),
            segment=name,
            values=ask.model.segments.get(name, ()),
        )


def cells(reader: Reader, ask: Ask, piece: Slice, question: Question) -> Iterator[tuple[Cell, list[Row]]]:
    """The rows of each cell that has documents, by window and then by version or segment.

    Documents without the field of the slice are in no cell of it.
    """
    keys: dict[str, Key] = {}
    if ask.size != ALL:
        keys[_WINDOW] = TimeBucket(ask.size)
    if piece.field is not None:
        keys[_SLICE] = Terms(piece.field)
    where = both(_where(ask, piece), question.where)
    for part in parts(ask.span, ask.size, question.windows_a_query):
        answer = reader.query(
            Query(
                dataset=question.dataset,
                window=part,
                where=where,
                by={**keys, **question.by},
                measures=dict(question.measures),
            )
        )
        yield from _grouped(answer.rows, ask, piece, part)


def _grouped(rows: list[Row], ask: Ask, piece: Slice, part: Window) -> Iterator[tuple[Cell, list[Row]]]:
    by_window = ((part, rows),) if ask.size == ALL else groupby(rows, _window_of)
    for start, of_window in by_window:
        window = start if isinstance(start, Window) else window_at(start, ask.size)
        if piece.field is None:
            yield Cell(ask.version, "", window), list(of_window)
            continue
        for value, of_slice in groupby(of_window, _slice_of):
            if value is None or value == "":
                continue
            cell = _cell(ask, piece, str(value), window)
            yield cell, list(of_slice)


def _cell(ask: Ask, piece: Slice, value: str, window: Window) -> Cell:
    if piece.segment:
        return Cell(ask.version, f"{piece.segment}={value}", window)
    return Cell(value, "", window)


@lru_cache(maxsize=4096)
def window_at(start: datetime, size: str) -> Window:
    """The window of a size that begins at a moment."""
    return Window(start=start, end=following(start, size))


def parts(span: Window, size: str, at_most: int) -> Iterator[Window]:
    """The span in runs of at most so many windows of the size."""
    if size == ALL:
        yield span
        return
    start, count = span.start, 0
    end = start
    for window in windows(span, size):
        end, count = window.end, count + 1
        if count == at_most:
            yield Window(start=start, end=end)
            start, count = end, 0
    if count:
        yield Window(start=start, end=end)


def _where(ask: Ask, piece: Slice) -> Filter | None:
    where: Filter | None = Equals(schema.MODEL_NAME, ask.model.name)
    if ask.version:
        where = both(where, Equals(schema.MODEL_VERSION, ask.version))
    if piece.field is not None and len(piece.values) >= MOST_VALUES:
        where = both(where, OneOf(piece.field, piece.values))
    return where
