"""One inference as a `with` block: measured, and recorded whether it succeeds or fails."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import Token
from time import perf_counter_ns
from types import TracebackType
from typing import Any, Self

from mlmon.core import schema
from mlmon.core.event import Document
from mlmon.logging_sdk.context import Scope, Trace, active, current_trace, leave
from mlmon.logging_sdk.encode import MAX_LONG_TEXT, cut, text
from mlmon.logging_sdk.failure import error_fields
from mlmon.logging_sdk.features import row_of
from mlmon.logging_sdk.producer import FAILED, SERVED, UNANSWERED
from mlmon.logging_sdk.recorder import Recorder


class Inference:
    """What `ModelLogger.inference` gives. `id` joins it with its outcome. For one thread or task.

    Log lines within the block carry the id and the trace. An exception is recorded and goes on.
    """

    __slots__ = (
        "_at_ns", "_body", "_features", "_has_answer", "_recorder", "_segment", "_started_ns", "_token",
        "_trace", "id",
    )  # fmt: skip

    id: str

    def __init__(
        self,
        recorder: Recorder,
        inference_id: str,
        at_ns: int,
        features: Any,  # noqa: ANN401 - any form that row_of takes
        segment: Mapping[str, Any] | None,
        trace: Trace | None,
    ) -> None:
        self.id = inference_id
        self._recorder = recorder
        self._at_ns = at_ns
        self._segment = segment
        self._trace = trace
        self._has_answer = False
        self._body: Document = {schema.MESSAGE: "not answered", schema.INFERENCE_ID: inference_id}
        self._token: Token[Scope | None] | None = None
        self._started_ns = 0
        self._features: Mapping[str, Any] = {}
        if features is not None:
            self.see(features)

    def see(self, features: Any) -> None:  # noqa: ANN401 - any form that row_of takes
        """Say what the model is given, where that is known only within the block."""
        try:
            self._features = dict(features) if type(features) is dict else dict(self._row(features))
        except Exception as error:  # noqa: BLE001 - the host must not notice
            self._note("features", f"The features of an inference cannot be read: {error}.", error)

    def predict(
        self,
        *,
        label: Any = None,  # noqa: ANN401 - any value of a caller, as those below
        score: Any = None,  # noqa: ANN401
        value: Any = None,  # noqa: ANN401
        probabilities: Any = None,  # noqa: ANN401
    ) -> None:
        """Say what the model predicted; the last call counts.

        `label` is the class, `score` the probability of the positive class (binary) or of the label, `value`
        a predicted number, `probabilities` a mapping of class to probability or an array in the order of the
        logger's `classes`.
        """
        if self._has_answer:
            self._note("predicted_twice", f"predict was called twice for {self.id}; the last call counts.")
        self._has_answer = True
        try:
            self._recorder.add_prediction(self._body, label, score, value, probabilities)
        except Exception as error:  # noqa: BLE001 - the host must not notice
            self._note("prediction", f"A prediction cannot be read: {error}.", error)

    def fail(self, reason: str, *, kind: str = "Refused") -> None:
        """Record that the model gave no answer, where no exception says so."""
        self._body[schema.ERROR_TYPE] = text(kind)
        self._body[schema.ERROR_MESSAGE] = cut(text(reason) or "", MAX_LONG_TEXT)

    def __enter__(self) -> Self:
        trace = self._trace
        if trace is None:
            self._trace = trace = current_trace()
        self._token = active.set(Scope(self.id, trace))
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
            self._note("not_written", f"An inference could not be written: {fault!r}.", fault)

    def _finish(self, duration_ns: int, error: BaseException | None) -> None:
        body = self._body
        body[schema.EVENT_DURATION] = duration_ns
        outcome = SERVED if self._has_answer else UNANSWERED
        if error is not None:
            body.update(error_fields(error))
        if schema.ERROR_TYPE in body:
            outcome = FAILED
            body[schema.MESSAGE] = f"failed: {body[schema.ERROR_TYPE]}: {body[schema.ERROR_MESSAGE]}"
        elif outcome is UNANSWERED:
            self._note("no_prediction", f"Inference {self.id} ended without predict() or fail().")
        self._recorder.record(outcome, self._at_ns, body, self._features, self._segment, self._trace)

    def _row(self, features: Any) -> Mapping[str, Any]:  # noqa: ANN401
        return row_of(features, self._recorder.feature_names)

    def _note(self, kind: str, message: str, error: BaseException | None = None) -> None:
        self._recorder.outlet.misuse.note(kind, message, error=error)
