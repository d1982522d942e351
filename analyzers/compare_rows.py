"""Whether the columns of two tables go together alike: rows of one against rows of the other."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np

from mlmon.analyzers import joint, multivariate
from mlmon.analyzers.multivariate import Together
from mlmon.analyzers.profile_columns import Column, Columns, from_columns, is_numeric, text

_MOST: Final = 20_000
"""Rows of a table that are looked at, evenly spaced."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def compare(reference: Mapping[str, Column], current: Mapping[str, Column]) -> Together | None:
    """Hold a bounded sample of both tables against each other, by the columns of one kind in both.

    None where fewer than two of them vary, or a side has too few rows.
    """
    both = [
        name for name, values in reference.items()
        if name in current and is_numeric(values) == is_numeric(current[name])
    ]  # fmt: skip
    old = {name: _some(reference[name]) for name in both}
    if not both or not len(old[both[0]]):
        return None
    made = from_columns(Columns(features=old), model="", source="", now=_EPOCH).joint
    if made is None:
        return None
    new = {column.name: _some(current[column.name]) for column in made.columns}
    codes = np.column_stack(
        [
            joint.coded(
                column, new[column.name] if isinstance(column, joint.Number) else text(new[column.name])
            )
            for column in made.columns
        ]
    )
    drawn = joint.codes_of(joint.drawn(made.columns, codes, joint.keys_of(codes)))
    return multivariate.together(multivariate.known_of(made), drawn, np.ones(len(drawn)))


def sentence(found: Together | None) -> str:
    """What is said of it in a line; empty where there is no answer."""
    if found is None or found.area is None or found.area.estimate.value is None:
        return ""
    names = [name for name, share in found.shares.items() if share >= multivariate.TOLD]
    by = f" by {', '.join(names[:3])}" if found.area.estimate.value >= 0.55 and names else ""  # noqa: PLR2004 - of note
    return f"together: a classifier tells the files apart{by} with an AUC of {found.area.estimate.value:.2f}"


def _some(values: Column) -> Any:  # noqa: ANN401 - a column of the same kind
    if len(values) <= _MOST:
        return values
    places = np.linspace(0, len(values) - 1, _MOST).astype(np.intp)
    return values[places] if isinstance(values, np.ndarray) else [values[place] for place in places.tolist()]
