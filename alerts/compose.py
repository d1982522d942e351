"""What may lie behind an alert: findings of the same time, and some of its events."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

from msgspec.structs import replace

from mlmon.alerts.evaluator import Compose
from mlmon.alerts.notices import Event, Kind, Notice
from mlmon.alerts.rules import ANALYZER
from mlmon.core import schema
from mlmon.core.errors import StoreError
from mlmon.core.query import AllOf, Equals, Filter, Scan
from mlmon.core.result import Finding, Severity, State, from_document
from mlmon.core.schema import Dataset
from mlmon.core.store import Reader
from mlmon.core.window import Window

MOST_CAUSES: Final = 5
MOST_EVENTS: Final = 3
_LOOK_BACK: Final = timedelta(days=7)
_RANKS: Final = tuple(Severity)
_FIELDS: Final = (
    schema.EVENT_ID, schema.TIMESTAMP, schema.INFERENCE_ID, schema.PREDICTION_LABEL, schema.PREDICTION_VALUE,
    schema.PREDICTION_SCORE, schema.EVENT_DURATION, schema.ERROR_TYPE, schema.MESSAGE, schema.LOG_LEVEL,
)  # fmt: skip


def composer(reader: Reader) -> Compose:
    """What adds causes and events to a notice; a store that does not answer adds none."""

    def compose(notice: Notice) -> Notice:
        if notice.kind is Kind.RESOLVED or not notice.group.model:
            return notice
        try:
            return replace(notice, causes=tuple(causes(reader, notice)), events=tuple(events(reader, notice)))
        except StoreError:
            return notice  # a notice without its causes is better than none

    return compose


def causes(reader: Reader, notice: Notice) -> list[str]:
    """What the analyzers found of the same model around that time, the gravest first."""
    end = notice.window.end if notice.window else notice.at
    scan = Scan(
        dataset=Dataset.FINDING,
        window=Window(start=notice.since - _LOOK_BACK, end=max(end, notice.since)),
        where=AllOf(
            (Equals(schema.MODEL_NAME, notice.group.model), Equals(schema.FINDING_STATE, str(State.FIRING)))
        ),
    )
    found: dict[tuple[str, str, str], Finding] = {}
    for documents in reader.scan(scan):
        for document in documents:
            each = from_document(document)
            if isinstance(each, Finding) and _may_cause(each, notice):
                found[each.metric, each.subject, each.segment] = each
    ranked = sorted(found.values(), key=lambda each: (-_RANKS.index(each.severity), -_excess(each)))
    return [
        f"{each.segment}: {each.message}" if each.segment else each.message for each in ranked[:MOST_CAUSES]
    ]


def _may_cause(found: Finding, notice: Notice) -> bool:
    is_rule = found.analyzer.startswith(f"{ANALYZER}:")
    is_itself = found.metric == notice.metric and found.subject == notice.group.subject
    return not is_rule and found.window.end > notice.since and not (is_itself and not found.segment)


def _excess(found: Finding) -> float:
    """How many times its bound a value is."""
    if found.value is None or not found.bound:
        return 0.0
    return abs(found.value / found.bound)


def events(reader: Reader, notice: Notice) -> Iterator[Event]:
    """The newest events of the window that decided: failures for errors, lines for logs, else inferences."""
    if notice.window is None:
        return
    of_logs = notice.metric == "log_lines"
    filters: list[Filter] = [Equals(schema.MODEL_NAME, notice.group.model)]
    if notice.group.version:
        filters.append(Equals(schema.MODEL_VERSION, notice.group.version))
    if notice.group.segment:
        name, _, value = notice.group.segment.partition("=")
        filters.append(Equals(schema.member(schema.SEGMENT, name), value))
    if notice.metric == "error_rate":
        filters.append(Equals(schema.EVENT_OUTCOME, "failure"))
    scan = Scan(
        dataset=Dataset.APP if of_logs else Dataset.INFERENCE,
        window=Window(start=notice.window.start, end=notice.window.end),
        where=AllOf(tuple(filters)),
        fields=_FIELDS,
        newest_first=True,
        limit=MOST_EVENTS,
    )
    for documents in reader.scan(scan):
        for document in documents:
            yield Event(
                id=document.get(schema.INFERENCE_ID) or document[schema.EVENT_ID],
                at=document[schema.TIMESTAMP],
                said=_said(document),
            )


def _said(document: dict[str, Any]) -> str:
    """An event in a few words; no features, since a notice leaves the house."""
    parts = [
        str(document[name])
        for name in (schema.PREDICTION_LABEL, schema.PREDICTION_VALUE, schema.ERROR_TYPE, schema.LOG_LEVEL)
        if document.get(name) is not None
    ]
    if (score := document.get(schema.PREDICTION_SCORE)) is not None:
        parts.append(f"score {score:.3g}")
    if (duration := document.get(schema.EVENT_DURATION)) is not None:
        parts.append(f"{duration / 1e6:.0f} ms")
    return ", ".join(parts)
