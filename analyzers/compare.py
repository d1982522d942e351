"""How far the columns of one table are from those of another, by every drift statistic and the one policy.

The raw values of both sides are at hand, so the Kolmogorov-Smirnov and Wasserstein distances are exact; the
others are over the bins or categories of the reference, as for windows of a store.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from msgspec import Struct
from msgspec.structs import replace

from mlmon.analyzers.cells import Cell
from mlmon.analyzers.distances import (
    Distance,
    categorical_distance,
    categorical_scale,
    numeric_distance,
    numeric_scale,
    shares_apart,
)
from mlmon.analyzers.drifted import MISSING, PSI, Seen, Test, judge
from mlmon.analyzers.policy import Policy
from mlmon.analyzers.profile_columns import Column, floats, is_numeric, text
from mlmon.analyzers.reference import Categorical, Numeric, Reference
from mlmon.analyzers.statistics.chi_squared import chi_squared
from mlmon.analyzers.statistics.histograms import align_categories, histogram, quantile_edges
from mlmon.analyzers.statistics.kolmogorov_smirnov import ks_of_samples
from mlmon.analyzers.statistics.wasserstein import wasserstein_of_samples
from mlmon.analyzers.weights import Moments
from mlmon.core.window import Window

DRIFT: Final = "drift"
MISSING_MORE: Final = "missing values"
OTHER_TYPE: Final = "other type"
STABLE: Final = "stable"
TOO_FEW: Final = "too few"
NO_VALUES: Final = "no values"

EDGES: Final = 1_024
STATISTICS: Final = (
    "psi", "jensen_shannon", "kolmogorov_smirnov", "wasserstein", "wasserstein_normed", "chi_squared",
    "cramers_v", "hellinger", "total_variation", "l_infinity",
)  # fmt: skip
"""Every statistic of a column, in the order of the output."""

KEYS: Final = (
    "column", "kind", "verdict", "n_reference", "n_current", *STATISTICS, "p_value", "p_adjusted", "bound",
    "passed", "missing_reference", "missing_current", "missing_p_value", "missing_p_adjusted", "bins",
    "reference", "current",
)  # fmt: skip
"""The keys of `as_rows`."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Compared(Struct, frozen=True, kw_only=True):
    """One column on both sides.

    `distance.metrics` holds the statistics; `p_value` is that of the test of the raw values. `tests` are what
    the policy makes of its distribution and of its missing values. `verdict` is one of `drift`, `missing
    values`, `other type`, `stable`, `too few` and `no values`.
    """

    column: str
    kind: str
    distance: Distance
    p_value: float | None
    tests: dict[str, Test]
    verdict: str


class _Pair(Struct, frozen=True, kw_only=True):
    kind: str
    distance: Distance
    p_value: float | None


def compare(
    reference: Mapping[str, Column],
    current: Mapping[str, Column],
    *,
    mixed: Collection[str] = (),
    policy: Policy | None = None,
) -> list[Compared]:
    """Compare the columns that both tables have, in the reference's order.

    Missing values and infinities are counted as missing. A column that is numbers on one side and text on
    the other is compared as text and has the verdict `other type`; `mixed` names those that were made text
    before.
    """
    policy = policy or Policy()
    both = [name for name in reference if name in current]
    pairs = {name: _pair(reference[name], current[name], mixed=name in mixed) for name in both}
    tests = _judged(policy, {name: pair.distance for name, pair in pairs.items()}, reference)
    return [_compared(name, pair, tests.get(name, {})) for name, pair in pairs.items()]


def _compared(name: str, pair: _Pair, tests: dict[str, Test]) -> Compared:
    return Compared(
        column=name,
        kind=pair.kind,
        distance=pair.distance,
        p_value=pair.p_value,
        tests=tests,
        verdict=_verdict(pair, tests),
    )


def _verdict(pair: _Pair, tests: Mapping[str, Test]) -> str:
    moved, lost = tests.get(PSI), tests.get(MISSING)
    if pair.kind == "mixed":
        return OTHER_TYPE
    if moved is not None and moved.holds:
        return DRIFT
    if lost is not None and lost.holds:
        return MISSING_MORE
    if moved is None:
        return NO_VALUES
    return STABLE if moved.passed["n"] else TOO_FEW


