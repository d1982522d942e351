"""Builds the events of inferences: prediction, features, segment, trace, sampling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlmon.core import schema
from mlmon.core.clock import Clock
from mlmon.core.event import Document
from mlmon.logging_sdk import sample as sampling
from mlmon.logging_sdk.context import Trace
from mlmon.logging_sdk.encode import labels, number, split, text
from mlmon.logging_sdk.moments import Moment, ns_of
from mlmon.logging_sdk.outlet import Outlet
from mlmon.logging_sdk.producer import FAILED, Kind
from mlmon.logging_sdk.sample import Sample


class Recorder:
    """Knows what a logger's inferences have in common. Safe for threads.

    `segments` are names of features that are copied into the segment, `classes` and `feature_names` name what
    arrays hold, `texts` remembers which features are categorical. With `is_plain`, neither sampling nor
    segments need a look at what is logged.
    """

    def __init__(
        self,
        outlet: Outlet,
        *,
        clock: Clock,
        segments: Sequence[str] = (),
        classes: Sequence[str] = (),
        feature_names: Sequence[str] = (),
        sample: Sample | None = None,
        threshold: float | None = None,
    ) -> None:
        self.outlet = outlet
        self.clock = clock
        self.segments = tuple(segments)
        self.classes = tuple(classes)
        self.feature_names = tuple(feature_names)
        self.sample = sample
        self.threshold = threshold
        self.texts: set[str] = set()
        self.is_plain = sample is None and not self.segments

    def id_of(self, given: object) -> str:
        """An inference's id as text; a new one where none is given, or one without a text, which is noted."""
        if given is not None:
            try:
                return str(given)
            except Exception as error:  # noqa: BLE001 - an object of the host may raise anything
                self.outlet.misuse.note("id", f"An id cannot be read, and a new one is taken: {error}.")
        return self.outlet.producer.new_inference_id()

    def ns_of(self, timestamp: Moment) -> int:
        """A moment in nanoseconds; the clock's where it is none, which is noted."""
        try:
            return ns_of(timestamp, self.clock)
        except (TypeError, ValueError, OverflowError) as error:
            self.outlet.misuse.note("timestamp", f"{error}; the clock's time is taken.")
            return self.clock()

    def record(
        self,
        kind: Kind,
        at_ns: int,
        body: Document,
        features: Mapping[str, Any],
        segment: Mapping[str, Any] | None = None,
        trace: Trace | None = None,
    ) -> None:
        """Complete the body of one inference and emit it, unless sampling leaves it out."""
        if self.sample is not None and not self.keep(kind, body):
            return
        if features:
            numeric, categorical = split(features, self.texts)
            if numeric:
                body[schema.FEATURES_NUMERIC] = numeric
            if categorical:
                body[schema.FEATURES_CATEGORICAL] = categorical
        if segment or self.segments:
            found = self.segment_of(features, segment)
            if found:
                body[schema.SEGMENT] = found
        if trace is not None:
            add_trace(body, trace)
        self.outlet.emitters[kind](at_ns, body)

    def segment_of(self, features: Mapping[str, Any], segment: Mapping[str, Any] | None) -> Document:
        """The features that are segments, and what the caller gave."""
        copied = {name: text(features[name]) for name in self.segments if name in features}
        return {**copied, **labels(segment)} if segment else copied

    def keep(self, kind: Kind, body: Document) -> bool:
        """Whether sampling keeps an inference; its weight is added to the body."""
        if self.sample is None:
            return True
        weight = sampling.weight(
            self.sample,
            body[schema.INFERENCE_ID],
            has_failed=kind is FAILED,
            score=number(body.get(schema.PREDICTION_SCORE)),
            probabilities=body.get(schema.PREDICTION_PROBABILITIES, {}).values(),
            threshold=self.threshold,
        )
        if weight is None:
            self.outlet.leave_out()
            return False
        if weight != 1:
            body[schema.SAMPLE_WEIGHT] = weight
        return True

    def add_prediction(
        self,
        body: Document,
        label: Any,  # noqa: ANN401 - any value of a caller, as those below
        score: Any,  # noqa: ANN401
        value: Any,  # noqa: ANN401
        probabilities: Any,  # noqa: ANN401
    ) -> None:
        """Add what the model said to a body, and a message that a person reads."""
        message = "predicted"
        if label is not None:
            body[schema.PREDICTION_LABEL] = name = label if type(label) is str else text(label)
            message = f"predicted {name}"
        if score is not None:
            body[schema.PREDICTION_SCORE] = score if type(score) is float else number(score)
        if value is not None:
            body[schema.PREDICTION_VALUE] = plain = number(value)
            message = f"{message} {plain:.6g}" if plain is not None else message
        if probabilities is not None:
            body[schema.PREDICTION_PROBABILITIES] = self.probabilities_of(probabilities)
        body[schema.MESSAGE] = message

    def probabilities_of(self, probabilities: Any) -> dict[str, float | None]:  # noqa: ANN401
        """Probability by class, from a mapping or from a sequence in the order of `classes`.

        Raises:
            ValueError: a sequence of another length than `classes`.

        """
        if isinstance(probabilities, Mapping):
            return {text(name) or "": number(value) for name, value in probabilities.items()}
        values = probabilities.tolist() if hasattr(probabilities, "tolist") else list(probabilities)
        if len(values) == 1 and isinstance(values[0], list):  # one row of a predict_proba
            values = values[0]
        names = self.classes or [str(index) for index in range(len(values))]
        if len(names) != len(values):
            raise ValueError(f"{len(values)} probabilities for {len(names)} classes")
        return {name: number(value) for name, value in zip(names, values, strict=True)}


def add_trace(body: Document, trace: Trace) -> None:
    """Add the ids of a trace to a body."""
    body[schema.TRACE_ID] = trace.trace_id
    if trace.span_id is not None:
        body[schema.SPAN_ID] = trace.span_id
