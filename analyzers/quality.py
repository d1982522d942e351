"""Do the features come as they should: there, of their type, in their range, of known categories?

The rules are those of `expectations`, the same that judge a file. What is expected comes from the settings
(`models.NAME.expect`), else from the reference, else from the window before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from mlmon.analyzers import expectations
from mlmon.analyzers.ask import Ask, reference_for
from mlmon.analyzers.cells import ALL, Cell, Slice, slices
from mlmon.analyzers.expectations import MISSING, NUMBER, SCHEMA, TEXT, TYPE, Expected, Problem, Seen
from mlmon.analyzers.reference import FIELDS, Reference
from mlmon.analyzers.report import metric
from mlmon.analyzers.seen_features import Looked, Names, look, names_of
from mlmon.analyzers.statistics.estimate import without_interval
from mlmon.analyzers.statistics.wilson import wilson
from mlmon.core import schema
from mlmon.core.result import Finding, Metric, Result, Severity
from mlmon.core.store import Reader
from mlmon.core.window import Window, preceding

ANALYZER: Final = "quality"

MISSING_RATE: Final = "missing_rate"
WRONG_TYPE: Final = "wrong_type_rate"
OUTSIDE: Final = "outside_rate"
NEW_CATEGORY: Final = "new_category_rate"
VANISHED: Final = "vanished_rate"
CONSTANT: Final = "constant"
CATEGORIES: Final = "categories"
FEATURES: Final = "features"

METRICS: Final = {
    expectations.MISSING: MISSING_RATE,
    expectations.TYPE: WRONG_TYPE,
    expectations.INFINITE: OUTSIDE,
    expectations.RANGE: OUTSIDE,
    expectations.NEW: NEW_CATEGORY,
    expectations.VANISHED: VANISHED,
    expectations.CONSTANT: CONSTANT,
    expectations.CARDINALITY: CATEGORIES,
}
"""The metric that each rule decides by."""

MUCH: Final = 0.5
"""Short windows share their weather: there a feature is missed only when so much more of it is missing."""

_MARGIN: Final = 0.1
"""So much of a window may lie before the first or after the last inference."""

_NOT_BY_SEGMENT: Final = frozenset({"1h", "1d", "7d"})
_SHOWN: Final = 18


class _Known(Struct, frozen=True, kw_only=True):
    """What is expected of a cell's features, and where from."""

    expected: dict[str, Expected]
    reference: Reference | None


def reach(ask: Ask) -> int:
    """How many later windows are held against one: the next, where there is no reference."""
    return 0 if ask.references else 1


def analyze(reader: Reader, ask: Ask) -> Iterator[Result]:
    """What each feature lacks, for all traffic and each version; in long windows for segments too.

    A cell with fewer effective events than the policy's `min_n` is left out. What a reference lets expect is
    judged in the policy's `quality_sizes`; in other windows only a change of type, or the loss of half of the
    values. What is declared is exact, and judged in every window that is over.
    """
    back = ask if ask.size == ALL or ask.references else _with_one_before(ask)
    names = names_of(reader, back)
    if not (names.numeric or names.text):
        return
    of_whole: set[tuple[datetime, str, str]] = set()
    for piece in slices(ask):
        if piece.segment and ask.size in _NOT_BY_SEGMENT:
            continue
        for known in _knowns(ask, piece):
            looked = [
                one
                for one in look(reader, back, piece, names, known.expected)
                if reference_for(ask.references, one.cell.version) is known.reference
            ]
            for result in _told(ask, piece, names, known, looked):
                if isinstance(result, Finding):
                    what = (result.window.start, result.subject, result.metric)
                    if piece.field is None:
                        of_whole.add(what)
                    elif piece.segment and what in of_whole:
                        continue  # what all traffic shows is no news of a segment
                yield result


def _with_one_before(ask: Ask) -> Ask:
    start = preceding(ask.span.start, ask.size, 1)
    return replace(ask, span=Window(start=start, end=ask.span.end))


def _knowns(ask: Ask, piece: Slice) -> Iterator[_Known]:
    """What is expected, once for each reference that the cells of a cut are held against."""
    versions = ask.model.versions if piece.field == schema.MODEL_VERSION else (ask.version,)
    references: list[Reference | None] = []
    for version in versions:
        found = reference_for(ask.references, version)
        if not any(found is one for one in references):
            references.append(found)
    for one in references:
        learnt = expectations.of_reference(one) if one is not None else {}
        features = {name: each for name, each in learnt.items() if name not in FIELDS}
        yield _Known(
            expected=features | expectations.declared(ask.model.expect),
            reference=one,
        )


