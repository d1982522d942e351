"""What turned out to be true, as events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mlmon.core import schema
from mlmon.core.clock import Clock, to_text
from mlmon.core.event import Document
from mlmon.logging_sdk.encode import keywords, number, text
from mlmon.logging_sdk.features import listed
from mlmon.logging_sdk.moments import all_ns_of
from mlmon.logging_sdk.outlet import Outlet
from mlmon.logging_sdk.producer import OUTCOME


class Outcomes:
    """Logs outcomes by an outlet. Safe for threads; never raises for what it is given."""

    def __init__(self, outlet: Outlet, clock: Clock) -> None:
        self._outlet = outlet
        self._clock = clock

    def log(
        self,
        ids: Any,  # noqa: ANN401 - as those of ModelLogger.outcomes
        *,
        labels: Any,  # noqa: ANN401
        values: Any,  # noqa: ANN401
        observed_at: Any,  # noqa: ANN401
        revision: int,
        source: str | None,
    ) -> None:
        """Log what turned out to be true; see `ModelLogger.outcomes`."""
        note = self._outlet.misuse.note
        try:
            names = listed(ids, len(ids), "ids")
            given: Document = {}
            if labels is not None:
                given[schema.OUTCOME_LABEL] = keywords(listed(labels, len(names), "labels"))
            if values is not None:
                numbers = [number(value) for value in listed(values, len(names), "values")]
                given[schema.OUTCOME_VALUE] = numbers
            if not given:
                note("outcome", "An outcome needs a label or a value; it is not logged.")
                return
            self._tell(names, given, observed_at, revision, source)
        except Exception as error:  # noqa: BLE001 - the host must not notice
            note("outcome", f"Outcomes cannot be read: {error}.", error=error)

    def retract(
        self,
        inference_id: str,
        *,
        revision: int,
        observed_at: Any,  # noqa: ANN401 - as that of ModelLogger.retract
        source: str | None,
    ) -> None:
        """Withdraw an outcome; see `ModelLogger.retract`."""
        try:
            self._tell([inference_id], {schema.OUTCOME_RETRACTED: [True]}, observed_at, revision, source)
        except Exception as error:  # noqa: BLE001 - the host must not notice
            self._outlet.misuse.note("outcome", f"A retraction cannot be read: {error}.", error=error)

    def _tell(
        self,
        ids: Sequence[Any],
        given: Document,
        observed_at: Any,  # noqa: ANN401 - a moment or a sequence of them
        revision: int,
        source: str | None,
    ) -> None:
        moments_ns = all_ns_of(observed_at, len(ids), self._clock)
        self._outlet.emit_many(OUTCOME, outcome_events(ids, moments_ns, given, int(revision), text(source)))


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
