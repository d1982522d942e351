"""Why a finding was made: the charts and numbers of its evidence. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from typing import Any, Final

from mlmon.core.metric import unit_of, words
from mlmon.core.panel import Unit
from mlmon.core.result import Finding
from mlmon.web import course, units
from mlmon.web.charts import Chart
from mlmon.web.found import counted
from mlmon.web.marks import Spec, base, marked, scaled, unit_scale, value_y
from mlmon.web.units import number
from mlmon.web.view import utc

_SOURCES: Final = {"window": "events of the store"}
"""What the reference of a finding was made from, where it is not a file's name."""

_SEEN: Final = 0.0005
"""From this share on it is more than 0.0 % on the page."""

_BAR: Final = 22
_TALL: Final = 200
_MOST_NAMED: Final = 12
_NAMES: Final = {"__other__": "all others", "__unseen__": "never seen before"}
_AGAINST: Final = {
    "fixed": "the reference", "previous": "the window before", "rolling": "the four windows before",
    "seasonal": "the same time of earlier weeks or years",
}  # fmt: skip
_TESTS: Final = {"n": "enough events", "effect": "large enough to matter", "significance": "not by chance",
                 "consecutive": "lasting"}  # fmt: skip


def chart(finding: Finding) -> Chart:
    """The series, the two distributions on top of each other, or the value beside the bound."""
    evidence = finding.evidence
    if course.has(finding):
        return course.chart(finding)
    if finding.metric != "missing_rate" and evidence.get("bins"):
        return _distributions(evidence)
    return _values(finding)


def _distributions(evidence: dict[str, Any]) -> Chart:
    named = evidence.get("kind") == "categorical"
    data = [
        {"bin": name, "place": place, "share": scaled(share, 1.0), "of": of}
        for of in ("reference", "current")
        for place, (name, share) in enumerate(
            zip(_bin_names(evidence["bins"], named=named), evidence[of], strict=False)
        )
    ]
    order = [row["bin"] for row in data if row["of"] == "reference"]
    bins: Spec = {"field": "bin", "type": "nominal", "sort": order, "title": None}
    share = value_y("share", Unit.RATIO, zero=True)
    if not named:
        bins["axis"] = {"labelAngle": -45, "labelOverlap": True}
    encoding = {"y": bins, "x": share} if named else {"x": bins, "y": share}
    wide, slim = {"band": 0.9}, {"band": 0.45}
    size = "height" if named else "width"
    layers = [
        {"mark": marked("bar", style, **{size: width}), "encoding": encoding, "transform": [{"filter": rule}]}
        for style, width, rule in (
            ("reference-bar", wide, "datum.of === 'reference'"),
            ("current-bar", slim, "datum.of === 'current'"),
        )
    ]
    height = _BAR * len(order) if named else _TALL
    return Chart(
        specs=[base(data, layers, height=height)],
        series=["reference", "current"],
        note="Share of the inferences in each bin. Wide and grey: the reference. Narrow: this window.",
    )


def _bin_names(bins: list[Any], *, named: bool) -> list[str]:
    """Names of categories, or of the stretches between edges, with the open ones at both ends."""
    if named:
        return [_NAMES.get(str(name), str(name)) for name in bins]
    edges = [f"{edge:.4g}" for edge in bins]
    between = [f"{low} to {high}" for low, high in pairwise(edges)]
    return [f"below {edges[0]}", *between, f"from {edges[-1]}"]


