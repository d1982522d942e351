"""The joint sample of a reference, drawn from the columns of a file or from a past window of a store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mlmon.analyzers import joint
from mlmon.analyzers.joint import Category, Codes, Joint, Keys, Number
from mlmon.analyzers.reference import FIELDS, Categorical, Numeric
from mlmon.analyzers.sample import sample
from mlmon.analyzers.statistics.proportions import Vector
from mlmon.core import schema
from mlmon.core.event import Document
from mlmon.core.query import Filter
from mlmon.core.store import Reader
from mlmon.core.window import Window

FEWEST: Final = 2
"""Features that can go together."""


def columns_of(
    numeric: Mapping[str, Numeric], categorical: Mapping[str, Categorical]
) -> tuple[Number | Category, ...]:
    """How features are coded, by their profiles; those that never vary, and what is no feature, are left out.

    Of more than `joint.MOST_COLUMNS` the first are taken, by name.
    """
    found: dict[str, Number | Category | None] = {
        name: joint.number(name, profile.edges, profile.counts) for name, profile in numeric.items()
    }
    found |= {name: joint.category(name, profile.counts) for name, profile in categorical.items()}
    told = [found[name] for name in sorted(found) if name not in FIELDS]
    return tuple(column for column in told if column is not None)[: joint.MOST_COLUMNS]


def of_columns(
    features: Mapping[str, Any], columns: tuple[Number | Category, ...], like: Joint | None = None
) -> Joint | None:
    """The sample of a table; `like` gives the bins, so that parts of one table merge exactly."""
    columns = like.columns if like is not None else columns
    if len(columns) < FEWEST or any(column.name not in features for column in columns):
        return None
    codes = np.column_stack([joint.coded(column, features[column.name]) for column in columns])
    return joint.drawn(columns, codes, joint.keys_of(codes)) if len(codes) else None


def of_window(
    reader: Reader, window: Window, where: Filter | None, columns: tuple[Number | Category, ...]
) -> Joint | None:
    """The sample of what a model served in a past window."""
    if len(columns) < FEWEST:
        return None
    found = sample(reader, window, where, fields_of(columns), joint.ROWS)
    if not found.documents:
        return None
    return joint.drawn(columns, *coded(found.documents, columns))


def fields_of(columns: Sequence[Number | Category]) -> tuple[str, ...]:
    """What is to be read of each event."""
    return (schema.MODEL_VERSION, schema.SAMPLE_WEIGHT, *(_field(column) for column in columns))


def coded(documents: Sequence[Document], columns: Sequence[Number | Category]) -> tuple[Codes, Keys, Vector]:
    """The codes, the keys and the weights of events, in the order of their keys."""
    ids = [document[schema.EVENT_ID] for document in documents]
    keys = joint.keys_of_ids(ids)
    order: npt.NDArray[np.intp] = np.lexsort((np.asarray(ids, dtype=np.str_), keys))
    codes = np.column_stack([joint.coded(column, _values(documents, column)) for column in columns])
    weights = np.array(
        [1.0 if (weight := one.get(schema.SAMPLE_WEIGHT)) is None else weight for one in documents],
        dtype=np.float64,
    )
    return codes[order], keys[order], weights[order]


def _field(column: Number | Category) -> str:
    return schema.member(_family(column), column.name)


def _family(column: Number | Category) -> str:
    return schema.FEATURES_NUMERIC if isinstance(column, Number) else schema.FEATURES_CATEGORICAL


def _values(documents: Sequence[Document], column: Number | Category) -> list[Any]:
    family = _family(column)
    return [(document.get(family) or {}).get(column.name) for document in documents]