def _told(ask: Ask, piece: Slice, names: Names, known: _Known, looked: Sequence[Looked]) -> Iterator[Result]:
    features = sorted({*names.numeric, *names.text, *known.expected})
    before = {(one.cell.version, one.cell.window.end): one for one in looked}
    for one in looked:
        if one.cell.window.start >= ask.span.start:
            yield from _metrics(ask, one, features, known)
    judged = [one for one in looked if one.cell.window.start >= ask.span.start and _is_over(one.cell, ask)]
    judged.sort(key=lambda one: one.cell.window.start)
    for _, some in groupby(judged, key=lambda one: one.cell.window.start):
        of_window = list(some)
        columns: dict[tuple[Cell, str], tuple[Seen, Expected]] = {}
        for one in of_window:
            previous = None if piece.segment else before.get((one.cell.version, one.cell.window.start))
            for name in features:
                wanted = _narrowed(ask, piece, one.cell, known.expected.get(name))
                expected = wanted or _before(previous, name)
                columns[one.cell, name] = one.seen(name), expected
        found = expectations.problems(columns, rate=ask.policy.quality_rate)
        for one in of_window:
            yield from _findings(ask, one, features, known, columns, found)


def _is_over(cell: Cell, ask: Ask) -> bool:
    return ask.size == ALL or cell.window.end <= ask.now


def _narrowed(ask: Ask, piece: Slice, cell: Cell, expected: Expected | None) -> Expected | None:
    """What can be expected of a short window or a segment of what was learnt from the whole."""
    if expected is None or not expected.n:
        return None if expected is None else replace(expected, is_constant=True)
    if ask.size not in ask.policy.quality_sizes or not _is_whole(ask, cell.window):
        return Expected(
            kind=expected.kind, missing=expected.missing, n=expected.n, change=MUCH, is_constant=True
        )
    if piece.segment:
        return replace(expected, counts={}, is_constant=True, change=1.0)
    return expected


def _is_whole(ask: Ask, window: Window) -> bool:
    """Whether the model served in nearly all of a window; what is left of a week has not its weekdays."""
    first, last = ask.model.first, ask.model.last
    if ask.size == ALL or first is None or last is None:
        return True
    room = (window.end - window.start) * _MARGIN
    return first - room <= window.start and window.end <= last + room


def _before(previous: Looked | None, name: str) -> Expected:
    """What the window before lets expect of a feature that nothing else is known of.

    One that was often missing before may be gone for a day.
    """
    if previous is None:
        return Expected(is_constant=True, missing=1.0)
    seen = previous.seen(name)
    share = seen.missing / seen.rows
    return Expected(
        kind=seen.kind,
        missing=share,
        n=seen.rows * seen.effective,
        is_constant=True,
        change=MUCH if share <= expectations.MISSING_CHANGE else 1.0,
    )


def _metrics(ask: Ask, one: Looked, features: Sequence[str], known: _Known) -> Iterator[Metric]:
    there = 0
    for name in features:
        seen, expected = one.seen(name), known.expected.get(name, Expected())
        there += seen.there > 0.0
        if not _is_drifts(name, known.reference):
            yield _share(ask, one, MISSING_RATE, name, seen.missing, seen.rows)
        if not seen.there:
            continue
        if expected.kind is not None:
            yield _share(ask, one, WRONG_TYPE, name, _wrong(seen, expected), seen.there)
        if expected.low is not None or expected.high is not None:
            yield _share(ask, one, OUTSIDE, name, seen.outside, seen.there)
        if expected.categories is not None and seen.kind == TEXT:
            fresh = sum(count for value, count in seen.counts.items() if value not in expected.categories)
            yield _share(ask, one, NEW_CATEGORY, name, fresh, seen.there)
        if seen.kind == TEXT and seen.distinct is not None:
            distinct = without_interval(float(seen.distinct), seen.there)
            yield metric(ANALYZER, ask, one.cell, CATEGORIES, distinct, subject=name)
    if not one.cell.segment:
        many = without_interval(float(there), one.traffic.weight)
        yield metric(ANALYZER, ask, one.cell, FEATURES, many)


def _is_drifts(name: str, reference: Reference | None) -> bool:
    """Whether the analyzer of drift states how much of a feature is missing."""
    return reference is not None and (name in reference.numeric or name in reference.categorical)


def _wrong(seen: Seen, expected: Expected) -> float:
    """How many values are of another type than expected."""
    numbers = seen.there if seen.kind == NUMBER else seen.numbers
    return seen.there - numbers if expected.kind == NUMBER else numbers


def _share(ask: Ask, one: Looked, name: str, subject: str, part: float, whole: float) -> Metric:
    effective = whole * one.traffic.n_effective / one.traffic.weight
    estimate = wilson(part, whole, n_effective=effective)
    return metric(ANALYZER, ask, one.cell, name, estimate, subject=subject)


