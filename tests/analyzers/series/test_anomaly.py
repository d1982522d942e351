import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlmon.analyzers.series import anomaly
from mlmon.analyzers.series.anomaly import Kind

STEP_S = 300.0


def scored(values, times=None):
    """Everything that is said of a series."""
    times = 1.4e9 + STEP_S * np.arange(len(values)) if times is None else times
    return list(anomaly.scores(list(times), list(map(float, values))))


def alarms(values, times=None):
    """The rows of the alarms, with their kinds."""
    return {row: one.kind for row, one in enumerate(scored(values, times)) if one.anomaly}


@pytest.mark.parametrize("kind", ["season", "week", "noise", "walk", "counts", "constant"])
def test_clean_series_stay_quiet(make_clean, kind):
    """In 10,000 rows of a series in which nothing is wrong there is at most one alarm."""
    assert len(alarms(make_clean(kind, seed=5))) <= 1


def test_a_long_calm_makes_nothing_small_an_alarm():
    """Of 20,000 rows of a season with even noise, ten weeks, at most two alarm."""
    rows = np.arange(20_000)
    noise = np.random.default_rng(0).normal(0, 2, 20_000)
    assert len(alarms(50 + 20 * np.sin(2 * np.pi * rows / 288) + noise)) <= 2


def test_a_clean_wave_stays_quiet_once_it_is_known(make_clean):
    """A perfect square wave, whose first days are news, raises no alarm after its first week."""
    assert [row for row in alarms(make_clean("square", seed=0)) if row > 7 * 288] == []


@pytest.mark.parametrize("kind", ["spike", "shift", "noise"])
def test_what_is_injected_is_found(make_clean, kind):
    """Of 10 seasonal series with one spike, shift or noisy hours, at least 9 alarm within an hour or two."""
    hits = []
    for seed in range(10):
        values = make_clean("season", seed, count=4_000)
        at = 2_500 + 37 * seed
        chance = np.random.default_rng(seed)
        if kind == "spike":
            values[at] += 80
        elif kind == "shift":
            values[at:] -= 40
        else:
            values[at : at + 60] += chance.normal(0, 40, 60)
        found = [row for row in alarms(values) if at <= row < at + 24]
        hits.append(bool(found))
    assert sum(hits) >= 9


def test_a_flat_line_and_a_silence_are_told_apart(make_clean):
    """Values that stand still are a flat line, rows that stay away a silence."""
    values = make_clean("season", seed=3, count=4_000)
    values[3_000:3_100] = values[3_000]
    flat = alarms(values)
    assert Kind.FLATLINE in {kind for row, kind in flat.items() if 3_000 <= row < 3_100}
    values = make_clean("season", seed=3, count=4_000)
    times = 1.4e9 + STEP_S * np.arange(4_000)
    times[3_000:] += 100 * STEP_S
    assert alarms(values, times)[3_000] is Kind.SILENCE


def test_a_spike_and_a_slow_shift_are_told_apart(make_clean):
    """One point far off is a spike; many points off to one side are a shift."""
    values = make_clean("noise", seed=9, count=3_000)
    values[2_000] += 30
    assert alarms(values)[2_000] is Kind.SPIKE
    values = make_clean("noise", seed=9, count=3_000)
    values[2_000:2_200] += 6
    found = alarms(values)
    assert Kind.SHIFT in {kind for row, kind in found.items() if 2_000 <= row < 2_060}


@pytest.mark.parametrize("incident", ["wild", "away"])
def test_an_incident_does_not_hide_the_next(incident):
    """Three hours of trouble that come three times, and a shift days later, are told in 9 of 10 cases."""
    told, shifts, total = 0, 0, 0
    for seed in range(6):
        chance = np.random.default_rng(seed)
        values, begins = chance.normal(0, 1, 3_000), (700, 1_300, 1_900)
        for at in begins:
            values[at : at + 40] += chance.normal(0, 20, 40) if incident == "wild" else 15
        values[2_600:] += 12
        found = alarms(values)
        told += sum(any(at <= row < at + 24 for row in found) for at in begins)
        shifts += any(2_600 <= row < 2_624 for row in found)
        total += len(found)
    assert told >= 17
    assert shifts >= 5
    assert total <= 30


def test_what_is_nearly_an_alarm_does_not_silence_one(make_clean):
    """Of 20 series whose level falls by five times the noise at least 19 alarm within two hours."""
    hits = 0
    for seed in range(20):
        values = make_clean("season", 100 + seed, count=2_500)
        values[2_200:] -= 24
        hits += any(2_200 <= row < 2_224 for row in alarms(values))
    assert hits >= 19


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1_000), end=st.integers(1, 700))
def test_a_score_uses_only_what_came_before(seed, end):
    """What is said of a row is the same whether rows follow or not."""
    values = np.random.default_rng(seed).normal(0, 1, 700)
    values[400] += 20
    assert scored(values)[:end] == scored(values[:end])


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=120),
    st.floats(min_value=1e-3, max_value=1e8),
)
def test_any_series_is_answered(values, step_s):
    """Whatever the values and the step, there is one result a row, and a score is from 0 to 1."""
    found = scored(values, [step_s * row for row in range(len(values))])
    assert len(found) == len(values)
    assert all(0.0 <= one.score <= 1.0 for one in found)


def test_times_may_be_missing_or_go_back(make_clean):
    """A missing or earlier time counts as one step; missing values score 0 and teach nothing."""
    values = make_clean("season", seed=2, count=1_000)
    times = 1.4e9 + STEP_S * np.arange(1_000)
    times[500], times[600] = math.nan, 0.0
    values[700] = math.nan
    found = scored(values, times)
    assert found[700] == anomaly.QUIET
    assert not any(one.anomaly for one in found)


@pytest.mark.parametrize("step_s", [60.0, 3_600.0, 86_400.0, 30 * 86_400.0])
def test_any_step(step_s):
    """Minutes, hours, days and months are all scored, and a jump is found."""
    chance = np.random.default_rng(1)
    values = chance.normal(50, 2, 400)
    values[300] += 60
    assert 300 in alarms(values, 1.4e9 + step_s * np.arange(400))


@pytest.mark.parametrize("unit", [1e-15, 1e-300, 1e15, 1e300])
def test_units_play_no_part(make_clean, unit):
    """The same series in another unit has the same alarms, however small or large its numbers."""
    values = np.array(make_clean("season", seed=2))[:2_000]
    values[1_500] += 50 * np.std(values)
    found = alarms(values)
    assert 1_500 in found
    assert alarms(values * unit) == found
    assert scored(values * unit)[1_400].expected == pytest.approx(scored(values)[1_400].expected * unit)


def test_a_far_value_is_an_alarm_and_no_failure(make_clean):
    """The largest number there is, after small ones, is a spike; what follows is scored."""
    values = np.array(make_clean("noise", seed=3))[:1_000]
    values[700] = 1.7e308
    found = scored(values)
    assert found[700].kind == Kind.SPIKE
    assert all(0 <= one.score <= 1 for one in found)


def test_times_that_repeat_keep_the_season():
    """A row that has the time of the one before it is no step: the season stays where it is."""
    rows = np.arange(3_000)
    values = 50 + 20 * np.sin(2 * np.pi * rows / 288) + np.random.default_rng(1).normal(0, 1, 3_000)
    times = 1.4e9 + STEP_S * rows
    twice = np.sort(np.r_[rows, np.arange(1_000, 1_100)])
    assert len(alarms(values[twice], times[twice])) <= 1
