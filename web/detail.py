"""What the pages say in words and numbers: the head of a model, and a finding with its evidence."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from mlmon.core import schema
from mlmon.core.metric import unit_of
from mlmon.core.panel import Kind, Panel, Scope, Unit
from mlmon.core.panel import scope as scoped
from mlmon.core.panels import columns
from mlmon.core.query import Equals, Row
from mlmon.core.result import Finding, identity
from mlmon.core.store import Reader
from mlmon.core.window import SIZES, Window, following
from mlmon.web import charts, course, evidence, found, units
from mlmon.web.commands import findings as findings_command
from mlmon.web.found import Group
from mlmon.web.overview import WORDS
from mlmon.web.view import View, around

_BEFORE: Final = 12
_MOST_OTHERS: Final = 8


class Head(Struct, frozen=True, kw_only=True):
    """The head of a model's page: its state in a word, a sentence, and its findings."""

    state: str
    word: str
    sentence: str
    open: list[Group]
    past: list[Group]


def head_of(groups: Sequence[Group]) -> Head:
    """The head that findings make."""
    open_ones = [group for group in groups if group.is_open]
    worst = next(
        (state for state in ("critical", "warning") if any(one.state == state for one in open_ones)), "fine"
    )
    past = [group for group in groups if not group.is_open]
    return Head(
        state=worst, word=WORDS[worst], sentence=_sentence(open_ones, past), open=open_ones, past=past
    )


def _sentence(open_ones: Sequence[Group], past: Sequence[Group]) -> str:
    if open_ones:
        more = len(open_ones) - 1
        others = f" And {more} more." if more else ""
        return f"{found.said(open_ones[0].newest)}{others}"
    if past:
        are = "finding is" if len(past) == 1 else "findings are"
        return f"Nothing is wrong now. {len(past)} earlier {are} below."
    return "Nothing was found in this time."


def plain(finding: Finding) -> dict[str, Any]:
    """A finding as one flat row."""
    return {
        "id": identity(finding),
        "model": finding.model,
        "version": finding.version,
        "segment": finding.segment,
        "analyzer": finding.analyzer,
        "metric": finding.metric,
        "subject": finding.subject,
        "severity": str(finding.severity),
        "state": str(finding.state),
        "size": finding.size,
        "window_start": finding.window.start,
        "window_end": finding.window.end,
        "value": finding.value,
        "low": finding.low,
        "high": finding.high,
        "bound": finding.bound,
        "n": finding.n,
        "message": finding.message,
    }


def finding(reader: Reader, one: Finding, pool: Executor) -> dict[str, Any]:
    """What the page of a finding shows."""
    history, to = _history(one)
    rows = pool.submit(_rows, reader, history, to) if to is not None else None
    others = found.read(
        reader, one.window, Equals(schema.MODEL_NAME, one.model), Equals(schema.MODEL_VERSION, one.version)
    )
    band = found.reference_band([one], one.metric, one.segment)
    drawn = [
        {"id": "evidence", **_of(evidence.chart(one)), "title": _question(one), "empty": "", "unit": "plain"}
    ]
    if rows is not None and to is not None:
        answer = rows.result()
        to = _trimmed(to, answer)
        course_of = charts.chart(history, answer, to, band)
        # An alert of findings speaks of no metric, so it has no course of its own.
        if course_of.specs or not found.rule_of(one):
            drawn.append(
                {
                    "id": "history",
                    **_of(course_of),
                    "title": f"How did {found.measured(one)} come here?",
                    "empty": "No other windows are known.",
                    "unit": str(history.unit),
                }
            )
    kind = (
        "mistakes"
        if one.analyzer == "performance"
        else "failures"
        if one.metric == "error_rate"
        else "inferences"
    )
    return {
        "finding": one,
        "id": identity(one),
        "label": found.label(one),
        "view": View(window=one.window, version=one.version, segment=one.segment),
        "facts": evidence.facts(one),
        "tests": evidence.tests(one),
        "distances": evidence.distances(one),
        "others": _others(one, others),
        "drawn": drawn,
        "kind": kind,
        "around": View(
            window=around(one.window, one.size, _BEFORE), version=one.version, segment=one.segment
        ),
        "count": units.number(one.n, Unit.COUNT),
        "command": findings_command(one.model, one.window, one.version),
    }


def _rows(reader: Reader, panel: Panel, to: Scope) -> list[Row]:
    return reader.query(scoped(panel, to)).rows


def _trimmed(to: Scope, rows: Sequence[Row]) -> Scope:
    """The scope without its ends that nothing is known of."""
    known = [row[columns.TIME] for row in rows if row[columns.VALUE] is not None]
    if not known:
        return to
    return replace(to, window=Window(start=min(known), end=following(max(known), to.size)))


def _question(one: Finding) -> str:
    if one.evidence.get("bins") and one.metric != "missing_rate":
        return f"What does {one.subject} look like now, and in the reference?"
    if course.has(one):
        return (
            "Since when, and how large?" if one.evidence.get("since") else "What was expected, and what came?"
        )
    return "How far is it from what is allowed?"


def _of(chart: charts.Chart) -> dict[str, Any]:
    return {"specs": chart.specs, "series": chart.series, "note": chart.note}


def _history(one: Finding) -> tuple[Panel, Scope | None]:
    panel = Panel(
        id="history",
        title="",
        kind=Kind.INTERVAL,
        query=columns.metrics((one.metric,), Equals(schema.RESULT_SUBJECT, one.subject), subjects=True),
        x=columns.TIME,
        y=(columns.VALUE,),
        low=columns.LOW if one.low is not None else None,
        high=columns.HIGH if one.low is not None else None,
        unit=unit_of(one.metric),
    )
    if one.size not in SIZES[:-1]:
        return panel, None
    window = around(one.window, one.size, _BEFORE)
    return panel, Scope(
        model=one.model, window=window, size=one.size, version=one.version, segment=one.segment
    )


def _others(one: Finding, near: Sequence[Finding]) -> list[Finding]:
    """What else the analyzers found in that time, one of each kind, the largest first."""
    mine = (one.metric, one.subject, one.segment)
    kinds = {
        (other.metric, other.subject, other.segment): other
        for other in reversed(near)
        if not found.rule_of(other)
    }
    rest = [other for kind, other in kinds.items() if kind != mine]
    return sorted(rest, key=lambda other: (other.metric != one.metric, -(other.value or 0.0)))[:_MOST_OTHERS]
