"""A file that a person brings, as whole typed columns.

For commands that look at one file by itself. A column is numbers, times or text; what it holds decides, and
all its cells are looked at, not the first few.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from mlmon.cli import readings, series
from mlmon.cli.readings import NUMBER, TEXT, TIME, Reading
from mlmon.cli.rows import check
from mlmon.cli.source import Source, opened, unmasked
from mlmon.cli.sql import quoted

_NOTHING: Final = {NUMBER: float("nan"), TIME: "NaT", TEXT: None}
_TRUTH: Final = {"true", "false", "True", "False", "TRUE", "FALSE"}


class Frame(Struct, frozen=True, kw_only=True):
    """The columns of a file, of equal length.

    `values` are by name: an array of floats where NaN is missing, of UTC times where NaT is, or of text where
    None is. `kinds` says which; `rows` is how long they are.
    """

    path: str
    rows: int
    kinds: dict[str, str]
    values: dict[str, Any]


def read(path: str, *, only: Sequence[str] = (), as_text: Iterable[str] = ()) -> Frame:
    """Read a file's columns, all of them or `only` some; those in `as_text` stay as the file writes them.

    Raises:
        UsageError: the file cannot be read, or lacks a column named.

    """
    texts = frozenset(as_text)
    with opened(path) as source:
        check(path, (*only, *texts), list(source.types), what="columns to read")
        names = list(only) or list(source.types)
        found = readings.of(source, [name for name in names if name not in texts])
        found |= {name: readings.as_text(source, name) for name in names if name in texts}
        arrays = _arrays(source, {name: found[name] for name in names})
    values = {name: _plain(arrays[name], found[name].kind) for name in names}
    return Frame(
        path=path,
        rows=len(next(iter(values.values()))),
        kinds={name: found[name].kind for name in names},
        values=values,
    )


def _arrays(source: Source, columns: dict[str, Reading]) -> dict[str, Any]:
    selected = ", ".join(f"{each.sql} AS {quoted(name)}" for name, each in columns.items())
    arrays: dict[str, Any] = source.relation.select(selected).fetchnumpy()
    return arrays


def columns_of(path: str) -> list[str]:
    """The names of a file's columns; for NDJSON those of all its objects.

    Raises:
        UsageError: the file cannot be read.

    """
    with opened(path) as source:
        return list(source.types)


def is_empty(frame: Frame, name: str) -> bool:
    """Whether no row has a value in a column; such a column has no kind of its own."""
    return frame.kinds[name] == TEXT and all(value is None for value in frame.values[name])


def reread(frame: Frame, *, as_text: Sequence[str]) -> Frame:
    """The frame with some columns as the file writes them."""
    texts = [name for name in as_text if frame.kinds[name] != TEXT]
    if not texts:
        return frame
    again = read(frame.path, only=texts, as_text=texts)
    return replace(frame, kinds=frame.kinds | again.kinds, values=frame.values | again.values)


def without(frame: Frame, names: Collection[str]) -> Frame:
    """The frame less some columns."""
    return replace(
        frame,
        kinds={name: one for name, one in frame.kinds.items() if name not in names},
        values={name: values for name, values in frame.values.items() if name not in names},
    )


def _plain(array: Any, kind: str) -> Any:  # noqa: ANN401 - arrays, masked where something is missing
    plain = unmasked(array, _NOTHING[kind])
    return _one_spelling(plain) if kind == TEXT else plain


def _one_spelling(texts: Any) -> Any:  # noqa: ANN401 - an array of text
    """Truth in small letters, as Parquet's comes; programs write it in all three ways."""
    if set(texts) - {None} <= _TRUTH:
        texts[:] = [None if text is None else text.lower() for text in texts]
    return texts


def times(frame: Frame, name: str) -> Any:  # noqa: ANN401 - an array of times
    """The times of a column, which may be written as numbers too.

    Raises:
        UsageError: there is no such column, or a value that is no time, with its line.

    """
    check(frame.path, (name,), list(frame.values), what="time")
    if frame.kinds[name] == TIME:
        return frame.values[name]
    return series.timestamps(frame.path, name)
