"""One model: its head in numbers, what can be chosen, and the answers of its panels."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from datetime import datetime
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from mlmon.core import schema
from mlmon.core.clock import isoformat
from mlmon.core.metric import HEADLINES, QUALITY
from mlmon.core.occasions import EventConfig, occasions
from mlmon.core.panel import Kind, Panel, Scope, names_of
from mlmon.core.panel import scope as scoped
from mlmon.core.panels import model as panels
from mlmon.core.panels.columns import NAME, NO_OUTCOMES, VALUE
from mlmon.core.query import AllOf, Equals, Max, Min, Query, Row, Terms
from mlmon.core.result import REFERENCE, Finding
from mlmon.core.schema import Dataset
from mlmon.core.store import Reader
from mlmon.web import charts, commands, found, together
from mlmon.web.annotated import annotated
from mlmon.web.charts import Chart
from mlmon.web.view import Extent, View, parse, scope, size_for, to_compare

TIMELINE: Final = "findings"


class Choices(Struct, frozen=True, kw_only=True):
    """What a person can choose from, of one model."""

    extent: Extent
    sizes: set[str]
    versions: list[str]
    segments: list[str]
    metrics: list[str]


class Looked(Struct, frozen=True, kw_only=True):
    """One model as it is looked at."""

    name: str
    view: View
    scope: Scope
    choices: Choices
    metric: str

    @property
    def panels(self) -> tuple[Panel, ...]:
        """The panels shown, in order; those of classes are left out where numbers are predicted."""
        shown = panels.panels(self.metric)
        of_numbers = "mae" in self.choices.metrics
        return tuple(panel for panel in shown if not (of_numbers and panel.id in panels.OF_CLASSES))


class Page(Struct, frozen=True, kw_only=True):
    """A model with the answers of its panels."""

    looked: Looked
    groups: list[found.Group]
    timeline: Chart
    answers: dict[str, list[Row]]
    drawn: dict[str, Chart]


def choices(reader: Reader, name: str, pool: Executor) -> Choices:
    """What there is of a model: its time, versions, segments, sizes and measures of quality."""
    of_model = Equals(schema.MODEL_NAME, name)
    extent = Query(
        dataset=Dataset.INFERENCE,
        where=of_model,
        measures={"first": Min(schema.TIMESTAMP), "last": Max(schema.TIMESTAMP)},
    )
    results = Query(
        dataset=Dataset.METRIC,
        where=AllOf((of_model, Equals(schema.METRIC_NAME, "inferences"))),
        by={
            "version": Terms(schema.MODEL_VERSION),
            "segment": Terms(schema.RESULT_SEGMENT),
            "size": Terms(schema.WINDOW_SIZE),
        },
    )
    measured = Query(
        dataset=Dataset.METRIC,
        where=AllOf(
            (of_model, Equals(schema.RESULT_ANALYZER, "performance"), Equals(schema.RESULT_SEGMENT, ""))
        ),
        by={NAME: Terms(schema.METRIC_NAME)},
    )
    [span], stated, named = (list(answer) for answer in pool.map(reader.query, (extent, results, measured)))
    names = {row[NAME] for row in named}
    return Choices(
        extent=Extent(first=span["first"], last=span["last"]),
        sizes={row["size"] for row in stated},
        versions=sorted({row["version"] for row in stated if row["version"]}, reverse=True),
        segments=sorted({row["segment"] for row in stated if row["segment"]}),
        metrics=[metric for metric in QUALITY if metric in names],
    )


def look(
    reader: Reader, name: str, params: Mapping[str, str], now: datetime, pool: Executor
) -> Looked | None:
    """The model an address asks for; None where nothing is known of it.

    Raises:
        UsageError: a time or range that is none.

    """
    have = choices(reader, name, pool)
    if have.extent.last is None and not have.sizes:
        return None
    view = parse(params, have.extent, now)
    headline = next((metric for metric in HEADLINES if metric in have.metrics), HEADLINES[0])
    return Looked(
        name=name,
        view=view,
        scope=scope(view, name, size_for(view.window, have.sizes)),
        choices=have,
        metric=view.metric if view.metric in have.metrics else headline,
    )


def read(reader: Reader, looked: Looked, pool: Executor, events: Sequence[EventConfig] = ()) -> Page:
    """Ask all panels at once, in the pool's threads, and draw them; declared events as quiet bands."""
    to = looked.scope
    findings = pool.submit(found.of_model, reader, to)
    usual = pool.submit(reference_band, reader, to, looked.metric)
    asked = together.ask(reader, [(panel, scope_of(looked, panel)) for panel in looked.panels], pool)
    answers = asked()
    last = last_seen(looked)
    known: list[Finding] = findings.result()
    groups = found.grouped(known, last)
    band = usual.result()
    quiet = occasions(events, looked.name, to.window)
    drawn = {
        panel.id: annotated(
            charts.chart(
                panel, answers[panel.id], scope_of(looked, panel), band if panel.id == "performance" else None
            ),
            panel, to, known, quiet,
        )
        for panel in looked.panels
    }  # fmt: skip
    return Page(
        looked=looked,
        groups=groups,
        timeline=charts.findings(found.bars(groups, last), to),
        answers=answers,
        drawn=drawn,
    )


