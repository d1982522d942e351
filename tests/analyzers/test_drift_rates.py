"""How often the policy is wrong, by simulation: counts are drawn, not rows, so a million rows cost a draw."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from mlmon.analyzers import distances
from mlmon.analyzers.ask import Ask
from mlmon.analyzers.cells import Cell
from mlmon.analyzers.drifted import Seen, judge, verdicts
from mlmon.analyzers.models import Model
from mlmon.analyzers.policy import Policy
from mlmon.analyzers.reference import Categorical, Numeric, Reference
from mlmon.analyzers.weights import Moments
from mlmon.core.window import Window

START = datetime(2030, 3, 4, tzinfo=UTC)
WEEK = timedelta(days=7)
BINS = 200
NUMBERS = 8
NAMES = ("a", "b", "c", "d")
SHARES = np.array([0.5, 0.3, 0.15, 0.05])
MISSING = 0.02


def reference(rng, n):
    """Draw a reference of n rows: numbers over even shares, and a category, a little of each missing."""
    there = rng.binomial(n, 1 - MISSING)
    numbers = {
        f"x{place}": Numeric(
            edges=tuple(float(edge) for edge in range(1, BINS)),
            counts=tuple(rng.multinomial(there, np.full(BINS, 1 / BINS)).astype(float).tolist()),
            missing=float(n - there),
        )
        for place in range(NUMBERS)
    }
    names = dict(zip(NAMES, rng.multinomial(there, SHARES).astype(float).tolist(), strict=True))
    return Reference(
        model="m", source="train", built_at=START, n=float(n), numeric=numbers,
        categorical={"k": Categorical(counts=names, missing=float(n - there))},
    )  # fmt: skip


@pytest.fixture(scope="module")
def known():
    """Give a reference of 100,000 rows, made ready."""
    made = reference(np.random.default_rng(1), 100_000)
    scales = {name: distances.numeric_scale(profile) for name, profile in made.numeric.items()}
    return made, scales, distances.categorical_scale(made.categorical["k"])


def drawn(known, rng, n, window, shares=None, names=SHARES):
    """Draw a window of n rows; `shares` are those of x0, the other numbers are as in the reference."""
    made, scales, scale = known
    even = np.full(BINS, 1 / BINS)
    seen = Seen(cell=Cell("", "", window), traffic=Moments(weight=n, weight_squares=n), reference=made)
    there = rng.binomial(n, 1 - MISSING)
    for name, one in scales.items():
        now = shares if shares is not None and name == "x0" else even
        counts = rng.multinomial(there, now).astype(float)
        seen.distances[name] = distances.numeric_distance(one, counts, float(n - there), 1.0)
    counts = dict(zip(NAMES, rng.multinomial(there, names).astype(float).tolist(), strict=True))
    seen.distances["k"] = distances.categorical_distance(scale, counts, 0.0, float(n - there), 1.0)
    return seen


@pytest.mark.parametrize("n", [100, 1_000_000])
def test_a_thousand_windows_without_drift_raise_at_most_one_finding(known, n):
    """Without a change at most one of 1,000 windows of nine columns looks drifted, and none is stated so."""
    rng = np.random.default_rng(n)
    windows = [Window(start=START + k * WEEK, end=START + (k + 1) * WEEK) for k in range(1_000)]
    span = Window(start=START, end=windows[-1].end)
    ask = Ask(model=Model(name="m"), span=span, size="7d", now=span.end)
    seen = [drawn(known, rng, n, window) for window in windows]
    assert sum(test.holds for one in seen for test in judge(Policy(), one).values()) <= 1
    assert list(verdicts(ask, seen)) == []


def shifted(psi):
    """Give even shares tilted so that the PSI of the tenths is the one asked for."""
    tilt = np.linspace(-1, 1, BINS)
    low, high = 0.0, 5.0
    shares = np.full(BINS, 1 / BINS)
    for _ in range(60):
        middle = (low + high) / 2
        shares = np.exp(middle * tilt)
        shares /= shares.sum()
        tenths = shares.reshape(10, -1).sum(axis=1)
        far = float(((tenths - 0.1) * np.log(tenths / 0.1)).sum())
        low, high = (middle, high) if far < psi else (low, middle)
    return shares


def test_a_shift_of_psi_02_is_found_in_99_of_100_runs(known):
    """A PSI of 0.2 in 1,000 rows is told by one window in at least 99 % of runs, and no other column is."""
    rng, shares = np.random.default_rng(7), shifted(0.2)
    window = Window(start=START, end=START + WEEK)
    found = others = 0
    for _ in range(500):
        tests = judge(Policy(), drawn(known, rng, 1_020, window, shares))
        found += tests["x0", "psi"].holds
        others += sum(test.holds for key, test in tests.items() if key != ("x0", "psi"))
    assert found >= 495
    assert others <= 1


def test_a_shift_of_a_category_is_found_in_99_of_100_runs(known):
    """A category with a PSI of 0.2 in 1,000 rows is told by a single window in at least 99 % of runs."""
    names = np.array([0.3, 0.42, 0.22, 0.06])
    assert 0.15 < float(((names - SHARES) * np.log(names / SHARES)).sum()) <= 0.2
    rng = np.random.default_rng(8)
    window = Window(start=START, end=START + WEEK)
    runs = (judge(Policy(), drawn(known, rng, 1_020, window, names=names)) for _ in range(500))
    assert sum(tests["k", "psi"].holds for tests in runs) >= 495


@pytest.mark.parametrize(
    ("weeks", "found"), [("no", []), ("yy", [1]), ("yny", [2]), ("ynny", []), ("yyny", [1, 3])]
)
def test_two_of_three_weeks(known, weeks, found):
    """A drift is stated of a window that shows it when one of the two before did too."""
    rng, shares = np.random.default_rng(9), shifted(0.5)
    seen = [
        drawn(known, rng, 5_000, Window(start=START + k * WEEK, end=START + (k + 1) * WEEK),
              shares if week == "y" else None)
        for k, week in enumerate(weeks)
    ]  # fmt: skip
    span = Window(start=START, end=START + len(weeks) * WEEK)
    ask = Ask(model=Model(name="m"), span=span, size="7d", now=span.end)
    stated = list(verdicts(ask, seen))
    assert [round((finding.window.start - START) / WEEK) for finding in stated] == found
    for finding in stated:
        assert finding.evidence["windows"] == 2
        assert finding.evidence["among"] == 3
        assert all(finding.evidence["passed"].values())


def test_many_rare_categories_do_not_drift_by_themselves():
    """Two samples of 100 rows of a category with a long tail hardly ever look drifted."""
    rng = np.random.default_rng(11)
    shares = 1.0 / np.arange(1, 201) ** 1.5
    shares /= shares.sum()
    window, held = Window(start=START, end=START + WEEK), 0
    for _ in range(500):
        old, new = (
            {f"v{place}": float(count) for place, count in enumerate(rng.multinomial(100, shares)) if count}
            for _ in range(2)
        )
        known = Categorical(counts=old)
        found = distances.categorical_distance(distances.categorical_scale(known), new, 0.0, 0.0, 1.0)
        one = Seen(
            cell=Cell("", "", window), traffic=Moments(weight=100.0, weight_squares=100.0),
            reference=Reference(model="m", source="", built_at=START, n=100.0), distances={"k": found},
        )  # fmt: skip
        held += any(test.holds for test in judge(Policy(), one).values())
    assert held <= 1
