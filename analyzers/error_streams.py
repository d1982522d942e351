"""The errors of a model as streams: of all traffic, of each version and of each value of each segment field.

Each stream has a detector and what is thought of its alarms. Both are a function of the errors that were
read, in their order, and of nothing else, so they can be kept between two passes at any place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import groupby
from typing import Final

from msgspec import Struct, field
from msgspec.msgpack import decode, encode

from mlmon.analyzers.models import Model
from mlmon.analyzers.series import detectors, rise
from mlmon.analyzers.series.detectors import Detector
from mlmon.analyzers.series.rise import Bounds, Episode
from mlmon.core import schema
from mlmon.core.event import Document
from mlmon.core.query import Equals, Scan
from mlmon.core.schema import Dataset
from mlmon.core.store import Reader
from mlmon.core.window import Window

MOST_VALUES: Final = 50
"""Versions, and values of one segment field, that have a stream of their own."""

MOST_ALARMS: Final = 100
"""Alarms whose times are kept."""

SILENT_S: Final = 30 * 86_400
"""After so long without an error a stream makes room for a new one, if there is no other room."""

VERSION: Final = ""
"""The field of the streams of versions, beside those of segments; its value `` is all traffic."""

_FIELDS: Final = (
    schema.TIMESTAMP, schema.INFERENCE_ID, schema.MODEL_VERSION, schema.SEGMENT, schema.EVALUATION_CORRECT,
    schema.EVALUATION_LOSS, schema.EVALUATION_WEIGHT, schema.OUTCOME_REVISION,
)  # fmt: skip

Key = tuple[str, str]
"""A segment field, or `VERSION`, and its value."""

WHOLE: Final[Key] = (VERSION, "")


class Error(Struct, frozen=True, kw_only=True):
    """How wrong one prediction was: 0 or 1 for a class, the absolute error for a number."""

    at_s: float
    error: float
    weight: float
    is_class: bool
    version: str
    segment: Mapping[str, str]


class Stream(Struct, kw_only=True):
    """One stream between two passes. `last_s` is when its last error was, in seconds since 1970.

    `alarms_s` are the times of the latest alarms.
    """

    detector: bytes
    alarms_s: list[float] = field(default_factory=list)
    errors: rise.Stream = field(default_factory=rise.Stream)
    last_s: float = 0.0


class Kept(Struct, kw_only=True):
    """What is kept of a model: the streams by field and value, which have read all errors before `mark`.

    While there has been one version, `version` names it, and it has no stream beside that of all.
    """

    detector: str
    mark: datetime
    streams: dict[str, dict[str, Stream]] = {}
    version: str | None = None
    is_class: bool = True


class Reading(Struct, kw_only=True):
    """Reads on where a pass ended. Not for several threads."""

    kept: Kept
    bounds: Bounds
    detectors: dict[Key, Detector] = field(default_factory=dict)

    def read(self, error: Error) -> Iterator[tuple[Key, Episode]]:
        """Let its streams read an error; gives the rises that are told or gone with it.

        Raises:
            MissingExtraError: river is not installed.

        """
        self._tell_versions_apart(error)
        self.kept.is_class = error.is_class
        for key in self._keys(error):
            stream = self._stream(key, error.at_s)
            if stream is None:
                continue
            detector = self.detectors[key]
            said = stream.errors.read(error.at_s, error.error, error.weight, self.bounds)
            if said is not None:
                yield key, said
            stream.last_s = error.at_s
            detector.update(error.error)
            if detector.drift_detected:
                stream.errors.alarmed(error.at_s)
                stream.alarms_s = [*stream.alarms_s, error.at_s][-MOST_ALARMS:]

    def standing(self) -> Iterator[tuple[Key, Episode]]:
        """The rises that were told and are not gone."""
        for name, by_value in self.kept.streams.items():
            for value, stream in by_value.items():
                if stream.errors.risen is not None:
                    yield (name, value), stream.errors.risen

    def saved(self, mark: datetime) -> bytes:
        """What to keep, once all errors before a moment are read."""
        self.kept.mark = mark
        for key, detector in self.detectors.items():
            self.kept.streams[key[0]][key[1]].detector = detectors.save(self.kept.detector, detector)
        return encode(self.kept)

    def _tell_versions_apart(self, error: Error) -> None:
        """With the second version each gets a stream; that of the first is the one of all so far."""
        kept, first = self.kept, self.kept.version
        if first == error.version or (first is None and kept.streams):
            return
        if first is None:
            kept.version = error.version
            return
        kept.version = None
        whole = self._stream(WHOLE, error.at_s)
        if first and whole is not None:
            state = detectors.save(kept.detector, self.detectors[WHOLE])
            same = Stream(detector=state, errors=decode(encode(whole.errors), type=rise.Stream))
            kept.streams[VERSION][first] = same
            same.last_s, same.alarms_s = whole.last_s, list(whole.alarms_s)

    def _keys(self, error: Error) -> list[Key]:
        keys = [WHOLE, *error.segment.items()]
        if self.kept.version is None and error.version:
            keys.append((VERSION, error.version))
        return keys

    def _stream(self, key: Key, at_s: float) -> Stream | None:
        """The stream of a key, made where there is none and there is room."""
        name, value = key
        known = self.kept.streams.setdefault(name, {})
        stream = known.get(value)
        if stream is None:
            if not self._has_room(name, at_s):
                return None
            self.detectors[key] = fresh = detectors.create(self.kept.detector)
            stream = known[value] = Stream(detector=detectors.save(self.kept.detector, fresh))
        if key not in self.detectors:
            loaded = detectors.load(self.kept.detector, stream.detector)
            self.detectors[key] = loaded or detectors.create(self.kept.detector)
        return stream

    def _has_room(self, name: str, at_s: float) -> bool:
        known = self.kept.streams[name]
        values = [value for value in known if (name, value) != WHOLE]
        if len(values) < MOST_VALUES:
            return True
        oldest = min(values, key=lambda value: known[value].last_s)
        if at_s - known[oldest].last_s < SILENT_S:
            return False
        del known[oldest]
        self.detectors.pop((name, oldest), None)
        return True


def loaded(state: bytes) -> Kept | None:
    """What was kept; None where its detectors are of another release of river.

    Raises:
        MissingExtraError: river is not installed.

    """
    kept = decode(state, type=Kept)
    one = next((stream for of in kept.streams.values() for stream in of.values()), None)
    if one is None or detectors.load(kept.detector, one.detector) is not None:
        return kept
    return None


def errors(reader: Reader, model: Model, window: Window) -> Iterator[Error]:
    """The errors that stand, none withdrawn, in the order of time and then of the inference's id.

    Raises:
        StoreError: the store could not answer.

    """
    scan = Scan(
        dataset=Dataset.EVALUATION,
        window=window,
        where=Equals(schema.MODEL_NAME, model.name),
        fields=_FIELDS,
    )
    documents = (document for batch in reader.scan(scan) for document in batch)
    for _, of_moment in groupby(documents, key=lambda document: document[schema.TIMESTAMP]):
        for document in _standing(of_moment):
            error = _error(document, model)
            if error is not None:
                yield error


def _standing(documents: Iterable[Document]) -> list[Document]:
    """Of the evaluations of one moment those that are not withdrawn, one an inference."""
    added: dict[tuple[str, int], Document] = {}
    withdrawn: set[tuple[str, int]] = set()
    for document in documents:
        place = document[schema.INFERENCE_ID], document.get(schema.OUTCOME_REVISION) or 0
        if document[schema.EVALUATION_WEIGHT] > 0:
            added[place] = document
        elif document[schema.EVALUATION_WEIGHT] < 0:
            withdrawn.add(place)
    last = {inference: added[inference, revision] for inference, revision in sorted(added.keys() - withdrawn)}
    return list(last.values())


def _error(document: Document, model: Model) -> Error | None:
    correct, loss = document.get(schema.EVALUATION_CORRECT), document.get(schema.EVALUATION_LOSS)
    if correct is None and loss is None:
        return None
    segment = document.get(schema.SEGMENT) or {}
    return Error(
        at_s=document[schema.TIMESTAMP].timestamp(),
        error=float(loss or 0.0) if correct is None else float(not correct),
        weight=document[schema.EVALUATION_WEIGHT],
        is_class=correct is not None,
        version=document.get(schema.MODEL_VERSION) or "",
        segment={name: segment[name] for name in model.segments if segment.get(name)},
    )
