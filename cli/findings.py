"""Findings as a store keeps them, and which of them still hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from mlmon.core import schema
from mlmon.core.query import AllOf, Equals, Filter, Scan
from mlmon.core.result import Finding, State, from_document, is_open
from mlmon.core.schema import Dataset
from mlmon.core.store import Reader
from mlmon.core.window import Window

_LONGEST: Final = timedelta(days=62)
"""Two months: windows that started before this and have fixed sizes are over, and so is the one after."""


def count_open(reader: Reader, model: str, version: str, last: datetime) -> int:
    """How many different things are wrong with a model when its last inference was served."""
    filters: list[Filter] = [
        Equals(schema.MODEL_NAME, model),
        Equals(schema.MODEL_VERSION, version),
        Equals(schema.FINDING_STATE, str(State.FIRING)),
    ]
    recent = Window(start=last - _LONGEST, end=last + timedelta(days=1))
    found = stored(reader, filters, recent)
    return len({(finding.label, finding.segment) for finding in found if is_open(finding, last)})


def stored(reader: Reader, filters: Sequence[Filter], window: Window | None) -> Iterator[Finding]:
    """Findings that pass all filters, newest window first."""
    where = AllOf(tuple(filters)) if filters else None
    scan = Scan(dataset=Dataset.FINDING, window=window, where=where, newest_first=True)
    for batch in reader.scan(scan):
        yield from (made for document in batch if isinstance(made := from_document(document), Finding))
