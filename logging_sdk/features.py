"""What a model was given, in whatever form a host has it, as one row or as columns."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

Row = Mapping[str, Any]
Columns = dict[str, list[Any]]


def row_of(features: Any, names: Sequence[str] = ()) -> Row:  # noqa: ANN401, PLR0911 - one return a form
    """One row by name.

    Takes a mapping, a dataclass, a named tuple, a msgspec or pydantic model, a pandas Series, a frame or an
    array of one row, or a sequence, whose features are called `names`, else `x0`, `x1` and so on.

    Raises:
        TypeError, ValueError: nothing of these, or not one row.

    """
    if features is None:
        return {}
    if isinstance(features, Mapping):
        return features
    if hasattr(features, "columns") or getattr(features, "ndim", 1) == 2:  # noqa: PLR2004 - rows and columns
        return _only_row(columns_of(features, names)[0])
    if isinstance(features, Struct):
        return asdict(features)
    if dataclasses.is_dataclass(features) and not isinstance(features, type):
        return {field.name: getattr(features, field.name) for field in dataclasses.fields(features)}
    for method in ("_asdict", "model_dump", "to_dict"):
        if callable(getattr(features, method, None)):
            return dict(getattr(features, method)())
    if isinstance(features, (str, bytes)):
        raise TypeError(f"features are a {type(features).__name__}; pass a mapping of names to values")
    return dict(zip(_named(len(features), names), _listed(features), strict=True))


def columns_of(features: Any, names: Sequence[str] = ()) -> tuple[Columns, int]:  # noqa: ANN401
    """Columns by name, each a list, and how many rows there are.

    Takes a DataFrame, a mapping of columns, an array of shape (rows, features), or a sequence of rows in
    any form that `row_of` takes. Rows may lack a feature, which then is missing.

    Raises:
        TypeError, ValueError: nothing of these, or columns of different lengths.

    """
    if hasattr(features, "columns"):
        columns = {str(name): _listed(features[name]) for name in features.columns}
    elif isinstance(features, Mapping):
        columns = {str(name): _listed(values) for name, values in features.items()}
    elif getattr(features, "ndim", None) == 2:  # noqa: PLR2004 - rows and columns
        columns = dict(zip(_named(features.shape[1], names), features.T.tolist(), strict=True))
    else:
        rows = [row_of(row, names) for row in features]
        keys = dict.fromkeys(key for row in rows for key in row)
        return {str(key): [row.get(key) for row in rows] for key in keys}, len(rows)
    lengths = {len(values) for values in columns.values()}
    if len(lengths) > 1:
        raise ValueError(f"the columns of the features have different lengths: {sorted(lengths)}")
    return columns, lengths.pop() if lengths else 0


def listed(values: Any, length: int, what: str) -> list[Any]:  # noqa: ANN401 - any sequence of a caller
    """A column of a caller as a list of the expected length.

    Raises:
        ValueError: it has another length.

    """
    column = _listed(values)
    if len(column) != length:
        raise ValueError(f"{what} has {len(column)} entries for {length} rows")
    return column


def _listed(values: Any) -> list[Any]:  # noqa: ANN401 - any sequence of a caller
    if type(values) is list:
        return values
    return list(values.tolist()) if hasattr(values, "tolist") else list(values)


def _named(count: int, names: Sequence[str]) -> Sequence[str]:
    return names or [f"x{index}" for index in range(count)]


def _only_row(columns: Columns) -> Row:
    lengths = {len(values) for values in columns.values()}
    if lengths - {1}:
        raise ValueError("the features have several rows; log them with batch()")
    return {name: values[0] for name, values in columns.items()}