def reference_band(reader: Reader, to: Scope, metric: str) -> charts.Band | None:
    """What the reference says of a metric of the version and segment in view; None where there is none."""
    where = (
        Equals(schema.MODEL_NAME, to.model),
        Equals(schema.MODEL_VERSION, to.version),
        Equals(schema.RESULT_SEGMENT, to.segment),
        Equals(schema.WINDOW_SIZE, REFERENCE),
        Equals(schema.METRIC_NAME, metric),
        Equals(schema.RESULT_SUBJECT, ""),
    )
    row = reader.query(
        Query(
            dataset=Dataset.METRIC,
            where=AllOf(where),
            measures={
                "value": Max(schema.RESULT_VALUE),
                "low": Max(schema.RESULT_LOW),
                "high": Max(schema.RESULT_HIGH),
            },
        )
    ).rows[0]
    return None if row["value"] is None else charts.Band(**row)


def scope_of(looked: Looked, panel: Panel) -> Scope:
    """The scope of a panel: that of the view, or for a comparison the largest windows that fit into it."""
    to = looked.scope
    if panel.kind is not Kind.DOTS:
        return to
    size, run = to_compare(looked.view.window, to.size, looked.choices.sizes)
    return replace(to, size=size, window=run)


def last_seen(looked: Looked) -> datetime | None:
    """The moment findings are judged open at: the newest data, or the end of what is shown."""
    last = looked.choices.extent.last
    return None if last is None else min(last, looked.scope.window.end)


def command(looked: Looked, id_: str) -> str:
    """The command that prints what a panel shows."""
    to = looked.scope
    panel = panel_of(looked, id_)
    if panel is None:
        return commands.findings(to.model, to.window, to.version)
    if panel.query.dataset is Dataset.EVALUATION:
        return commands.evaluations(to)
    field = next(iter(looked.choices.segments), "").partition("=")[0] if panel.kind is Kind.DOTS else ""
    return commands.metrics(scope_of(looked, panel), names_of(panel), by=field)


def payload(page: Page) -> dict[str, Any]:
    """What the browser draws, as plain values."""
    looked = page.looked
    drawn = [
        {
            "id": TIMELINE,
            "title": "What was found, and when?",
            "specs": page.timeline.specs,
            "series": page.timeline.series,
            "note": page.timeline.note,
            "empty": "Nothing found in this time.",
            "unit": "plain",
            "command": command(looked, TIMELINE),
        }
    ]
    drawn += [_drawn(page, panel) for panel in looked.panels]
    start, end = looked.view.window.start, looked.view.window.end
    return {
        "model": looked.name,
        "size": looked.scope.size,
        "metric": looked.metric,
        "since": isoformat(start),
        "until": isoformat(end),
        "panels": drawn,
    }


def empty(page: Page, panel: Panel) -> str:
    """What stands where a panel has nothing to show: why, and what to do, for this model."""
    outcomes = any(row[VALUE] for row in page.answers.get("coverage", ()))
    if panel.empty == NO_OUTCOMES and outcomes:
        return "Outcomes are there, but too few or of one kind only to tell it. A longer time may have more."
    return panel.empty.replace("--model NAME", f"--model {shlex.quote(page.looked.name)}")


def _drawn(page: Page, panel: Panel) -> dict[str, Any]:
    chart = page.drawn[panel.id]
    return {
        "id": panel.id,
        "title": panel.title,
        "specs": chart.specs,
        "series": chart.series,
        "note": chart.note,
        "empty": empty(page, panel),
        "unit": str(panel.unit),
        "command": command(page.looked, panel.id),
    }


def panel_of(looked: Looked, id_: str) -> Panel | None:
    """The panel of an id."""
    return next((panel for panel in looked.panels if panel.id == id_), None)


def ask(reader: Reader, panel: Panel, to: Scope) -> list[Row]:
    """The rows behind one panel."""
    return reader.query(scoped(panel, to)).rows
