"""A series in the evidence of a finding: what it was, what was expected of it, and where it changed. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from mlmon.core.clock import to_ns
from mlmon.core.metric import unit_of, words
from mlmon.core.panel import Scope, Unit
from mlmon.core.result import Finding
from mlmon.core.window import Window, parse_duration
from mlmon.web import units
from mlmon.web.charts import Chart
from mlmon.web.marks import Spec, base, marked, only, scaled, time_x, unit_scale, value_y

_TALL: Final = 220
_DETECTORS: Final = {
    "adwin": "ADWIN", "ddm": "DDM", "eddm": "EDDM", "hddm-a": "HDDM-A", "hddm-w": "HDDM-W", "kswin": "KSWIN",
    "page-hinkley": "Page-Hinkley",
}  # fmt: skip
_KINDS: Final = {
    "spike": "a spike: far off, then back", "shift": "a shift: the level stays off to one side",
    "noise": "noise: far off to both sides", "flatline": "a flatline: the same value for too long",
    "silence": "a silence: nothing for too long",
}  # fmt: skip


def has(finding: Finding) -> bool:
    """Whether the evidence has a series."""
    series = finding.evidence.get("series")
    return isinstance(series, Mapping) and bool(series.get("start"))


def unit(finding: Finding) -> Unit:
    """What its values are in."""
    named = finding.evidence.get("unit")
    return Unit(named) if named else unit_of(finding.metric)


def chart(finding: Finding) -> Chart:
    """The series with its expectation as a band, the place where it changed as a line, and both levels."""
    series, evidence = finding.evidence["series"], finding.evidence
    factor, suffix = unit_scale(unit(finding), [value for value in series["value"] if value is not None])
    rows = list(_rows(series, factor))
    scope = Scope(model=finding.model, window=_span(series), size=str(series["size"]))
    x, y = time_x(scope, "at"), value_y("value", unit(finding), suffix)
    layers: list[Spec] = []
    if "low" in series:
        ends = {"y": y | {"field": "low"}, "y2": {"field": "high"}}
        layers += [
            {"mark": marked("area", "band"), "encoding": x | ends},
            {"mark": marked("line", "expected"), "encoding": x | {"y": y | {"field": "expected"}}},
        ]
    layers += list(_levels(evidence, scope, y, factor))
    layers.append({"mark": marked("line"), "encoding": x | {"y": y}})
    layers.append(
        {"mark": marked("point", "now"), "encoding": x | {"y": y}, "transform": only("datum.is_found")}
        if "low" in series
        else {
            "mark": marked("point", "dot"),
            "encoding": x | {"y": y},
            "transform": only("isValid(datum.value)"),
        }
    )
    if (since := evidence.get("since")) is not None:
        layers.append(since_line(scope, [since]))
    return Chart(specs=[base(rows, layers, height=_TALL)], series=[finding.metric], note=_note(finding))


def since_line(scope: Scope, moments: Sequence[str | datetime]) -> Spec:
    """A line at each moment from which something is different."""
    rows = [{"since": _ms(moment)} for moment in moments]
    return {"data": {"values": rows}, "mark": marked("rule", "since"), "encoding": time_x(scope, "since")}


def _rows(series: Mapping[str, Any], factor: float) -> Iterator[dict[str, Any]]:
    half = parse_duration(str(series["size"])).total_seconds() * 500
    last = len(series["start"]) - 1
    names = [name for name in ("value", "expected", "low", "high") if name in series]
    for at, start in enumerate(series["start"]):
        row: dict[str, Any] = {name: scaled(series[name][at], factor) for name in names}
        yield {"at": _ms(start) + half, "is_found": at == last, **row}


def _levels(evidence: Mapping[str, Any], scope: Scope, y: Spec, factor: float) -> Iterator[Spec]:
    """The level before and after as a line over its time, with its interval as a band."""
    before, after = evidence.get("before"), evidence.get("after")
    if not (isinstance(before, Mapping) and isinstance(after, Mapping) and evidence.get("since")):
        return
    start, end, since = _ms(scope.window.start), _ms(scope.window.end), _ms(evidence["since"])
    rows = [
        {
            "from": left,
            "to": right,
            **{name: scaled(level[name], factor) for name in ("value", "low", "high")},
        }
        for level, left, right in ((before, start, since), (after, since, end))
    ]
    x = time_x(scope, "from", end="to")
    data = {"values": rows}
    yield {
        "data": data,
        "mark": marked("rect", "reference-band"),
        "encoding": x | {"y": y | {"field": "low"}, "y2": {"field": "high"}},
    }
    yield {"data": data, "mark": marked("rule", "level"), "encoding": x | {"y": y}}


def _span(series: Mapping[str, Any]) -> Window:
    first, last = (datetime.fromisoformat(series["start"][place]) for place in (0, -1))
    return Window(start=first, end=last + parse_duration(str(series["size"])))


def _note(finding: Finding) -> str:
    if "low" in finding.evidence["series"]:
        return (
            "The line is what was, the dot what was found. Dashed: what was expected, "
            "in a band of four usual errors."
        )
    size = {"1d": "day", "1h": "hour", "1m": "minute"}.get(str(finding.evidence["series"]["size"]), "window")
    return (
        f"One dot a {size}. The dashed line is since when; beside it are the levels before and after, "
        "with their 95 % intervals."
    )


def _ms(moment: str | datetime) -> int:
    known = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return to_ns(known) // 1_000_000


def facts(finding: Finding) -> Iterator[tuple[str, str]]:
    """The numbers of the series that decided, in words."""
    evidence, of = finding.evidence, unit(finding)
    if (kind := evidence.get("anomaly")) is not None:
        yield "what it looks like", _KINDS.get(str(kind), str(kind))
    expected = evidence.get("expected")
    if evidence.get("check") is None and isinstance(expected, int | float):
        yield "expected", units.number(expected, of)
    if (score := evidence.get("score")) is not None:
        yield "score, of 1", units.number(score, Unit.PLAIN)
    if (since := evidence.get("since")) is not None:
        yield "since", _day(since)
    for name in ("before", "after"):
        level = evidence.get(name)
        if isinstance(level, Mapping):
            low, high = (units.number(level[end], of) for end in ("low", "high"))
            yield name, f"{units.number(level['value'], of)} ({low} to {high})"
    yield from _of_detector(evidence)
    for part in evidence.get("most") or ():
        of = unit_of(part["metric"])
        yield (
            f"{words(part['metric'])}{' of ' if part.get('subject') else ''}{part.get('subject') or ''}",
            f"{units.number(part['value'], of)}, usually {units.number(part['usual'], of)}",
        )


def _of_detector(evidence: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if (detector := evidence.get("detector")) is not None:
        yield "detector", _DETECTORS.get(str(detector), str(detector))
        settings = evidence.get("settings") or {}
        if settings:
            yield (
                "its settings",
                ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in settings.items()),
            )
    if (alarm := evidence.get("alarm")) is not None:
        yield "its alarm", _day(alarm)


def _day(moment: str) -> str:
    return datetime.fromisoformat(moment).strftime("%d %b %Y %H:%M UTC").lstrip("0")
