"""The log lines behind a point: newest first, a page at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from msgspec import Struct

from mlmon.core import schema
from mlmon.core.clock import isoformat
from mlmon.core.errors import UsageError
from mlmon.core.event import Document
from mlmon.core.panel import Unit
from mlmon.core.query import AllOf, AnyOf, Between, Equals, Filter, Matches, OneOf, Scan
from mlmon.core.schema import Dataset
from mlmon.core.store import Reader
from mlmon.core.window import Window, parse_moment
from mlmon.web import commands
from mlmon.web.units import number

KINDS: Final = {
    "app": "App logs",
    "failures": "Failed inferences",
    "mistakes": "Wrong predictions",
    "inferences": "All inferences",
}
"""What can be listed."""

LEVELS: Final = ("debug", "info", "warning", "error", "critical")
PAGE: Final = 50
_MOST_SKIPPED: Final = 10_000
_MICROSECOND: Final = timedelta(microseconds=1)
_DATASET: Final = {
    "app": Dataset.APP,
    "failures": Dataset.INFERENCE,
    "mistakes": Dataset.EVALUATION,
    "inferences": Dataset.INFERENCE,
}


class Asked(Struct, frozen=True, kw_only=True):
    """Which lines: a kind, at or above a level, that hold some words, before a place in the list."""

    model: str
    window: Window
    kind: str = "app"
    level: str = "debug"
    search: str = ""
    version: str = ""
    segment: str = ""
    before: datetime | None = None
    skip: int = 0


class Line(Struct, frozen=True, kw_only=True):
    """One line as it is shown; `document` is the whole event as JSON."""

    id: str
    time: datetime
    level: str
    text: str
    detail: str
    document: str


class Lines(Struct, frozen=True, kw_only=True):
    """One page of lines; `before` and `skip` are where the next one starts, None at the end."""

    lines: list[Line]
    before: datetime | None = None
    skip: int = 0


def parse(params: Mapping[str, str], window: Window, now: datetime) -> Asked:
    """The lines an address asks for.

    Raises:
        UsageError: an unknown kind or level, or a place that is none.

    """
    kind, level = params.get("kind", "") or "app", params.get("level", "") or "debug"
    if kind not in KINDS:
        raise UsageError(f"'{kind}' is no kind of line. Allowed are {', '.join(KINDS)}.")
    if level not in LEVELS:
        raise UsageError(f"'{level}' is no level. Allowed are {', '.join(LEVELS)}.")
    skip = params.get("skip", "0")
    if not (skip.isascii() and skip.isdigit()) or int(skip) > _MOST_SKIPPED:
        raise UsageError(f"'{skip}' is no number of lines to skip. Allowed is 0 to {_MOST_SKIPPED}.")
    before = params.get("before", "")
    return Asked(
        model=params.get("model", ""),
        window=window,
        kind=kind,
        level=level,
        search=params.get("search", "").strip(),
        version=params.get("version", ""),
        segment=params.get("segment", ""),
        before=parse_moment(before, now=now) if before else None,
        skip=int(skip),
    )


def scan_of(asked: Asked) -> Scan:
    """What is asked of the store: one line more than a page, to know whether there is another."""
    end = asked.window.end if asked.before is None else asked.before + _MICROSECOND
    filters = list(_filters(asked))
    return Scan(
        dataset=_DATASET[asked.kind],
        window=Window(start=min(asked.window.start, end), end=end),
        where=AllOf(tuple(filters)) if filters else None,
        newest_first=True,
        limit=asked.skip + PAGE + 1,
    )


def _filters(asked: Asked) -> Iterator[Filter]:
    if asked.model:
        yield Equals(schema.MODEL_NAME, asked.model)
    if asked.version:
        yield Equals(schema.MODEL_VERSION, asked.version)
    if asked.segment and asked.kind != "app":
        field, _, value = asked.segment.partition("=")
        yield Equals(schema.member(schema.SEGMENT, field), value)
    if asked.kind == "failures":
        yield Equals(schema.EVENT_OUTCOME, "failure")
    if asked.kind == "mistakes":
        yield Equals(schema.EVALUATION_CORRECT, False)  # noqa: FBT003 - a value, not a switch
        yield Between(field=schema.EVALUATION_WEIGHT, start=1e-9)
    if asked.level != LEVELS[0]:
        yield OneOf(schema.LOG_LEVEL, LEVELS[LEVELS.index(asked.level) :])
    if asked.search:
        words = (Matches(schema.MESSAGE, asked.search), Matches(schema.ERROR_MESSAGE, asked.search))
        yield AnyOf(
            (*words, Equals(schema.INFERENCE_ID, asked.search), Equals(schema.TRACE_ID, asked.search))
        )


def read(reader: Reader, asked: Asked) -> Lines:
    """One page of lines."""
    documents = [document for batch in reader.scan(scan_of(asked)) for document in batch][asked.skip :]
    shown, more = documents[:PAGE], len(documents) > PAGE
    lines = [_line(document) for document in shown]
    if not more:
        return Lines(lines=lines)
    before = lines[-1].time
    here = sum(1 for line in lines if line.time == before)
    skip = here + (asked.skip if before == asked.before else 0)
    return Lines(lines=lines, before=before, skip=skip)


def _line(document: Document) -> Line:
    return Line(
        id=document.get(schema.EVENT_ID, ""),
        time=document[schema.TIMESTAMP],
        level=document.get(schema.LOG_LEVEL) or "info",
        text=_text(document),
        detail=" · ".join(_details(document)),
        document=_pretty(document),
    )


def _text(document: Document) -> str:
    error = document.get(schema.ERROR_MESSAGE)
    if error:
        kind = document.get(schema.ERROR_TYPE)
        return f"{kind}: {error}" if kind else str(error)
    predicted = document.get(schema.PREDICTION_LABEL, document.get(schema.PREDICTION_VALUE))
    truly = document.get(schema.OUTCOME_LABEL, document.get(schema.OUTCOME_VALUE))
    score = document.get(schema.PREDICTION_SCORE)
    said = f"{predicted}" + (f" ({score:.2f})" if score is not None else "")
    if truly is not None:
        return f"said {said}, was {truly}"
    return str(document.get(schema.MESSAGE) or (f"said {said}" if predicted is not None else ""))


def _details(document: Document) -> Iterator[str]:
    if (duration := document.get(schema.EVENT_DURATION)) is not None:
        yield number(duration, Unit.NANOSECONDS)
    if version := document.get(schema.MODEL_VERSION):
        yield f"version {version}"
    for field, value in (document.get(schema.SEGMENT) or {}).items():
        yield f"{field}={value}"
    if logger := document.get(schema.LOG_LOGGER):
        yield str(logger)


def _pretty(document: Document) -> str:
    return msgspec.json.format(msgspec.json.encode(_plain(document)), indent=2).decode()


def _plain(document: Document) -> dict[str, Any]:
    return {
        name: isoformat(value) if isinstance(value, datetime) else value
        for name, value in sorted(document.items())
    }


def command(asked: Asked) -> str:
    """The command that prints such lines."""
    return commands.logs(asked.model, asked.window, asked.level, asked.search)
