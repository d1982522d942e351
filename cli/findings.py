"""Findings as a store keeps them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mlmon.core import schema
from mlmon.core.query import AllOf, Count, Equals, Filter, Query, Scan
from mlmon.core.result import Finding, State, from_document
from mlmon.core.schema import Dataset
from mlmon.core.store import Reader
from mlmon.core.window import Window


def firing(reader: Reader, model: str, version: str, window: Window) -> int:
    """How many findings of a model hold now, over windows that start in the time given."""
    filters: list[Filter] = [
        Equals(schema.MODEL_NAME, model),
        Equals(schema.FINDING_STATE, str(State.FIRING)),
    ]
    if version:
        filters.append(Equals(schema.MODEL_VERSION, version))
    query = Query(
        dataset=Dataset.FINDING, window=window, where=AllOf(tuple(filters)), measures={"n": Count()}
    )
    [row] = reader.query(query)
    count: int = row["n"]
    return count


def stored(reader: Reader, filters: Sequence[Filter], window: Window | None) -> Iterator[Finding]:
    """Findings that pass all filters, newest window first."""
    where = AllOf(tuple(filters)) if filters else None
    scan = Scan(dataset=Dataset.FINDING, window=window, where=where, newest_first=True)
    for batch in reader.scan(scan):
        yield from (made for document in batch if isinstance(made := from_document(document), Finding))
