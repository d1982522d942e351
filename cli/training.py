"""A training table as columns by their role."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from mlmon.cli import rows


class Table(Struct, frozen=True, kw_only=True):
    """Columns of equal length; None is missing. What was not named is a feature."""

    features: dict[str, list[Any]]
    roles: dict[str, list[Any]]
    segments: dict[str, list[Any]]


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
    """Read a whole table. Text that holds numbers only becomes numbers, as CSV knows no types.

    Raises:
        UsageError: a column that is not there, a row that cannot be read.

    """
    names = rows.columns_of(path)
    given = {
        "score": prediction_score, "label": prediction_label, "value": prediction_value,
        "outcome": outcome_label, "outcome_value": outcome_value,
    }  # fmt: skip
    named = {role: rows.column(path, name, names, what=role) for role, name in given.items() if name}
    for name in (*segments, *ignore):
        rows.column(path, name, names, what="segment" if name in segments else "columns to ignore")
    columns = _read(path, names)
    text = {named[role] for role in ("label", "outcome") if role in named}
    taken = {*named.values(), *ignore}
    return Table(
        features={name: _typed(columns[name]) for name in names if name not in taken},
        roles={
            role: _as_text(columns[name]) if name in text else _typed(columns[name])
            for role, name in named.items()
            if name is not None
        },
        segments={name: _as_text(columns[name]) for name in segments},
    )


def _read(path: str, names: Sequence[str]) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {name: [] for name in names}
    for row in rows.read_sound(path):
        for name, values in columns.items():
            values.append(row.values.get(name))
    return columns


def _typed(values: list[Any]) -> list[Any]:
    """Numbers where every value is one or missing, else text."""
    try:
        return [None if value is None else float(value) for value in values]
    except (TypeError, ValueError):
        return _as_text(values)


def _as_text(values: list[Any]) -> list[Any]:
    return [None if value is None else str(value) for value in values]
