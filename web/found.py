"""Findings as the page tells them: which still hold, since when, and what belongs together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from msgspec import Struct

from mlmon.core import schema
from mlmon.core.metric import words
from mlmon.core.panel import Scope
from mlmon.core.query import AllOf, Between, Equals, Filter, Scan
from mlmon.core.result import Finding, Severity, from_document, identity, is_open
from mlmon.core.schema import Dataset
from mlmon.core.store import Reader
from mlmon.core.window import Window
from mlmon.web.charts import Band
from mlmon.web.marks import milliseconds

_MOST: Final = 5_000
_FIELDS: Final = (
    schema.EVENT_DATASET, schema.RESULT_ANALYZER, schema.MODEL_NAME, schema.MODEL_VERSION, schema.METRIC_NAME,
    schema.RESULT_SEGMENT, schema.RESULT_SUBJECT, schema.WINDOW_START, schema.WINDOW_END, schema.WINDOW_SIZE,
    schema.RESULT_VALUE, schema.RESULT_N, schema.MESSAGE, schema.FINDING_SEVERITY, schema.FINDING_STATE,
)  # fmt: skip
_SHORT: Final = frozenset({"f1", "mae", "mcc", "psi", "r2", "rmse"})
"""Metrics whose names are abbreviations, and no words."""

_MOST_BARS: Final = 10
_LATER: Final = {"quality": 1, "drift": 1, "volume": 1, "delivery": 2}
_RULE: Final = "rule:"
"""Before the name of the rule that made a finding, which is an alert then."""
_ALERTS_LAST: Final = 3


class Group(Struct, frozen=True, kw_only=True):
    """All findings of one metric, subject, segment and version; the one that speaks for all is first."""

    findings: list[Finding]
    is_open: bool

    @property
    def newest(self) -> Finding:
        """The one that speaks for all: of those that hold, that of most events, else the newest."""
        return self.findings[0]

    @property
    def since(self) -> datetime:
        """When the run of windows that ends with it began."""
        start = self.newest.window.start
        for finding in sorted(self.findings, key=lambda one: one.window.end, reverse=True):
            if finding.window.end >= start:
                start = min(start, finding.window.start)
        return start

    @property
    def label(self) -> str:
        """What it speaks of: `PSI of distance`, `ROC AUC for carrier=UA`."""
        return label(self.newest)

    @property
    def state(self) -> str:
        """The word that is shown for it: critical, warning, info or past."""
        return str(self.newest.severity) if self.is_open else "past"

    @property
    def id(self) -> str:
        """The id of the newest."""
        return identity(self.newest)


def said(finding: Finding) -> str:
    """Its message, with the metric's name as a person writes it: `ROC AUC is 0.632`."""
    metric = finding.metric
    if "_" not in metric and metric not in _SHORT:
        return finding.message  # a word of the language too, such as missing
    return re.sub(rf"\b{re.escape(metric)}\b", words(metric), finding.message)


def rule_of(finding: Finding) -> str:
    """The rule that an alert is of; empty where an analyzer found it."""
    return finding.analyzer.removeprefix(_RULE) if finding.analyzer.startswith(_RULE) else ""


def label(finding: Finding) -> str:
    """What a finding speaks of, in a few words; an alert bears the name of its rule."""
    return _of(finding, _name(finding))


def measured(finding: Finding) -> str:
    """What its value is of, in a few words."""
    return _of(finding, words(finding.metric))


def _of(finding: Finding, name: str) -> str:
    of = f" of {finding.subject}" if finding.subject else ""
    where = f" for {finding.segment}" if finding.segment else ""
    return f"{name}{of}{where}"


def _name(finding: Finding) -> str:
    rule = rule_of(finding)
    return f"alert {rule}" if rule else counted(finding)


def counted(finding: Finding) -> str:
    """What its value is a number of: `features` are all there are, but here those that do not belong."""
    of_schema = (finding.analyzer, finding.metric) == ("quality", "features")
    return "features gone or new" if of_schema else words(finding.metric)


def _short(finding: Finding) -> str:
    """The same with what differs in front, since a narrow place cuts the end."""
    front = " ".join(part for part in (finding.subject, finding.segment.partition("=")[2]) if part)
    return f"{front}: {_name(finding)}" if front else _name(finding)


