"""A reference made from a DataFrame or an Arrow table, whichever library made it.

pandas, polars and pyarrow are not imported: what their tables have in common is all that is asked of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from mlmon.analyzers.profile_columns import Column, Columns, from_columns
from mlmon.analyzers.reference import Reference
from mlmon.core.errors import UsageError, nearest

_ROLES: Final = ("score", "label", "outcome", "value", "outcome_value")


def from_frame(  # noqa: PLR0913 - what a column may be, by name
    frame: Any,  # noqa: ANN401 - a table of any library
    *,
    model: str,
    version: str = "",
    source: str = "DataFrame",
    now: datetime | None = None,
    task: str = "",
    positive_label: str | None = None,
    like: Reference | None = None,
    score: str | None = None,
    label: str | None = None,
    outcome: str | None = None,
    value: str | None = None,
    outcome_value: str | None = None,
    segments: Sequence[str] = (),
    ignore: Sequence[str] = (),
) -> Reference:
    """The profile of a pandas or polars DataFrame, or of a pyarrow Table.

    `score`, `label`, `outcome`, `value` and `outcome_value` name columns as `Columns` has them; every column
    that nothing names is a feature. `like` gives the edges, so that parts of one table merge exactly. `now`
    is when it was built, UTC; None takes the present.

    Raises:
        UsageError: the table lacks a column that is named, or is no table.

    """
    names = _names(frame)
    named = dict(zip(_ROLES, (score, label, outcome, value, outcome_value), strict=True))
    roles = {role: name for role, name in named.items() if name is not None}
    for name in (*roles.values(), *segments, *ignore):
        if name not in names:
            raise UsageError(
                f"The table has no column '{name}'.{nearest(name, names)} It has {', '.join(names)}."
            )
    taken = {*roles.values(), *ignore}
    plain = Columns(
        features={name: column(frame, name) for name in names if name not in taken},
        segments={name: column(frame, name) for name in segments},
    )
    columns = replace(plain, **{role: column(frame, name) for role, name in roles.items()})
    return from_columns(
        columns, model=model, version=version, source=source, now=now or datetime.now(UTC), task=task,
        positive_label=positive_label, like=like,
    )  # fmt: skip


def _names(frame: Any) -> list[str]:  # noqa: ANN401 - as above
    found = getattr(frame, "column_names", None)
    found = getattr(frame, "columns", None) if found is None else found
    if found is None:
        raise UsageError(
            f"A reference is made of a DataFrame or an Arrow table, not of a {type(frame).__name__}."
        )
    return [str(name) for name in found]


def column(frame: Any, name: str) -> Column:  # noqa: ANN401 - as above
    """A column as an array of numbers, NaN where missing, or as a list of values, None where missing."""
    values = frame[name]
    plain = values.to_list() if hasattr(values, "to_list") else values.to_pylist()
    array = np.asarray(values.to_numpy()) if hasattr(values, "to_numpy") else np.asarray(plain, dtype=object)
    if array.dtype.kind in "fiu":
        floats: npt.NDArray[np.float64] = array.astype(np.float64, copy=False)
        return floats
    return [_value(one) for one in plain]


def _value(value: Any) -> Any:  # noqa: ANN401 - a cell
    """A cell with every library's way to say missing as None."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return None
    return None if isinstance(value, float) and value != value else value  # noqa: PLR0124 - NaN alone differs from itself