def _judged(
    policy: Policy, distances: dict[str, Distance], reference: Mapping[str, Column]
) -> dict[str, dict[str, Test]]:
    """The policy's tests by column; the rate of false findings is kept over all columns."""
    rows = max((distance.n_all for distance in distances.values()), default=0.0)
    if not rows:
        return {}
    seen = Seen(
        cell=Cell("", "", Window(start=_EPOCH, end=datetime.max.replace(tzinfo=UTC))),
        traffic=Moments(weight=rows, weight_squares=rows),
        reference=Reference(
            model="", source="", built_at=_EPOCH, n=float(len(next(iter(reference.values()))))
        ),
        distances=distances,
    )
    found: dict[str, dict[str, Test]] = {}
    for (name, metric), test in judge(policy, seen).items():
        found.setdefault(name, {})[metric] = test
    return found


def _pair(old: Column, new: Column, *, mixed: bool) -> _Pair:
    kinds = {is_numeric(side) for side in (old, new) if not _empty(side)}
    if False not in kinds:
        return _numbers(_floats(old), _floats(new))
    return _texts(text(old), text(new), kind="mixed" if mixed or True in kinds else "categorical")


def _empty(values: Column) -> bool:
    return is_numeric(values) and not np.isfinite(floats(values)).any()


def _floats(values: Column) -> npt.NDArray[np.float64]:
    return floats(values) if is_numeric(values) else np.full(len(values), np.nan)


def _numbers(old: npt.NDArray[np.float64], new: npt.NDArray[np.float64]) -> _Pair:
    known = old[np.isfinite(old)]
    edges = quantile_edges(known, EDGES)
    counts = histogram(known, edges)
    profile = Numeric(
        edges=tuple(edges.tolist()),
        counts=tuple(counts.tolist()),
        missing=float(old.size - known.size),
        std=float(known.std()) if known.size else None,
    )
    present = histogram(new, edges)
    distance = numeric_distance(numeric_scale(profile), present, float(new.size - present.sum()), 1.0)
    test, moved = ks_of_samples(old, new), wasserstein_of_samples(old, new)
    exact = distance.metrics | {
        "kolmogorov_smirnov": test.statistic if test is not None else None,
        "wasserstein": moved,
        "wasserstein_normed": moved / profile.std if moved is not None and profile.std else None,
    }
    p_value = test.p_value if test is not None else None
    return _Pair(kind="numeric", distance=replace(distance, metrics=exact, p_value=p_value), p_value=p_value)


def _texts(old: Sequence[str | None], new: Sequence[str | None], *, kind: str) -> _Pair:
    before, after = _counts(old), _counts(new)
    scale = categorical_scale(Categorical(counts=before, missing=len(old) - sum(before.values())))
    present = sum(after.values())
    distance = categorical_distance(scale, after, 0.0, len(new) - present, 1.0)
    _, left, right = align_categories(before, after)
    test = chi_squared(left, right)
    exact = distance.metrics | shares_apart(left, right)
    if test is not None:
        exact |= {"chi_squared": test.statistic, "cramers_v": test.cramers_v}
    p_value = test.p_value if test is not None else distance.p_value
    return _Pair(kind=kind, distance=replace(distance, metrics=exact), p_value=p_value)


def _counts(values: Sequence[str | None]) -> dict[str, float]:
    counts = Counter(values)
    counts.pop(None, None)
    return {name: float(count) for name, count in counts.items() if name is not None}


def as_rows(found: Sequence[Compared]) -> Iterator[dict[str, Any]]:
    """One flat row a column, with every statistic; those that do not apply are None."""
    for one in found:
        psi, lost = one.tests.get(PSI), one.tests.get(MISSING)
        distance = one.distance
        yield {
            "column": one.column,
            "kind": one.kind,
            "verdict": one.verdict,
            "n_reference": int(distance.n_reference),
            "n_current": int(distance.n),
            **{name: distance.metrics.get(name) for name in STATISTICS},
            "p_value": one.p_value,
            "p_adjusted": psi.p_adjusted if psi is not None else None,
            "bound": psi.bound if psi is not None else None,
            "passed": psi.passed if psi is not None else None,
            "missing_reference": distance.missing_reference,
            "missing_current": distance.missing,
            "missing_p_value": distance.missing_p_value,
            "missing_p_adjusted": lost.p_adjusted if lost is not None else None,
            "bins": distance.bins,
            "reference": distance.reference,
            "current": distance.current,
        }
