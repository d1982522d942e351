"""What turned out to be true, as events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mlmon.core import schema
from mlmon.core.clock import to_text
from mlmon.core.event import Document


def outcome_events(
    ids: Sequence[Any], moments_ns: Sequence[int], given: Document, revision: int, source: str | None
) -> Iterator[tuple[int, Document]]:
    """A moment and a body for each id. `given` has columns by field name: label, value or retracted."""
    common: Document = {schema.OUTCOME_REVISION: revision}
    if source is not None:
        common[schema.OUTCOME_SOURCE] = source
    is_retraction = schema.OUTCOME_RETRACTED in given
    names = tuple(given)
    for inference_id, at_ns, row in zip(ids, moments_ns, zip(*given.values(), strict=True), strict=True):
        body = {
            schema.MESSAGE: "retracted" if is_retraction else f"turned out {row[0]}",
            schema.INFERENCE_ID: inference_id if type(inference_id) is str else str(inference_id),
            schema.OUTCOME_OBSERVED_AT: to_text(at_ns),
            **common,
            **dict(zip(names, row, strict=True)),
        }
        yield at_ns, body
