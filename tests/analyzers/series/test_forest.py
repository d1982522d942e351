import numpy as np
import pytest
from sklearn.ensemble import IsolationForest

from mlmon.analyzers.series.forest import FEWEST, Forest


def days(seed, count=150, width=6):
    """Days of a few metrics that depend on each other, on the weekday and on chance."""
    chance = np.random.default_rng(seed)
    weekend = np.isin(np.arange(count) % 7, (5, 6)).astype(float)
    shared = chance.normal(size=(count, 2)) @ chance.normal(size=(width, 2)).T
    own = chance.normal(size=(count, width)) if seed % 2 else chance.standard_t(4, size=(count, width))
    return shared + own + np.outer(weekend, chance.normal(0, 2, width))


def judged(before, now):
    """What is said of rows, of which something must be."""
    said = [one for one in Forest(before).judge(now) if one is not None]
    assert len(said) == len(now)
    return said


def test_clean_days_stay_quiet():
    """Of 900 clean days of 30 models, each held against the 120 before, at most one is unusual."""
    found = 0
    for seed in range(30):
        rows = days(seed)
        found += sum(said is not None and said.unusual for said in Forest(rows[:120]).judge(rows[120:]))
    assert found <= 1


def test_a_day_on_which_most_metrics_are_far_off_is_found_and_they_are_named():
    """Of days with five of six metrics 8 deviations off two thirds are found, and name those five."""
    found, named = 0, 0
    for seed in range(6):
        rows = days(seed)
        now = rows[120:128].copy()
        now[:, :5] = np.median(rows[:120, :5], axis=0) + 8 * rows[:120, :5].std(axis=0)
        for said in judged(rows[:120], now):
            found += said.unusual
            named += said.unusual and set(said.columns[:5]) == set(range(5))
    assert found >= 2 / 3 * 48
    assert named >= 0.9 * found


def test_the_score_is_that_of_scikit_learn():
    """The score is the negative one of an isolation forest of 100 trees on the same rows."""
    rows = days(1)
    forest = IsolationForest(n_estimators=100, random_state=42).fit(rows[:120])
    expected = -forest.score_samples(rows[120:])
    said = [one.score for one in judged(rows[:120], rows[120:])]
    assert said == pytest.approx(expected.tolist(), abs=1e-12)


def test_one_metric_alone_is_no_unusual_day():
    """A single metric far off is the anomaly of that metric, and not of the day."""
    rows = days(3)
    now = np.median(rows[:120], axis=0)
    now[0] += 30
    [said] = judged(rows[:120], now[None, :])
    assert not said.unusual


@pytest.mark.parametrize(
    "rows", [np.empty((0, 4)), np.zeros((FEWEST - 1, 4)), np.zeros((100, 4)), np.full((100, 4), np.nan)]
)
def test_what_says_too_little_has_no_opinion(rows):
    """No rows, few, rows that never change and rows without any value say nothing."""
    assert Forest(rows).judge(np.ones((2, 4))) == [None, None]


def test_missing_values_are_taken_as_usual():
    """A row of which nothing is known is not unusual; a column that is mostly missing plays no part."""
    rows = days(5)
    rows[:100, 1] = np.nan
    [said] = judged(rows[:120], np.full((1, 6), np.nan))
    assert said.columns == ()
    assert not said.unusual
