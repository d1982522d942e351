"""All models at a glance: one row a model, from a few grouped queries however many models there are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from markupsafe import Markup
from msgspec import Struct

from mlmon.core import schema
from mlmon.core.errors import UsageError
from mlmon.core.metric import HEADLINES, unit_of, words
from mlmon.core.panel import Unit
from mlmon.core.panels.columns import FINAL, HIGH, LOW, NAME, TIME, VALUE, metrics
from mlmon.core.query import AllOf, Equals, Max, Min, OneOf, Query, Row, Terms, TimeBucket
from mlmon.core.result import Finding, Severity
from mlmon.core.schema import Dataset
from mlmon.core.store import Reader
from mlmon.core.window import Window, widen, windows
from mlmon.web import found, sparkline, units
from mlmon.web.view import Extent, View, parse, size_for

_MODEL: Final = "model"
_SHOWN: Final = ("inferences", "error_rate", "latency_p95", "coverage", *HEADLINES)
_WHOLE: Final = (
    Equals(schema.RESULT_SEGMENT, ""),
    Equals(schema.MODEL_VERSION, ""),
    Equals(schema.RESULT_SUBJECT, ""),
)
_LATELY: Final = timedelta(days=62)
"""So far back drift that was measured counts, as windows of a month begin long before they are seen."""

WORDS: Final = {
    "critical": "Firing",
    "warning": "Warning",
    "fine": "Fine",
    "unknown": "Not analysed",
    "silent": "No data",
}
"""The state of a model in a word."""

_RANKS: Final = tuple(WORDS)
WORST: Final = "worst"
SORTS: Final = (WORST, "name", "drift", "traffic", "errors", "latency", "coverage", "last")
"""What the models can be ordered by: each puts on top what is most or, of outcomes and last seen, least."""


class Cell(Struct, frozen=True, kw_only=True):
    """One number of a row, what it rests on in words, and its line; of a metric its name and interval."""

    text: str
    value: float | None = None
    name: str = ""
    interval: str = ""
    detail: str = ""
    spark: Markup = Markup("")
    final: bool = True


class Line(Struct, frozen=True, kw_only=True):
    """One model of the overview."""

    name: str
    state: str
    newest: Finding | None
    open: int
    last: datetime | None
    traffic: Cell
    errors: Cell
    latency: Cell
    performance: Cell
    drift: Cell
    coverage: Cell


class Overview(Struct, frozen=True, kw_only=True):
    """What the first page shows, in which order, and the words that the names shown have."""

    view: View
    size: str
    lines: list[Line]
    sort: str
    words: str = ""

    @property
    def keep(self) -> dict[str, str]:
        """What the address holds besides the view."""
        return {"sort": "" if self.sort == WORST else self.sort, "q": self.words}

    def shows(self, line: Line) -> bool:
        """Whether a model has all the words that somebody looks for, in its name or its state."""
        text = told(line)
        return all(word in text for word in self.words.lower().split())


def extents(reader: Reader) -> dict[str, Extent]:
    """The first and last inference of every model."""
    query = Query(
        dataset=Dataset.INFERENCE,
        by={_MODEL: Terms(schema.MODEL_NAME)},
        measures={"first": Min(schema.TIMESTAMP), "last": Max(schema.TIMESTAMP)},
    )
    rows = reader.query(query)
    return {row[_MODEL]: Extent(first=row["first"], last=row["last"]) for row in rows if row[_MODEL]}


def whole(known: Iterable[Extent]) -> Extent:
    """The time that all of them cover together."""
    firsts, lasts = [], []
    for extent in known:
        if extent.first is not None and extent.last is not None:
            firsts.append(extent.first)
            lasts.append(extent.last)
    return Extent(first=min(firsts, default=None), last=max(lasts, default=None))


def sizes(reader: Reader) -> set[str]:
    """The sizes of windows that there are results of."""
    query = Query(
        dataset=Dataset.METRIC,
        where=AllOf((Equals(schema.METRIC_NAME, "inferences"), *_WHOLE)),
        by={"size": Terms(schema.WINDOW_SIZE)},
    )
    return {row["size"] for row in reader.query(query)}


def read(reader: Reader, params: Mapping[str, str], now: datetime) -> Overview:
    """Ask for all models at once.

    Raises:
        UsageError: the address asks for no time, or for no order that there is.

    """
    sort = params.get("sort", "") or WORST
    if sort not in SORTS:
        raise UsageError(f"'{sort}' is no order. Allowed are {', '.join(SORTS)}.")
    known = extents(reader)
    view = parse(params, whole(known.values()), now)
    size = size_for(view.window, sizes(reader))
    window = widen(view.window, size)
    by_model = _series(reader, window, size)
    findings: dict[str, list[Finding]] = {}
    for finding in found.read(reader, view.window, Equals(schema.MODEL_VERSION, "")):
        findings.setdefault(finding.model, []).append(finding)
    steps = [one.start for one in windows(window, size)]
    frame = _Frame(view, steps, now, _measured(reader, window))
    lines = [
        _line(
            name,
            known.get(name, Extent()),
            by_model.get(name, {}),
            findings.get(name, []),
            frame,
        )
        for name in sorted({*known, *by_model, *findings} - {""})
    ]
    return Overview(
        view=view,
        size=size,
        lines=sorted(lines, key=_order(sort)),
        sort=sort,
        words=params.get("q", "").strip(),
    )


class _Frame(Struct, frozen=True):
    view: View
    steps: list[datetime]
    now: datetime
    drifting: frozenset[str]
    """The models of which drift is measured in that time."""


def _series(reader: Reader, window: Window, size: str) -> dict[str, dict[str, dict[datetime, Row]]]:
    """Rows by model, metric and window."""
    query = Query(
        dataset=Dataset.METRIC,
        window=window,
        where=AllOf((OneOf(schema.METRIC_NAME, _SHOWN), Equals(schema.WINDOW_SIZE, size), *_WHOLE)),
        by={_MODEL: Terms(schema.MODEL_NAME), NAME: Terms(schema.METRIC_NAME), TIME: TimeBucket(size)},
        measures=metrics(_SHOWN).measures,
    )
    by_model: dict[str, dict[str, dict[datetime, Row]]] = {}
    for row in reader.query(query):
        by_model.setdefault(row[_MODEL], {}).setdefault(row[NAME], {})[row[TIME]] = row
    return by_model


def _measured(reader: Reader, window: Window) -> frozenset[str]:
    """The models whose drift was measured of late; of others nothing says that they do not drift."""
    query = Query(
        dataset=Dataset.METRIC,
        window=Window(start=min(window.start, window.end - _LATELY), end=window.end),
        where=AllOf((Equals(schema.METRIC_NAME, "psi"), *_WHOLE[:2])),
        by={_MODEL: Terms(schema.MODEL_NAME)},
    )
    return frozenset(row[_MODEL] for row in reader.query(query))


def _line(
    name: str,
    extent: Extent,
    series: Mapping[str, Mapping[datetime, Row]],
    findings: Sequence[Finding],
    frame: _Frame,
) -> Line:
    last = min(extent.last, frame.view.window.end) if extent.last is not None else None
    groups = found.grouped(findings, last)
    open_ones = [group for group in groups if group.is_open]
    headline = next((metric for metric in HEADLINES if series.get(metric)), "")
    return Line(
        name=name,
        state=_state(open_ones, extent, series, frame.view.window),
        newest=groups[0].newest if groups else None,
        open=len(open_ones),
        last=extent.last,
        traffic=_traffic(series.get("inferences", {}), frame),
        errors=_errors(series, frame),
        latency=_latest(series.get("latency_p95", {}), "latency_p95", frame, floor=0.0),
        performance=_latest(series.get(headline, {}), headline, frame),
        drift=_drift(name, open_ones, findings, frame),
        coverage=_coverage(series, frame),
    )


def _state(
    open_ones: Sequence[found.Group], extent: Extent, series: Mapping[str, Any], window: Window
) -> str:
    if any(group.newest.severity is Severity.CRITICAL for group in open_ones):
        return "critical"
    if any(group.newest.severity is Severity.WARNING for group in open_ones):
        return "warning"
    if series:
        return "fine"
    touches = extent.first is not None and extent.last is not None
    if touches and extent.first < window.end and extent.last >= window.start:  # type: ignore[operator] # both are moments here
        return "unknown"
    return "silent"


def _values(rows: Mapping[datetime, Row], frame: _Frame) -> list[float | None]:
    return [rows[step][VALUE] if step in rows else None for step in frame.steps]


def _traffic(rows: Mapping[datetime, Row], frame: _Frame) -> Cell:
    known = [row[VALUE] for row in rows.values() if row[VALUE] is not None]
    if not known:
        return Cell(text=units.NOTHING)
    return Cell(
        text=units.number(sum(known), Unit.COUNT),
        value=sum(known),
        detail="inferences in the time shown",
        spark=sparkline.svg(_values(rows, frame), "traffic over time", floor=0.0),
    )


def _weighted(rows: Mapping[datetime, Row], traffic: Mapping[datetime, Row]) -> float | None:
    """The mean of a share over windows, each by its inferences."""
    pairs = [
        (row[VALUE], traffic[step][VALUE])
        for step, row in rows.items()
        if row[VALUE] is not None and step in traffic and traffic[step][VALUE]
    ]
    total = sum(weight for _, weight in pairs)
    return sum(share * weight for share, weight in pairs) / total if total else None


def _errors(series: Mapping[str, Mapping[datetime, Row]], frame: _Frame) -> Cell:
    rows = series.get("error_rate", {})
    share = _weighted(rows, series.get("inferences", {}))
    return Cell(
        text=units.number(share, Unit.RATIO),
        value=share,
        detail="of the inferences in the time shown failed",
        spark=sparkline.svg(_values(rows, frame), "error rate over time", floor=0.0),
    )


def _coverage(series: Mapping[str, Mapping[datetime, Row]], frame: _Frame) -> Cell:
    rows = series.get("coverage", {})
    share = _weighted(rows, series.get("inferences", {}))
    return Cell(
        text=units.number(share, Unit.RATIO),
        value=share,
        detail="of the inferences in the time shown have an outcome",
        spark=sparkline.svg(_values(rows, frame), "outcome coverage over time", floor=0.0),
    )


def _latest(rows: Mapping[datetime, Row], metric: str, frame: _Frame, *, floor: float | None = None) -> Cell:
    """The newest window that has a value, and if there is one, the newest that is final."""
    known = [row for _, row in sorted(rows.items()) if row[VALUE] is not None]
    if not known:
        return Cell(text=units.NOTHING)
    row = next((row for row in reversed(known) if row[FINAL]), known[-1])
    unit = unit_of(metric)
    name = words(metric)
    interval = ""
    if row[LOW] is not None and row[HIGH] is not None and unit is not Unit.NANOSECONDS:
        interval = units.interval(row[LOW], row[HIGH], unit)
    return Cell(
        text=units.number(row[VALUE], unit),
        value=row[VALUE],
        name=name,
        interval=interval,
        detail=f"{name} {interval}".strip(),
        spark=sparkline.svg(_values(rows, frame), f"{name} over time", floor=floor),
        final=bool(row[FINAL]),
    )


def _drift(name: str, open_ones: Sequence[found.Group], findings: Sequence[Finding], frame: _Frame) -> Cell:
    drifted = {group.newest.subject for group in open_ones if group.newest.analyzer == "drift"}
    if not drifted and name not in frame.drifting:
        return Cell(text=units.NOTHING, detail="drift is not measured: mlmon reference build")
    seen = [finding for finding in findings if finding.analyzer == "drift"]
    counts: list[float | None] = [
        float(len({one.subject for one in seen if one.window.start <= step < one.window.end}))
        for step in frame.steps
    ]
    return Cell(
        text=f"{len(drifted)}",
        value=len(drifted),
        detail=", ".join(sorted(drifted)) or "nothing drifts now",
        spark=sparkline.svg(counts, "drifted subjects over time", floor=0.0) if seen else Markup(""),
    )


def _rank(line: Line) -> tuple[int, float, str]:
    newest = line.newest.window.end.timestamp() if line.newest else 0.0
    return (_RANKS.index(line.state), -newest, line.name)


def _order(sort: str) -> Callable[[Line], tuple[Any, ...]]:
    if sort == WORST:
        return _rank
    if sort == "name":
        return lambda line: (line.name,)
    if sort == "last":
        return lambda line: (line.last is None, line.last.timestamp() if line.last else 0.0, line.name)
    sign = 1.0 if sort == "coverage" else -1.0
    return lambda line: _by_value(getattr(line, sort), sign, line.name)


def _by_value(cell: Cell, sign: float, name: str) -> tuple[bool, float, str]:
    return cell.value is None, sign * (cell.value or 0.0), name


def told(line: Line) -> str:
    """What a model is found by: its name and its state in a word."""
    return f"{line.name} {WORDS[line.state]}".lower()


def ages(overview: Overview, now: datetime) -> dict[str, str]:
    """How long ago each model's last inference was."""
    return {line.name: units.ago(line.last, now) if line.last else units.NOTHING for line in overview.lines}


def is_live(line: Line, now: datetime) -> bool:
    """Whether inferences came in within the last hour."""
    return line.last is not None and now - line.last < timedelta(hours=1)


def data(overview: Overview) -> list[dict[str, Any]]:
    """The overview as plain values, for those who read it by program."""
    cells = ("traffic", "errors", "latency", "performance", "drift", "coverage")
    return [
        {
            "model": line.name,
            "state": line.state,
            "open_findings": line.open,
            "newest_finding": line.newest.message if line.newest else None,
            "last_inference": line.last,
            **{name: getattr(line, name).text for name in cells},
            "performance_detail": line.performance.detail,
        }
        for line in overview.lines
    ]
