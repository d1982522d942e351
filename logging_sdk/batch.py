"""Many inferences made at once, as a `with` block: one event a row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextvars import Token
from itertools import repeat
from time import perf_counter_ns
from types import TracebackType
from typing import Any, Self

from mlmon.core import schema
from mlmon.core.event import Document
from mlmon.logging_sdk.context import Scope, Trace, active, current_trace, leave
from mlmon.logging_sdk.encode import keywords, number, split_columns
from mlmon.logging_sdk.failure import error_fields
from mlmon.logging_sdk.features import columns_of, listed
from mlmon.logging_sdk.moments import all_ns_of
from mlmon.logging_sdk.producer import FAILED, SERVED, UNANSWERED, Kind
from mlmon.logging_sdk.recorder import Recorder, add_trace


class Batch:
    """What `ModelLogger.batch` gives. `ids` has one inference id for each row. For one thread or task.

    The duration of each event is the whole batch's. An exception is recorded for each row and goes on.
    """

    def __init__(
        self,
        recorder: Recorder,
        batch_id: str,
        features: Any,  # noqa: ANN401 - any form that columns_of takes
        *,
        ids: Any = None,  # noqa: ANN401 - any sequence
        timestamp: Any = None,  # noqa: ANN401 - one moment, or a sequence of them
        segment: Mapping[str, Any] | None = None,
        trace: Trace | None = None,
    ) -> None:
        self.id = batch_id
        self.ids: list[str] = []
        self._recorder = recorder
        self._trace = trace
        self._columns: dict[str, list[Any]] = {}
        self._moments_ns: Sequence[int] = ()
        self._predictions: dict[str, list[Any]] = {}
        self._token: Token[Scope | None] | None = None
        self._started_ns = 0
        try:
            self._columns, length = columns_of(features, recorder.feature_names)
            self.ids = self._ids(ids, length)
            self._moments_ns = all_ns_of(timestamp, length, recorder.clock)
            self._segments = self._segment_columns(segment or {}, length)
        except Exception as error:  # noqa: BLE001 - the host must not notice
            self.ids = []
            self._note("batch", f"A batch cannot be read and is not logged: {error}.", error)

    def __len__(self) -> int:
        return len(self.ids)

    def predict(
        self,
        *,
        label: Any = None,  # noqa: ANN401 - any sequence, as those below
        score: Any = None,  # noqa: ANN401
        value: Any = None,  # noqa: ANN401
        probabilities: Any = None,  # noqa: ANN401
    ) -> None:
        """Say what the model predicted, each a sequence or array with one entry a row.

        `probabilities` is an array of shape (rows, classes) in the order of the logger's `classes`, or a
        sequence of mappings. See `Inference.predict` for the meanings.
        """
        if self._predictions:
            self._note("predicted_twice", f"predict was called twice for {self.id}; the last call counts.")
        given: dict[str, tuple[Any, Callable[[list[Any]], list[Any]]]] = {
            schema.PREDICTION_LABEL: (label, keywords),
            schema.PREDICTION_SCORE: (score, _numbers),
            schema.PREDICTION_VALUE: (value, _numbers),
            schema.PREDICTION_PROBABILITIES: (probabilities, self._probabilities),
        }
        try:
            self._predictions = {
                name: convert(listed(values, len(self), name))
                for name, (values, convert) in given.items()
                if values is not None and self.ids
            }
        except Exception as error:  # noqa: BLE001 - the host must not notice
            self._note("prediction", f"The predictions of a batch cannot be read: {error}.", error)

    def __enter__(self) -> Self:
        if self._trace is None:
            self._trace = current_trace()
        self._token = active.set(Scope(self.id, self._trace))
        self._started_ns = perf_counter_ns()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        duration_ns = perf_counter_ns() - self._started_ns
        leave(self._token)
        try:
            self._finish(duration_ns, error)
        except Exception as fault:  # noqa: BLE001 - the host must not notice
            self._note("not_written", f"A batch could not be written: {fault!r}.", fault)

    def _finish(self, duration_ns: int, error: BaseException | None) -> None:
        if not self.ids:
            return
        kind, common = self._common(duration_ns, error)
        bodies = self._bodies(common)
        events = zip(self._moments_ns, bodies, strict=True)
        if self._recorder.sample is not None:
            events = (event for event in events if self._recorder.keep(kind, event[1]))  # type: ignore[assignment]
        self._recorder.outlet.emit_many(kind, events)

    def _common(self, duration_ns: int, error: BaseException | None) -> tuple[Kind, Document]:
        """What all rows share, and what became of them."""
        common: Document = {schema.BATCH_SIZE: len(self), schema.EVENT_DURATION: duration_ns}
        if self._trace is not None:
            add_trace(common, self._trace)
        if error is not None:
            fields = error_fields(error)
            fields.pop(schema.ERROR_STACK)  # once a row would be too much; the type and message say enough
            message = f"failed: {fields[schema.ERROR_TYPE]}: {fields[schema.ERROR_MESSAGE]}"
            return FAILED, {schema.MESSAGE: message, **common, **fields}
        if not self._predictions:
            self._note("no_prediction", f"Batch {self.id} ended without predict().")
            return UNANSWERED, {schema.MESSAGE: "not answered", **common}
        return SERVED, {schema.MESSAGE: "predicted", **common}

    def _bodies(self, common: Document) -> Iterator[Document]:
        """The body of each row. Columns are turned into rows here, so this runs once for each event."""
        numeric, categorical = split_columns(self._columns, self._recorder.texts)
        labels = self._predictions.get(schema.PREDICTION_LABEL)
        names = (schema.INFERENCE_ID, schema.ITEM_INDEX, *self._predictions)
        rows = zip(self.ids, range(len(self)), *self._predictions.values(), strict=True)
        has_segment = bool(self._segments)
        for row, answer, numbers, texts, segment in zip(
            rows,
            labels or repeat(None),
            _rows(numeric),
            _rows(categorical),
            _rows(self._segments),
            strict=False,
        ):
            body = {**common, **dict(zip(names, row, strict=True))}
            if answer is not None:
                body[schema.MESSAGE] = f"predicted {answer}"
            if numbers:
                body[schema.FEATURES_NUMERIC] = numbers
            if texts:
                body[schema.FEATURES_CATEGORICAL] = texts
            if has_segment:
                body[schema.SEGMENT] = segment
            yield body

    def _ids(self, ids: Any, length: int) -> list[str]:  # noqa: ANN401 - any sequence
        if ids is None:
            return [f"{self.id}-{index}" for index in range(length)]
        return [value if type(value) is str else str(value) for value in listed(ids, length, "ids")]

    def _segment_columns(self, segment: Mapping[str, Any], length: int) -> dict[str, list[str | None]]:
        """The features that are segments and what was given: a value for all rows, or a sequence of them."""
        copied = {name: self._columns[name] for name in self._recorder.segments if name in self._columns}
        columns = {
            str(name): [value] * length if _is_scalar(value) else listed(value, length, f"segment {name}")
            for name, value in segment.items()
        }
        return {name: keywords(values) for name, values in {**copied, **columns}.items()}

    def _probabilities(self, rows: list[Any]) -> list[dict[str, float | None]]:
        return [self._recorder.probabilities_of(row) for row in rows]

    def _note(self, kind: str, message: str, error: BaseException | None = None) -> None:
        self._recorder.outlet.misuse.note(kind, message, error=error)


def _numbers(values: list[Any]) -> list[float | None]:
    return [number(value) for value in values]


def _rows(columns: Mapping[str, list[Any]]) -> Iterable[dict[str, Any] | None]:
    """Columns as rows; without columns, no row has anything."""
    if not columns:
        return repeat(None)
    names = tuple(columns)
    return (dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True))


def _is_scalar(value: Any) -> bool:  # noqa: ANN401 - any value
    return isinstance(value, str) or not hasattr(value, "__len__")