def _findings(
    ask: Ask,
    one: Looked,
    features: Sequence[str],
    known: _Known,
    columns: Mapping[tuple[Cell, str], tuple[Seen, Expected]],
    found: Mapping[tuple[Cell, str], Sequence[Problem]],
) -> Iterator[Finding]:
    gone: dict[str, Problem] = {}
    fresh: list[str] = []
    for name in features:
        seen, expected = columns[one.cell, name]
        if _is_new(name, seen, expected, known):
            fresh.append(name)
        for problem in found.get((one.cell, name), ()):
            if problem.check == MISSING and not seen.there and not one.cell.segment:
                gone[name] = problem
            elif problem.check != expectations.CARDINALITY or ask.size in ask.policy.quality_sizes:
                yield _finding(ask, one, name, problem, known, seen, expected)
    if (gone or fresh) and not one.cell.segment:
        yield _of_schema(ask, one, sorted(gone), fresh, known)


def _is_new(name: str, seen: Seen, expected: Expected, known: _Known) -> bool:
    """Whether a feature came that was not expected: not in the reference, or not in the window before."""
    if not seen.there or name in known.expected:
        return False
    if known.reference is not None:
        return True
    return expected.missing == 1.0 and expected.n > 0.0 and seen.there > MUCH * seen.rows


def _finding(
    ask: Ask, one: Looked, name: str, problem: Problem, known: _Known, seen: Seen, expected: Expected
) -> Finding:
    severe = problem.check in (MISSING, TYPE) and problem.value - (expected.missing or 0.0) >= MUCH
    return Finding(
        analyzer=ANALYZER,
        model=ask.model.name,
        version=one.cell.version,
        segment=one.cell.segment,
        window=one.cell.window,
        size=ask.size,
        subject=name,
        metric=METRICS[problem.check],
        value=problem.value,
        bound=problem.bound,
        n=seen.rows,
        severity=Severity.CRITICAL if severe else Severity.WARNING,
        message=f"{name}: {problem.message}.",
        evidence=_evidence(problem, known, seen, expected),
    )


def _evidence(problem: Problem, known: _Known, seen: Seen, expected: Expected) -> dict[str, Any]:
    evidence: dict[str, Any] = {
        "check": problem.check,
        "expected": problem.expected,
        "seen": problem.seen,
        "from": _source(known, expected),
    }
    if problem.p_value is not None:
        evidence |= {"p_value": problem.p_value, "p_adjusted": problem.p_adjusted}
    if expected.n:
        evidence["n_reference"] = expected.n
    if problem.check == MISSING:
        evidence["missing"] = {"reference": expected.missing, "current": problem.value}
    return evidence | _bins(problem, seen, expected)


def _source(known: _Known, expected: Expected) -> str:
    if not expected.n:
        return "settings"
    return "reference" if known.reference is not None else "window before"


def _bins(problem: Problem, seen: Seen, expected: Expected) -> dict[str, Any]:
    """Both distributions, where a picture of them says more than the number."""
    if problem.check in (expectations.NEW, expectations.VANISHED) and expected.counts:
        ranked = sorted(expected.counts, key=lambda name: (-expected.counts[name], name))
        fresh = sorted(
            seen.counts.keys() - expected.counts.keys(), key=lambda name: (-seen.counts[name], name)
        )
        lost = problem.expected if problem.check == expectations.VANISHED else []
        shown = [*dict.fromkeys([*fresh[: _SHOWN // 3], *lost[: _SHOWN // 3], *ranked])][:_SHOWN]
        total = sum(expected.counts.values())
        return {
            "kind": "categorical",
            "bins": shown,
            "reference": [expected.counts.get(name, 0.0) / total for name in shown],
            "current": [seen.counts.get(name, 0.0) / seen.there for name in shown],
        }
    return {}


def _of_schema(ask: Ask, one: Looked, gone: list[str], fresh: list[str], known: _Known) -> Finding:
    parts = [
        f"{about}: {', '.join(names)}"
        for names, about in ((gone, "features gone"), (fresh, "features new"))
        if names
    ]
    expected = len(known.expected) or None
    return Finding(
        analyzer=ANALYZER,
        model=ask.model.name,
        version=one.cell.version,
        window=one.cell.window,
        size=ask.size,
        metric=FEATURES,
        value=float(len(gone) + len(fresh)),
        bound=0.0,
        n=one.traffic.weight,
        severity=Severity.CRITICAL if gone else Severity.INFO,
        message=f"{'; '.join(parts).capitalize()}.",
        evidence={
            "check": SCHEMA,
            "expected": {"features": expected},
            "seen": {"gone": gone, "new": fresh},
            "from": "reference" if known.reference is not None else "window before",
        },
    )
