"""The quickest way to log: an inference that is over, in one call.

Most models are given floats alone and say a label. That costs one look at the types of the features;
everything else goes the longer way of `Recorder.record`.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import countOf
from typing import Any

from mlmon.core import schema
from mlmon.core.event import Document
from mlmon.logging_sdk.context import current_trace
from mlmon.logging_sdk.encode import number
from mlmon.logging_sdk.features import row_of
from mlmon.logging_sdk.producer import SERVED
from mlmon.logging_sdk.recorder import Recorder, add_trace

LogServed = Callable[..., str]
"""Logs an inference: its moment in nanoseconds, then what `ModelLogger.predicted` takes; gives its id."""


class Served:
    """Logs inferences that are over, by a recorder. Safe for threads; never raises for what it is given.

    `log` is a `LogServed`, until the recorder's events go elsewhere.
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        recorder.outlet.follow(self._bind)

    def _bind(self) -> None:
        self.log: LogServed = _make_log(self._recorder)


def _make_log(recorder: Recorder) -> LogServed:
    """Flat, and with all it needs at hand: this is what most inferences cost their caller."""
    outlet, producer = recorder.outlet, recorder.outlet.producer
    emit, note = outlet.emitters[SERVED], outlet.misuse.note
    start, numbers = f"{producer.id}.", producer.inference_numbers
    is_plain, texts = recorder.is_plain, recorder.texts
    message, inference_id, duration = schema.MESSAGE, schema.INFERENCE_ID, schema.EVENT_DURATION
    said_label, said_score, numeric = (
        schema.PREDICTION_LABEL,
        schema.PREDICTION_SCORE,
        schema.FEATURES_NUMERIC,
    )

    def log(  # noqa: PLR0913, PLR0917 - what a prediction is; by position, because names cost time
        at_ns: int,
        /,
        features: Any = None,  # noqa: ANN401 - as those of ModelLogger.predicted
        label: Any = None,  # noqa: ANN401
        score: Any = None,  # noqa: ANN401
        value: Any = None,  # noqa: ANN401
        probabilities: Any = None,  # noqa: ANN401
        duration_ns: Any = None,  # noqa: ANN401
        id: Any = None,  # noqa: A002, ANN401
        segment: Any = None,  # noqa: ANN401
        timestamp: Any = None,  # noqa: ANN401
    ) -> str:
        name = f"{start}{next(numbers)}" if id is None else recorder.id_of(id)
        try:
            if type(label) is str and value is None and probabilities is None:  # spares a call where it can
                body: Document = {message: "predicted " + label, inference_id: name, said_label: label}
                if score is not None:
                    body[said_score] = score if type(score) is float else number(score)
            else:
                body = {inference_id: name}
                recorder.add_prediction(body, label, score, value, probabilities)
            if duration_ns is not None:
                body[duration] = duration_ns if type(duration_ns) is int else int(duration_ns)
            if timestamp is not None:
                at_ns = recorder.ns_of(timestamp)
            trace = current_trace()
            if (
                type(features) is dict
                and is_plain
                and not texts
                and features
                and segment is None
                and countOf(map(type, features.values()), float) == len(features)
            ):
                body[numeric] = features
                if trace is not None:
                    add_trace(body, trace)
                emit(at_ns, body)
            else:
                row = features if type(features) is dict else row_of(features, recorder.feature_names)
                recorder.record(SERVED, at_ns, body, row, segment, trace)
        except Exception as error:  # noqa: BLE001 - the host must not notice
            note("prediction", f"A prediction cannot be read: {error}.", error=error)
        return name

    return log
