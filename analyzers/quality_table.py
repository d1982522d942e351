"""Is a table fit to be served or learnt from? Each column, and the table as a whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from mlmon.analyzers.expectations import (
    DUPLICATES,
    FRESHNESS,
    NUMBER,
    RARE,
    SCHEMA,
    TEXT,
    TIME,
    VOLUME,
    Expected,
    Problem,
    Seen,
    of_reference,
    problems,
)
from mlmon.analyzers.profile_columns import Column, Columns, floats, from_columns, is_numeric, text
from mlmon.analyzers.reference import Categorical, Reference

Row = dict[str, Any]

KEYS: Final = (
    "column", "kind", "rows", "missing", "missing_rate", "infinite", "distinct", "low", "high",
    "most_frequent", "problems",
)  # fmt: skip
"""The keys of the rows; the first row has an empty column and is of the whole table."""

_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SHOWN: Final = 3
_FEWEST_DAYS: Final = 4
_DAY: Final = timedelta(days=1)


class Times(Struct, frozen=True, kw_only=True):
    """When the rows are of: an array of UTC times, NaT where missing; and how old the newest may be."""

    values: Column
    now: datetime
    fresh: timedelta | None = None


def check(
    table: Mapping[str, Column],
    *,
    reference: Mapping[str, Column] | None = None,
    expect: Mapping[str, Expected] | None = None,
    times: Times | None = None,
) -> list[Row]:
    """Check a table: by itself, against a reference table, and against what is declared of its columns.

    What is declared of a column takes the place of what the reference says of it.
    """
    known = _profile(reference)
    expected = (of_reference(known) if known is not None else {}) | dict(expect or {})
    seen = {name: _seen(values, expected.get(name, Expected())) for name, values in table.items()}
    broken = problems({name: (one, expected.get(name, Expected())) for name, one in seen.items()})
    rows = [_column(name, one, broken.get(name, [])) for name, one in seen.items()]
    n = len(next(iter(table.values()), ()))
    found = [*_schema(table, expected), *_duplicates(table, reference)]
    if not n:
        found.append(Problem(check=VOLUME, value=0.0, bound=1.0, message="has no rows"))
    elif times:
        found += _arrival(times)
    return [{"column": "", "kind": "table", "rows": n, "problems": [_said(one) for one in found]}, *rows]


def _profile(reference: Mapping[str, Column] | None) -> Reference | None:
    features = {name: values for name, values in (reference or {}).items() if not _is_time(values)}
    if not features:
        return None
    made = from_columns(
        Columns(features=features),
        model="", source="", now=_NEVER,
    )  # fmt: skip
    wide = {
        name: Categorical(counts=_counts(features[name]), missing=profile.missing)
        for name, profile in made.categorical.items()
    }
    return Reference(
        model="", source="", built_at=made.built_at, n=made.n, numeric=made.numeric, categorical=wide
    )


def _column(name: str, seen: Seen, broken: list[Problem]) -> Row:
    frequent = Counter(seen.counts).most_common(_SHOWN)
    return {
        "column": name,
        "kind": seen.kind,
        "rows": int(seen.rows),
        "missing": int(seen.missing),
        "missing_rate": seen.missing / seen.rows if seen.rows else None,
        "infinite": int(seen.infinite),
        "distinct": seen.distinct,
        "low": seen.low,
        "high": seen.high,
        "most_frequent": {value: count / (seen.rows - seen.missing) for value, count in frequent} or None,
        "problems": [_said(problem) for problem in broken],
    }


def _said(problem: Problem) -> Row:
    return {
        "check": problem.check, "value": problem.value, "bound": problem.bound, "message": problem.message,
    }  # fmt: skip


def _is_time(values: Column) -> bool:
    return isinstance(values, np.ndarray) and np.issubdtype(values.dtype, np.datetime64)


def _seen(values: Column, expected: Expected) -> Seen:
    if _is_time(values):
        there = np.asarray(values)
        missing = float(np.isnat(there).sum())
        return Seen(kind=TIME, rows=float(len(values)), missing=missing, distinct=np.unique(there).size)
    return _numbers(floats(values), expected) if is_numeric(values) and len(values) else _texts(values)


def _numbers(array: npt.NDArray[np.float64], expected: Expected) -> Seen:
    missing, known = float(np.isnan(array).sum()), array[np.isfinite(array)]
    if missing == array.size:
        return Seen(kind=None, rows=float(array.size), missing=missing, distinct=0)
    low, high = expected.low, expected.high
    below = known < low if low is not None else np.zeros(known.size, dtype=bool)
    above = known > high if high is not None else np.zeros(known.size, dtype=bool)
    return Seen(
        kind=NUMBER,
        rows=float(array.size),
        missing=missing,
        infinite=float(np.isinf(array).sum()),
        distinct=int(np.unique(known).size),
        outside=float((below | above).sum()),
        low=float(known.min()) if known.size else None,
        high=float(known.max()) if known.size else None,
    )


def _texts(values: Column) -> Seen:
    counts = _counts(values)
    there = sum(counts.values())
    return Seen(
        kind=TEXT if counts else None,
        rows=float(len(values)),
        missing=len(values) - there,
        distinct=len(counts),
        counts=counts,
        numbers=sum(count for name, count in counts.items() if _is_number(name)),
    )


def _counts(values: Column) -> dict[str, float]:
    counts = Counter(text(values))
    counts.pop(None, None)
    return {name: float(count) for name, count in counts.items() if name is not None}


def _is_number(name: str) -> bool:
    try:
        float(name)
    except ValueError:
        return False
    return True


def _schema(table: Mapping[str, Column], expected: Mapping[str, Expected]) -> list[Problem]:
    if not expected:
        return []
    lost = [name for name in expected if name not in table]
    fresh = [name for name in table if name not in expected and not _is_time(table[name])]
    said = ((lost, "columns gone"), (fresh, "columns new"))
    return [
        Problem(check=SCHEMA, value=float(len(names)), bound=0.0, message=f"{about}: {', '.join(names)}")
        for names, about in said
        if names
    ]


def _duplicates(table: Mapping[str, Column], reference: Mapping[str, Column] | None) -> list[Problem]:
    share = _repeated(table)
    usual = _repeated(reference) if reference else 0.0
    if share <= usual + RARE:
        return []
    message = f"{share:.1%} of the rows repeat another" + (f", expected {usual:.1%}" if reference else "")
    return [Problem(check=DUPLICATES, value=share, bound=usual + RARE, message=message)]


def _repeated(table: Mapping[str, Column]) -> float:
    """The share of rows that are all the same as an earlier one."""
    n = len(next(iter(table.values()), ()))
    codes = np.zeros(n, dtype=np.int64)
    for values in table.values():
        places = np.unique(_comparable(values), return_inverse=True)[1].reshape(-1)
        codes = np.unique(codes * (int(places.max(initial=0)) + 1) + places, return_inverse=True)[1].reshape(
            -1
        )
        if int(codes.max(initial=0)) + 1 >= n:
            return 0.0
    return 1.0 - (int(codes.max()) + 1) / n if n else 0.0


def _comparable(values: Column) -> npt.NDArray[Any]:
    if _is_time(values):
        return np.asarray(values)
    if is_numeric(values):
        return floats(values)
    return np.asarray(["\0" if value is None else value for value in text(values)], dtype=np.str_)


def _arrival(times: Times) -> list[Problem]:
    """Whether the newest row is new enough, and whether the last whole day has as many rows as others."""
    array = np.asarray(times.values, dtype="datetime64[us]")
    known = array[~np.isnat(array)].astype(np.float64) / 1e6
    if not known.size:
        return [Problem(check=FRESHNESS, value=1.0, bound=0.0, message="no row has a time")]
    found = []
    age = times.now.timestamp() - float(known.max())
    if times.fresh is not None and age > times.fresh.total_seconds():
        message = f"the newest row is {age / 3600.0:,.1f} h old"
        found.append(Problem(check=FRESHNESS, value=age, bound=times.fresh.total_seconds(), message=message))
    days = np.floor(known / _DAY.total_seconds()).astype(np.int64)
    counts = np.bincount(days - days.min())[:-1]
    if counts.size >= _FEWEST_DAYS:
        usual, last = float(np.median(counts[:-1])), float(counts[-1])
        if usual and not usual / 2.0 <= last <= usual * 2.0:
            message = f"the last whole day has {last:,.0f} rows, usual are {usual:,.0f}"
            found.append(Problem(check=VOLUME, value=last, bound=usual, message=message))
    return found