def _values(finding: Finding) -> Chart:
    rows = list(_rows(finding))
    if not rows:
        return Chart(specs=[])
    unit = _unit(finding)
    factor, suffix = unit_scale(unit, (row["value"] for row in rows))
    data = [{k: scaled(v, factor) if k != "of" else v for k, v in row.items()} for row in rows]
    y = {"field": "of", "type": "nominal", "sort": [row["of"] for row in rows], "title": None}
    x = value_y("value", unit, suffix, zero=unit is Unit.COUNT)
    layers: list[Spec] = [
        {
            "mark": marked("rule", "interval"),
            "encoding": {"y": y, "x": x | {"field": "low"}, "x2": {"field": "high"}},
        },
        {"mark": marked("point", "now"), "encoding": {"y": y, "x": x}},
    ]
    if finding.bound is not None:
        bound = {"x": {"datum": scaled(finding.bound, factor), "type": "quantitative"}}
        layers.append({"data": {"values": [{}]}, "mark": marked("rule", "bound"), "encoding": bound})
    return Chart(
        specs=[base(data, layers, height=40 * len(rows))],
        series=[row["of"] for row in rows],
        note="The dashed line is the bound; bars are 95 % intervals.",
    )


def _rows(finding: Finding) -> Iterator[dict[str, Any]]:
    known = finding.evidence.get("reference")
    missing = finding.evidence.get("missing")
    if isinstance(known, dict):
        yield {
            "of": "reference",
            "value": known.get("value"),
            "low": known.get("low"),
            "high": known.get("high"),
        }
    elif finding.metric == "missing_rate" and isinstance(missing, dict):
        yield {"of": "reference", "value": missing.get("reference"), "low": None, "high": None}
    if finding.value is not None:
        yield {"of": "this window", "value": finding.value, "low": finding.low, "high": finding.high}


def _unit(finding: Finding) -> Unit:
    return course.unit(finding)


def value(finding: Finding, of: float | None) -> str:
    """A number in the unit of the finding's metric."""
    return number(of, _unit(finding))


def facts(finding: Finding) -> list[tuple[str, str]]:
    """The numbers that decided, each with its name."""
    evidence = finding.evidence
    rows = [
        (counted(finding), value(finding, finding.value)),
        ("bound", value(finding, finding.bound)),
        ("events it rests on", number(finding.n, Unit.COUNT)),
    ]
    if finding.low is not None and finding.high is not None:
        rows.append(("95 % interval", units.interval(finding.low, finding.high, _unit(finding))))
    rows += _of_alert(evidence)
    rows += _of_failures(evidence)
    rows += _of_reference(finding)
    rows += _of_producers(finding)
    rows += _of_quality(finding)
    rows += course.facts(finding)
    if (p := evidence.get("p_adjusted")) is not None:
        rows.append(("chance of it without a change", units.chance(p)))
    if evidence.get("compared"):
        rows.append(("looked at in this window", number(evidence["compared"], Unit.COUNT)))
    rows += _of_rule(evidence)
    if evidence.get("coverage") is not None:
        rows.append(("outcome coverage", number(evidence["coverage"], Unit.RATIO)))
    if evidence.get("final") is False:
        rows.append(("final", "no, outcomes are still coming"))
    if source := evidence.get("source"):
        rows.append(("reference made from", _SOURCES.get(str(source), str(source))))
    return [(name, text) for name, text in rows if text != units.NOTHING]


def distances(finding: Finding) -> list[tuple[str, str]]:
    """What other measures say of the same two distributions."""
    known = (finding.evidence.get("metrics") or {}).items()
    return [
        (words(name), number(distance, unit_of(name)))
        for name, distance in known
        if name not in (finding.metric, "missing_rate") and distance is not None
    ]


