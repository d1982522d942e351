"""A training table as columns by their role."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from msgspec import Struct

from mlmon.cli import frame, rows, series
from mlmon.cli.readings import TIME
from mlmon.core.errors import UsageError

_WHOLE: Final = re.compile(r"(-?\d+)\.0+")
"""A class or a segment that a table keeps as a number, because others are missing; it is served without."""


class Table(Struct, frozen=True, kw_only=True):
    """Columns of equal length; None and NaN are missing. What was not named is a feature."""

    features: dict[str, Any]
    roles: dict[str, Any]
    segments: dict[str, Any]


def read_table(
    path: str,
    *,
    prediction_score: str | None = None,
    prediction_label: str | None = None,
    prediction_value: str | None = None,
    outcome_label: str | None = None,
    outcome_value: str | None = None,
    segments: Sequence[str] = (),
    ignore: Sequence[str] = (),
) -> Table:
    """Read a whole table. Times are no features but text, as they are served.

    Raises:
        UsageError: no rows, a column that is not there, a row that cannot be read, a score that is no number.

    """
    names = frame.columns_of(path)
    numbers = {"score": prediction_score, "value": prediction_value, "outcome_value": outcome_value}
    labels = {"label": prediction_label, "outcome": outcome_label}
    named = {role: name for role, name in (numbers | labels).items() if name is not None}
    for role, name in named.items():
        rows.check(path, (name,), names, what=role)
    rows.check(path, segments, names, what="segment")
    rows.check(path, ignore, names, what="columns to ignore")
    if next(iter(rows.read(path)), None) is None:
        raise UsageError(f"{path} has no rows. Give a file with at least one.")
    taken = {*named.values(), *ignore}
    texts = _texts(path, [*segments, *(name for role, name in named.items() if role in labels)])
    return Table(
        features=_features(path, [name for name in names if name not in taken]),
        roles={
            role: texts[name] if role in labels else series.numbers(path, name, what=role)
            for role, name in named.items()
        },
        segments={name: texts[name] for name in segments},
    )


def _features(path: str, names: Sequence[str]) -> dict[str, Any]:
    if not names:
        return {}
    found = frame.read(path, only=names)
    return frame.reread(found, as_text=[name for name, kind in found.kinds.items() if kind == TIME]).values


def _texts(path: str, names: Iterable[str]) -> dict[str, list[str | None]]:
    wanted = list(dict.fromkeys(names))
    if not wanted:
        return {}
    found = frame.read(path, only=wanted, as_text=wanted).values
    return {name: _served(values) for name, values in found.items()}


def _served(values: Iterable[str | None]) -> list[str | None]:
    """Texts as they are served: whole numbers without a fraction."""
    plain: dict[str, str] = {}
    return [
        None
        if value is None
        else plain.setdefault(value, _WHOLE.sub(r"\1", value) if _WHOLE.fullmatch(value) else value)
        for value in values
    ]