def read(reader: Reader, window: Window, *more: Filter, evidence: bool = False) -> list[Finding]:
    """The findings whose windows touch a time, newest first; without their evidence unless asked for."""
    touching = (
        Between(field=schema.WINDOW_START, end=window.end),
        Between(field=schema.WINDOW_END, start=window.start),
    )
    scan = Scan(
        dataset=Dataset.FINDING,
        where=AllOf((*touching, *more)),
        fields=(
            *_FIELDS,
            schema.RESULT_LOW,
            schema.RESULT_HIGH,
            schema.FINDING_BOUND,
            schema.FINDING_EVIDENCE,
        )
        if evidence
        else _FIELDS,
        newest_first=True,
        limit=_MOST,
    )
    documents = (document for batch in reader.scan(scan) for document in batch)
    found = [from_document({schema.FINDING_EVIDENCE: "{}"} | document) for document in documents]
    return [
        finding for finding in found if isinstance(finding, Finding) and finding.window.end > window.start
    ]


def of_model(reader: Reader, to: Scope) -> list[Finding]:
    """The findings of one model, version and, if one is chosen, segment, with their evidence."""
    filters: list[Filter] = [Equals(schema.MODEL_NAME, to.model), Equals(schema.MODEL_VERSION, to.version)]
    if to.segment:
        filters.append(Equals(schema.RESULT_SEGMENT, to.segment))
    return read(reader, to.window, *filters, evidence=True)


def by_id(reader: Reader, id_: str) -> Finding | None:
    """One finding, or None where there is none of this id."""
    scan = Scan(dataset=Dataset.FINDING, where=Equals(schema.EVENT_ID, id_), limit=1)
    for batch in reader.scan(scan):
        for document in batch:
            found = from_document(document)
            return found if isinstance(found, Finding) else None
    return None


def grouped(findings: Iterable[Finding], last: datetime | None) -> list[Group]:
    """Findings by what they speak of: open ones first, the most severe and then the newest on top."""
    groups: dict[tuple[str, ...], list[Finding]] = {}
    for finding in findings:
        # What is missing, drift and the quality of data both tell of: for a reader that is one matter.
        who = "" if finding.metric == "missing_rate" else finding.analyzer
        key = (who, finding.metric, finding.subject, finding.segment, finding.version)
        groups.setdefault(key, []).append(finding)
    made = []
    for members in groups.values():
        members.sort(key=lambda one: (one.window.end, one.window.start), reverse=True)
        open_ones = [one for one in members if is_open(one, last)]
        # Of those that hold, the one that rests on most events says it best; a part of a week says little.
        first = max(open_ones, key=lambda one: one.n) if open_ones else members[0]
        rest = [one for one in members if one is not first]
        made.append(Group(findings=[first, *rest], is_open=bool(open_ones)))
    return sorted(made, key=_rank)


def _rank(group: Group) -> tuple[bool, float, int, int, bool, float]:
    """Open before past, quality before inputs before logging, severe before mild, whole before segment."""
    newest = group.newest
    is_drift = newest.analyzer == "drift"
    severity = (Severity.CRITICAL, Severity.WARNING, Severity.INFO).index(newest.severity)
    return (
        not group.is_open,
        0.0 if group.is_open else -newest.window.end.timestamp(),
        _ALERTS_LAST if rule_of(newest) else _LATER.get(newest.analyzer, 0),
        severity if group.is_open else 0,
        bool(newest.segment),
        -(newest.value or 0.0) if is_drift else -newest.n,
    )


def bars(groups: Sequence[Group], last: datetime | None) -> list[dict[str, Any]]:
    """The time line's bars, of the groups that matter most."""
    made = []
    for group in groups[:_MOST_BARS]:
        for finding in group.findings:
            start, end = milliseconds(finding.window)
            state = str(finding.severity) if is_open(finding, last) else "past"
            made.append(
                {
                    "label": _short(finding),
                    "start": start,
                    "end": end,
                    "state": "warning" if state == "info" else state,
                    "id": identity(finding),
                    "message": said(finding),
                }
            )
    return made


def reference_band(findings: Iterable[Finding], metric: str, segment: str) -> Band | None:
    """What the reference says of a metric, as far as a finding's evidence tells."""
    for finding in findings:
        known = finding.evidence.get("reference")
        if finding.metric == metric and finding.segment == segment and isinstance(known, dict):
            return Band(value=known.get("value"), low=known.get("low"), high=known.get("high"))
    return None
