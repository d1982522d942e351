"""Do the features still go together as they did in the reference, each alone looking the same or not?

A bounded sample of a window is held against the reference's: by what its principal components leave of the
rows, and by a classifier that tries to tell the two apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import NormalDist
from typing import Any, Final

import numpy as np
from msgspec import Struct

from mlmon.analyzers import joint, profile_joint
from mlmon.analyzers.ask import Ask, reference_for
from mlmon.analyzers.cells import ALL, Cell
from mlmon.analyzers.joint import Codes, Joint, Space
from mlmon.analyzers.policy import Policy
from mlmon.analyzers.report import metric
from mlmon.analyzers.sample import sample
from mlmon.analyzers.statistics.domain_auc import Domain, Side, domain_auc, side
from mlmon.analyzers.statistics.estimate import Estimate, without_interval
from mlmon.analyzers.statistics.fdr import benjamini_hochberg
from mlmon.analyzers.statistics.pca_reconstruction import Plane, Reconstruction, pca_reconstruction, plane
from mlmon.analyzers.statistics.proportions import Vector
from mlmon.core import schema
from mlmon.core.event import Document
from mlmon.core.query import Equals, both
from mlmon.core.result import Finding, Metric, Result, Severity
from mlmon.core.store import Reader
from mlmon.core.window import Window, preceding, windows

ANALYZER: Final = "multivariate"
AREA: Final = "domain_auc"
RECONSTRUCTION: Final = "pca_reconstruction"
SHARE: Final = "domain_share"

TOLD: Final = 0.1
"""The share of what a classifier goes by from which on the message names a feature."""


class Known(Struct, frozen=True, kw_only=True):
    """A reference's joint sample made ready for both statistics."""

    joint: Joint
    space: Space
    side: Side
    plane: Plane | None


class Together(Struct, frozen=True, kw_only=True):
    """The rows of a sample held against a reference's; None where the statistic has no answer.

    `shares` say how much of what the classifier goes by each feature brings, the most first. `n_effective` is
    Kish's size of the sample.
    """

    area: Domain | None
    error: Reconstruction | None
    shares: dict[str, float]
    n_effective: float
    n_reference: int


class Test(Struct, frozen=True, kw_only=True):
    """One of the statistics held against its bound."""

    metric: str
    value: float
    bound: float
    p_value: float
    p_adjusted: float
    passed: dict[str, bool]

    @property
    def holds(self) -> bool:
        """Whether it passed everything that one window can tell."""
        return all(self.passed.values())


def reach(ask: Ask) -> int:
    """How many later windows a window takes part in the verdict of."""
    return ask.policy.among_of(ask.size) - 1 if ask.size in ask.policy.drift_sizes else 0


def analyze(reader: Reader, ask: Ask) -> Iterator[Result]:
    """The area, the error and the shares of each window of all traffic and of each version, with verdicts.

    Windows shorter than those that drift is judged in are left out, and so are models whose reference has no
    joint sample. A window is sampled once, and its versions are parts of that sample.
    """
    if ask.size not in ask.policy.drift_sizes:
        return
    held: dict[str, Known] = {}
    runs: dict[tuple[str, str], list[Window]] = {}
    for window in _windows(ask):
        for version, documents, of in _parts(reader, ask, window):
            known = _known(held, ask, version)
            if known is None:
                continue
            found = together(known, *profile_joint.coded(documents, known.joint.columns)[::2])
            if found.n_effective < ask.policy.min_n:
                continue
            cell = Cell(version, "", window)
            if window.start >= ask.span.start:
                yield from _metrics(ask, cell, found)
            yield from _verdicts(ask, cell, found, runs, of)


def known_of(sample: Joint) -> Known:
    """Make a joint sample ready to be compared with many windows."""
    space = joint.space(sample)
    return Known(joint=sample, space=space, side=side(space.rows), plane=plane(space.rows))


def together(known: Known, codes: Codes, weights: Vector) -> Together:
    """Hold rows of codes, in the order of their keys, against a reference's sample."""
    columns = known.space.columns
    rows = joint.embedded(known.space.tables, codes)
    area = domain_auc(known.side, rows, weights)
    shares = np.zeros(len(columns)) if area is None else _by_column(known.space, area.shares)
    ranked = np.argsort(-shares, kind="stable").tolist()
    squares = float(weights @ weights)
    return Together(
        area=area,
        error=pca_reconstruction(known.plane, rows, weights),
        shares={columns[place].name: float(shares[place]) for place in ranked},
        n_effective=float(weights.sum()) ** 2 / squares if squares else 0.0,
        n_reference=known.joint.rows,
    )


def _by_column(known: Space, shares: Vector) -> Vector:
    added: Vector = np.bincount(known.owners, weights=shares, minlength=len(known.columns)).astype(np.float64)
    return added


def judge(policy: Policy, found: Together) -> dict[str, Test]:
    """Test both statistics: enough events, an effect that matters, and no chance.

    The error is judged by its shift, in standard deviations of the reference's own.
    """
    chance = NormalDist().inv_cdf(policy.psi_chance)
    raw: dict[str, tuple[float, float, float]] = {}
    if found.area is not None and found.area.estimate.value is not None and found.area.p_value is not None:
        bound = max(policy.domain_auc, 0.5 + chance * found.area.noise)
        raw[AREA] = found.area.estimate.value, bound, found.area.p_value
    error = found.error
    if error is not None and error.shift is not None and error.p_value is not None:
        noise = (1.0 / found.n_effective + 1.0 / found.n_reference) ** 0.5
        raw[RECONSTRUCTION] = abs(error.shift), max(policy.pca_shift, chance * noise), error.p_value
    adjusted = benjamini_hochberg([p_value for *_, p_value in raw.values()])
    return {
        name: Test(
            metric=name,
            value=value,
            bound=bound,
            p_value=p_value,
            p_adjusted=p_adjusted,
            passed={
                "n": found.n_effective >= policy.min_n,
                "effect": value >= bound,
                "significance": p_adjusted <= policy.drift_rate,
            },
        )
        for (name, (value, bound, p_value)), p_adjusted in zip(raw.items(), adjusted, strict=True)
        if p_adjusted is not None
    }


