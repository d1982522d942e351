"""Turns a line into an event, or says why it is none."""

from __future__ import annotations

from datetime import timedelta
from math import ceil
from typing import Any, Final

import msgspec
from msgspec import Struct

from mlmon.core import clock as clocks
from mlmon.core.clock import Clock
from mlmon.core.errors import InvalidEventError
from mlmon.core.event import Event, encode, parse
from mlmon.core.schema import Dataset
from mlmon.core.window import parse_duration
from mlmon.pipelines.naming import Name, Naming
from mlmon.pipelines.normalise import names_bytes, normalise

TOO_LARGE: Final = "too_large"
IN_THE_FUTURE: Final = "in_the_future"
NOT_JSON: Final = "not_json"
NOT_UTF8: Final = "not_utf8"
NOT_VALID: Final = "not_valid"
TOO_DEEP: Final = "too_deep"

REASONS: Final = {
    NOT_JSON: "The line is no JSON.",
    NOT_UTF8: "The line is not UTF-8.",
    NOT_VALID: "A field is missing or has a wrong type; the detail names it.",
    TOO_DEEP: "The line is nested too deeply.",
    TOO_LARGE: "The line is over `collector.max_event_bytes`.",
    IN_THE_FUTURE: "The timestamp is further ahead of the collector's clock than `collector.max_future`.",
}
"""Every reason a record can be refused for, and what it means."""

_BY_JOBS: Final = frozenset({Dataset.EVALUATION, Dataset.JOB})

_decode: Final = msgspec.json.Decoder(dict[str, Any]).decode


class Limits(Struct, frozen=True, kw_only=True):
    """What a line may be."""

    max_event_bytes: int = 1 << 20
    max_future: timedelta = timedelta(hours=1)


class Validator:
    """Checks lines against the schema and the limits. Safe for threads."""

    def __init__(self, limits: Limits | None = None, *, clock: Clock = clocks.system) -> None:
        """Use the clock to tell what lies in the future and to date lines without a time."""
        allowed = limits or Limits()
        self._max_bytes, self._max_future = allowed.max_event_bytes, allowed.max_future
        self._clock = clock
        self._latest = clocks.to_datetime(0)

    def __call__(self, line: bytes, name: Name | None = None) -> Event:
        """The event of a line; an event of ours keeps its bytes, another tool's line is normalised.

        `name` names the lines of the submission that have no id; see `Naming.of`.

        Raises:
            InvalidEventError: with one of `REASONS`.

        """
        if len(line) > self._max_bytes:
            raise _too_large(len(line), self._max_bytes)
        try:
            event = parse(line)
        except InvalidEventError as error:
            if error.reason != NOT_VALID:
                raise
            event = self._foreign(line, error, name or Naming().of(""))
        if event.dataset in _BY_JOBS:
            raise InvalidEventError(
                NOT_VALID,
                f"Only the analyzers write '{event.dataset}'. Send inferences and outcomes instead.",
            )
        if event.timestamp > self._latest:
            self._check_time(event)
        return event

    def _foreign(self, line: bytes, refused: InvalidEventError, name: Name) -> Event:
        """Try again with the line normalised; an event of ours that is wrong stays refused."""
        try:
            raw = _decode(line)
            if (size := names_bytes(raw)) > self._max_bytes:
                raise _too_large(size, self._max_bytes)
            document = normalise(raw, name=lambda is_dated: name(line, is_dated), clock=self._clock)
        except msgspec.ValidationError:
            raise refused from None
        except UnicodeDecodeError as error:
            raise InvalidEventError(
                NOT_UTF8, f"The record is not UTF-8: {error.reason} at byte {error.start}."
            ) from None
        except msgspec.DecodeError as error:
            raise InvalidEventError(NOT_JSON, f"The record is no JSON object: {error}.") from None
        except RecursionError:
            raise InvalidEventError(
                TOO_DEEP, "The record is nested too deeply. Send flat documents."
            ) from None
        if document == raw:
            raise refused
        event = encode(document)
        if len(event.body) > self._max_bytes:
            raise _too_large(len(event.body), self._max_bytes)
        return event

    def _check_time(self, event: Event) -> None:
        """Hold the time against the clock; what was once allowed stays so, and is not asked again."""
        now = clocks.to_datetime(self._clock())
        self._latest = now + self._max_future
        if event.timestamp > self._latest:
            ahead = timedelta(seconds=ceil((event.timestamp - now).total_seconds()))
            raise InvalidEventError(
                IN_THE_FUTURE,
                f"The timestamp {event.timestamp.isoformat()} is {ahead} ahead of the collector's clock; "
                f"at most {self._max_future} is allowed (collector.max_future). "
                "Check the clock of the host.",
            )


def _too_large(size: int, most: int) -> InvalidEventError:
    return InvalidEventError(
        TOO_LARGE, f"The record has {size} bytes; at most {most} are allowed (collector.max_event_bytes)."
    )


def limits(max_event_bytes: int, max_future: str) -> Limits:
    """The limits that the configuration names."""
    return Limits(max_event_bytes=max_event_bytes, max_future=parse_duration(max_future))