def _of_rule(evidence: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """By which rule drift was judged: for how long it must show, and what it was held against."""
    if evidence.get("windows") and (evidence.get("among") or evidence["windows"]) > 1:
        among = max(evidence.get("among") or 0, evidence["windows"])
        yield "windows that must show it", f"{evidence['windows']} of {among}"
    if evidence.get("against") in _AGAINST:
        yield "held against", _AGAINST[evidence["against"]]


def _of_alert(evidence: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Of an alert: whose rule made it, when it fired and when it was over."""
    if not evidence.get("rule"):
        return
    yield "rule", str(evidence["rule"])
    for name, key in (("owner", "owner"), ("runbook", "runbook")):
        if evidence.get(key):
            yield name, str(evidence[key])
    for name, key in (("fired", "fired"), ("over", "closed")):
        if evidence.get(key):
            yield name, utc(datetime.fromisoformat(str(evidence[key])))


def _of_failures(evidence: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """How many failed, and which share usually does."""
    if (failed := evidence.get("failed")) is not None:
        yield "inferences that failed", number(failed, Unit.COUNT)
    if isinstance(usual := evidence.get("usual"), float):
        yield "usual share", number(usual, Unit.RATIO)


def _of_reference(finding: Finding) -> Iterator[tuple[str, str]]:
    known = finding.evidence.get("reference")
    if isinstance(known, dict):
        yield "reference", value(finding, known.get("value"))
        if known.get("low") is not None and known.get("high") is not None:
            yield "its interval", f"{value(finding, known['low'])} to {value(finding, known['high'])}"
    if (worse := finding.evidence.get("worse")) is not None:
        yield "worse by", number(worse, Unit.RATIO)
    if (n := finding.evidence.get("n_reference")) is not None:
        yield "events of the reference", number(n, Unit.COUNT)
    missing = finding.evidence.get("missing")
    if isinstance(missing, dict) and any(
        (missing.get(one) or 0.0) >= _SEEN for one in ("reference", "current")
    ):
        yield "missing in the reference", number(missing.get("reference"), Unit.RATIO)
        yield "missing now", number(missing.get("current"), Unit.RATIO)


def _of_producers(finding: Finding) -> Iterator[tuple[str, str]]:
    """Of lost events: whose they are, and which numbers they have."""
    for one in finding.evidence.get("producers") or ():
        lost, of = number(one["events"], Unit.COUNT), number(one["of"], Unit.COUNT)
        runs = ", ".join(
            f"{low} to {high}" if low < high else f"{low}" for low, high in one.get("numbers", ())
        )
        where = f" on {one['host']}" if one["host"] else ""
        yield f"producer {one['producer']}{where}", f"{lost} of {of}{f': {runs}' if runs else ''}"


def _of_quality(finding: Finding) -> Iterator[tuple[str, str]]:
    """Of what is not as it should be: what was expected beside what was seen, and who expects it."""
    evidence = finding.evidence
    if not evidence.get("check"):
        return
    if "missing" not in evidence:
        yield "expected", _plainly(evidence.get("expected"))
        yield "seen", _plainly(evidence.get("seen"))
    yield "expected by the", str(evidence.get("from") or units.NOTHING)


def _plainly(value: Any) -> str:  # noqa: ANN401 - whatever a rule says of a column
    """A value of the evidence in words.

    >>> _plainly([0.0, 41.5]), _plainly(["EWR", "JFK"]), _plainly({"gone": ["temp"], "new": []})
    ('0 to 41.5', 'EWR, JFK', 'gone: temp')
    """
    if value in (None, [], {}):
        return units.NOTHING
    match value:
        case [float() | int() | None as low, float() | int() | None as high]:
            return f"{_end(low)} to {_end(high)}"
        case list():
            more = len(value) - _MOST_NAMED
            return ", ".join(map(str, value[:_MOST_NAMED])) + (f" and {more} more" if more > 0 else "")
        case dict():
            parts = (
                f"{name}: {_plainly(each)}" for name, each in value.items() if each not in (None, [], {})
            )
            return "; ".join(parts) or units.NOTHING
        case float() | int():
            return number(value, Unit.PLAIN)
        case _:
            return str(value)


def _end(value: float | None) -> str:
    return "any" if value is None else f"{value:g}"


def tests(finding: Finding) -> list[tuple[str, bool]]:
    """What it had to pass to be a finding."""
    passed = finding.evidence.get("passed") or {}
    return [(_TESTS.get(name, name), bool(held)) for name, held in passed.items()]