def _windows(ask: Ask) -> Iterator[Window]:
    if ask.size == ALL:
        yield ask.span
        return
    start = preceding(ask.span.start, ask.size, reach(ask))
    yield from windows(Window(start=start, end=ask.span.end), ask.size)


def _parts(reader: Reader, ask: Ask, window: Window) -> Iterator[tuple[str, list[Document], int]]:
    """The sample of a window: the whole of it, then of each version."""
    columns = {
        column.name: column
        for reference in ask.references.values()
        if reference.joint is not None
        for column in reference.joint.columns
    }
    if not columns:
        return
    where = both(
        Equals(schema.MODEL_NAME, ask.model.name),
        Equals(schema.MODEL_VERSION, ask.version) if ask.version else None,
    )
    fields = profile_joint.fields_of(list(columns.values()))
    found = sample(reader, window, where, fields, joint.ROWS)
    if not found.documents:
        return
    yield ask.version, found.documents, found.of
    if ask.by_version and not ask.version:
        by_version: dict[str, list[Document]] = {}
        for document in found.documents:
            by_version.setdefault(document.get(schema.MODEL_VERSION) or "", []).append(document)
        for version in sorted(by_version.keys() - {""}):
            part = by_version[version]
            yield version, part, round(found.of * len(part) / len(found.documents))


def _known(held: dict[str, Known], ask: Ask, version: str) -> Known | None:
    reference = reference_for(ask.references, version)
    if reference is None or reference.joint is None:
        return None
    if reference.version not in held:
        held[reference.version] = known_of(reference.joint)
    return held[reference.version]


def _metrics(ask: Ask, cell: Cell, found: Together) -> Iterator[Metric]:
    if found.error is not None:
        yield metric(ANALYZER, ask, cell, RECONSTRUCTION, found.error.estimate)
    if found.area is not None:
        yield metric(ANALYZER, ask, cell, AREA, found.area.estimate)
        for name, share in found.shares.items():
            estimate = without_interval(share, found.area.estimate.n)
            yield metric(ANALYZER, ask, cell, SHARE, estimate, subject=name)


def _verdicts(
    ask: Ask, cell: Cell, found: Together, runs: dict[tuple[str, str], list[Window]], of: int
) -> Iterator[Finding]:
    """Findings of a window that is over, where enough of the last ones show the same."""
    oldest = preceding(cell.window.start, ask.size, reach(ask) if ask.size != ALL else 0)
    for name, test in judge(ask.policy, found).items():
        run = [window for window in runs.get((cell.version, name), ()) if window.start >= oldest]
        if test.holds:
            run.append(cell.window)
        runs[cell.version, name] = run
        lasts = len(run) >= ask.policy.consecutive.get(ask.size, 1)
        over = ask.size == ALL or cell.window.end <= ask.now
        if test.holds and lasts and over and cell.window.start >= ask.span.start:
            yield _finding(ask, cell, found, test, run, of)


def _finding(ask: Ask, cell: Cell, found: Together, test: Test, run: Sequence[Window], of: int) -> Finding:
    told: dict[str, Any] = {"bound": test.bound}
    known: dict[str, Any] = {}
    if test.metric == AREA and found.area is not None:
        told |= _of_area(found, found.area)
    elif found.error is not None:
        told |= _of_error(found.error, test)
        known = {"reference": {"value": found.error.reference}}
    return Finding(
        analyzer=ANALYZER,
        model=ask.model.name,
        version=cell.version,
        window=cell.window,
        size=ask.size,
        metric=test.metric,
        severity=Severity.WARNING,
        evidence={
            "features": dict(list(found.shares.items())[:20]),
            "sample": round(found.n_effective),
            "of": of,
            "n_reference": found.n_reference,
            **known,
            "p_value": test.p_value,
            "p_adjusted": test.p_adjusted,
            "windows": len(run),
            "among": ask.policy.among_of(ask.size),
            "since": run[0].start.isoformat(),
            "passed": {**test.passed, "consecutive": True},
        },
        **told,
    )


def _of_area(found: Together, area: Domain) -> dict[str, Any]:
    names = [name for name, share in found.shares.items() if share >= TOLD]
    return _numbers(area.estimate) | {
        "message": (
            f"The features together have changed: a classifier tells rows from the reference's with an area "
            f"under the curve of {area.estimate.value:.2f}; 0.5 is chance. It goes by {', '.join(names[:5])}."
        ),
    }


def _of_error(error: Reconstruction, test: Test) -> dict[str, Any]:
    value = error.estimate.value or 0.0
    above = value > error.reference
    return _numbers(error.estimate) | {
        "bound": error.reference + test.bound * error.std * (1.0 if above else -1.0),
        "message": (
            f"Rows lie {'farther from' if above else 'nearer to'} the plane of the reference's principal "
            f"components: {value:.2f} on average, {error.reference:.2f} in the reference."
        ),
    }


def _numbers(estimate: Estimate) -> dict[str, Any]:
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high, "n": estimate.n}
