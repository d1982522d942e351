import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mlmon.analyzers.series.changepoints import changepoints


def normal(seed, *parts):
    """Normal values of unit variance about the levels given with their lengths."""
    chance = np.random.default_rng(seed)
    return np.concatenate([level + chance.normal(0, 1, count) for level, count in parts])


def test_a_shift_is_found_within_five_rows():
    """Of 20 series with a shift of three standard deviations, all have that one change and no other."""
    for seed in range(20):
        found = changepoints(normal(seed, (0, 100), (3, 80)))
        assert len(found) == 1
        assert abs(found[0] - 100) <= 5


def test_no_change_no_finding():
    """In 40 series of noise, plain, with memory, a trend or a season, at most two changes are found."""
    found = 0
    for seed in range(10):
        noise = normal(seed, (0, 240))
        remembering = noise.copy()
        for row in range(1, 240):
            remembering[row] += 0.6 * remembering[row - 1]
        season = 10 * np.sin(2 * np.pi * np.arange(240) / 12)
        series = (noise, remembering, noise + 0.1 * np.arange(240), noise + season)
        found += sum(len(changepoints(each)) for each in series)
    assert found <= 2


def test_variance_and_slope_are_changes_too():
    """A change of spread and a kink of a line are found."""
    noise = normal(3, (0, 300))
    spread = noise * np.where(np.arange(300) < 150, 1, 4)
    kink = noise[:200] + 0.3 * np.minimum(np.arange(200), 200 - np.arange(200))
    for series, at in ((spread, 150), (kink, 100)):
        [change] = changepoints(series)
        assert abs(change - at) <= 5


def rare(chance, count):
    """Values that chance makes equal: rare events, their rates, a rounded drift, a queue mostly empty."""
    rows = np.arange(count)
    asked = chance.integers(300, 700, count)
    return (
        chance.poisson(0.05, count).astype(float),
        chance.poisson(0.3, count).astype(float),
        chance.binomial(asked, 0.0005) / asked,
        np.where(chance.random(count) < 0.1, chance.exponential(1, count), 0.0),
        np.round(5 + 0.003 * rows + chance.normal(0, 0.005, count), 1),
        np.maximum(0, chance.normal(-1, 1, count)),
    )


def test_equal_values_by_chance_are_no_regime():
    """Of 48 series of rare events, rounded drifts and empty queues without a change at most two have one."""
    found = [changepoints(each) for seed in range(8) for each in rare(np.random.default_rng(seed), 180)]
    assert sum(map(bool, found)) <= 2


def test_equal_values_for_good_are_a_regime():
    """A sensor that stood still, a setting that changes and a flag on more often have one change each."""
    rows = np.arange(200)
    for seed in range(5):
        chance = np.random.default_rng(seed)
        flag = chance.random(200) < np.where(rows < 120, 0.1, 0.8)
        still = np.where(rows < 120, 5.0, chance.normal(5, 1, 200))
        setting = np.where(rows < 120, 5.0, 7.0)
        for series, near in ((flag.astype(float), 15), (still, 2), (setting, 0)):
            [change] = changepoints(series.tolist())
            assert abs(change - 120) <= near


def test_an_outlier_and_a_season_hide_nothing():
    """Beside a season and an outlier, a shift is found where it is, and alone."""
    series = normal(4, (0, 120), (12, 120)) + 10 * np.sin(2 * np.pi * np.arange(240) / 12)
    series[60] += 100
    [change] = changepoints(series)
    assert abs(change - 120) <= 2


def test_missing_values_are_drawn_between(tmp_path):
    """A gap moves no change, and makes none."""
    series = normal(5, (0, 100), (4, 100))
    series[40:45] = np.nan
    [change] = changepoints(series)
    assert abs(change - 100) <= 2


def test_a_long_series_is_cut_to_the_row():
    """A series beyond the quadratic bound still has its change at the right row."""
    [change] = changepoints(normal(6, (0, 6_000), (5, 6_001)))
    assert abs(change - 6_000) <= 2


@pytest.mark.parametrize(
    "values", [[], [1.0], [5.0] * 50, [np.nan] * 30, [1.0, 2.0, 3.0] * 3, list(range(40))]
)
def test_nothing_to_find(values):
    """Empty, short, constant, missing and perfectly straight series have no change."""
    assert changepoints(values) == []


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(min_value=-1e6, max_value=1e6), max_size=60))
@example([1e5, 0, 1e-200, 1e-200, 1e5, 1e5, 1e-200, 1e-200, 1e-200, 1e-200, 0])
def test_changes_are_rows_in_order(values):
    """Whatever the values, changes are rows after the first, in order, and the same at each call."""
    found = changepoints(values)
    assert found == sorted(set(found))
    assert all(0 < row < len(values) for row in found)
    assert found == changepoints(values)
