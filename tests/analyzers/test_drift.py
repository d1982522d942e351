from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from mlmon.analyzers import distances
from mlmon.analyzers.ask import Ask
from mlmon.analyzers.cells import Cell
from mlmon.analyzers.drifted import Seen, judge, verdicts
from mlmon.analyzers.models import Model
from mlmon.analyzers.policy import Policy
from mlmon.analyzers.profile_columns import Columns, from_columns
from mlmon.analyzers.statistics.histograms import histogram
from mlmon.analyzers.weights import Moments
from mlmon.core.window import Window

START = datetime(2030, 3, 4, tzinfo=UTC)
WEEK = timedelta(days=7)
FEATURES = 10


def table(rng, n, shift=0.0):
    """Ten numbers, one of them shifted, and a category."""
    columns = {f"x{k}": rng.normal(size=n) for k in range(FEATURES)}
    columns["x0"] = columns["x0"] + shift
    columns["k"] = rng.choice(["a", "b", "c"], size=n, p=[0.6, 0.3, 0.1]).astype(object)
    return columns


def seen(reference, columns, window):
    """The distances of a table from the reference, as a store's counts would give them."""
    n = len(columns["k"])
    found = Seen(cell=Cell("", "", window), traffic=Moments(weight=n, weight_squares=n), reference=reference)
    for name, profile in reference.numeric.items():
        scale = distances.numeric_scale(profile)
        counts = histogram(columns[name], profile.edges)
        found.distances[name] = distances.numeric_distance(scale, counts, n - counts.sum(), 1.0)
    names, times = np.unique(columns["k"].astype(str), return_counts=True)
    known = dict(zip(names.tolist(), times.astype(float).tolist(), strict=True))
    categories = distances.categorical_scale(reference.categorical["k"])
    found.distances["k"] = distances.categorical_distance(categories, known, 0.0, 0.0, 1.0)
    return found


@pytest.fixture(scope="module")
def profile():
    """Give a reference of 50,000 rows."""
    rng = np.random.default_rng(1)
    return from_columns(Columns(features=table(rng, 50_000)), model="m", source="train", now=START)


def findings(profile, rng, n, shift, weeks):
    """The findings over so many weeks of n rows."""
    windows = [Window(start=START + k * WEEK, end=START + (k + 1) * WEEK) for k in range(weeks)]
    span = Window(start=START, end=windows[-1].end)
    ask = Ask(model=Model(name="m"), span=span, size="7d", now=span.end)
    return list(verdicts(ask, [seen(profile, table(rng, n, shift), window) for window in windows]))


@pytest.mark.parametrize(("n", "weeks"), [(100, 200), (100_000, 6)])
def test_the_same_data_never_drift(profile, n, weeks):
    """Without a change there is no finding, in small samples and in large ones."""
    assert findings(profile, np.random.default_rng(n), n, 0.0, weeks) == []


@pytest.mark.parametrize("n", [500, 100_000])
def test_a_clear_shift_is_found(profile, n):
    """A shift of most of a standard deviation is found, in that feature alone, from the second week on."""
    found = findings(profile, np.random.default_rng(2), n, 0.7, 4)
    assert {(finding.subject, finding.metric) for finding in found} == {("x0", "psi")}
    assert len(found) == 3
    evidence = found[0].evidence
    assert all(evidence["passed"].values())
    assert sum(evidence["current"]) == pytest.approx(1.0, abs=1e-4)
    assert len(evidence["bins"]) == len(evidence["reference"]) - 1


def test_a_large_sample_does_not_make_a_small_effect_a_finding(profile):
    """A tiny shift is significant in 100,000 rows, and no finding, as its effect does not matter."""
    window = Window(start=START, end=START + WEEK)
    one = seen(profile, table(np.random.default_rng(3), 100_000, 0.05), window)
    test = judge(Policy(), one)["x0", "psi"]
    assert test.p_adjusted < 0.01
    assert test.passed == {"n": True, "effect": False, "significance": True}


def test_an_unseen_category_has_a_bin_of_its_own(profile):
    """What the reference never saw is counted apart, and drifts."""
    scale = distances.categorical_scale(profile.categorical["k"])
    found = distances.categorical_distance(scale, {"a": 500.0, "new": 500.0}, 0.0, 0.0, 1.0)
    assert dict(zip(found.bins, found.current, strict=True))[distances.UNSEEN] == 500.0
    assert found.psi is not None
    assert found.psi > 0.25


def test_missing_values_are_told_apart_from_drift(profile):
    """A feature that goes missing is a finding on its missing rate, although what is there looks the same."""
    rng = np.random.default_rng(5)
    columns = table(rng, 5_000)
    columns["x1"] = np.where(rng.uniform(size=5_000) < 0.3, np.nan, columns["x1"])
    tests = judge(Policy(), seen(profile, columns, Window(start=START, end=START + WEEK)))
    assert tests["x1", "missing_rate"].holds
    assert not tests["x1", "psi"].holds
