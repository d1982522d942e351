import math

import numpy as np
import pytest

from mlmon.analyzers.series import detectors, rise
from mlmon.analyzers.series.rise import Bounds, Stream

DAY_S = 86_400.0
START_S = 20_000 * DAY_S


DEFAULT = Bounds()


def told(errors, days, bounds=DEFAULT):
    """The rises that a stream of errors, spread over days, is told to have, with ADWIN's alarms."""
    detector, stream, said = detectors.create("adwin"), Stream(), []
    for row, error in enumerate(np.asarray(errors, dtype=float).tolist()):
        at_s = START_S + row * days * DAY_S / len(errors)
        episode = stream.read(at_s, error, 1.0, bounds)
        if episode is not None and episode.gone_s is None:
            said.append(episode)
        detector.update(error)
        if detector.drift_detected:
            stream.alarmed(at_s)
    return said


def wrong(seed, rates):
    """Right and wrong predictions, each wrong with its own rate."""
    return np.random.default_rng(seed).random(len(rates)) < rates


@pytest.mark.parametrize("days", [60, 2, 0.1])
def test_a_level_that_stays_is_never_told(days):
    """Of 40 streams of 5,000 errors at one rate, over weeks, days or hours, none is told to have risen."""
    assert [said for seed in range(40) for said in told(wrong(seed, np.full(5_000, 0.1)), days)] == []


def test_days_that_differ_are_hardly_ever_told():
    """With a strong rhythm of the day and days that differ, at most 2 rises are told in 1,200 days."""
    found = []
    for seed in range(20):
        turn = 2 * np.pi * np.arange(9_000) / 150
        days = np.repeat(np.random.default_rng(100 + seed).normal(0, 0.03, 60), 150)
        found += told(wrong(seed, 0.15 + 0.1 * np.sin(turn) + days), 60)
    assert len(found) <= 2


@pytest.mark.parametrize(("days", "grain_s"), [(60, 86_400), (5, 3_600), (0.1, 60)])
def test_a_rise_is_told_with_its_time_and_its_levels(days, grain_s):
    """Of 10 streams whose rate doubles half-way, all are told, within a tenth of their length."""
    for seed in range(10):
        [said, *_] = told(wrong(seed, np.where(np.arange(12_000) < 6_000, 0.1, 0.2)), days)
        assert abs(said.since_s - START_S - days * DAY_S / 2) < days * DAY_S / 10
        assert said.grain_s == grain_s
        assert abs(said.before.value - 0.1) < 0.03
        assert abs(said.after.value - 0.2) < 0.05


def test_a_storm_of_two_days_is_not_told():
    """Two days on which half of the predictions are wrong are no concept drift, and after them nothing is."""
    rates = np.full(12_000, 0.1)
    rates[6_000:6_400] = 0.5
    assert told(wrong(3, rates), 60) == []


def test_a_rise_that_goes_is_gone_after_a_week():
    """A rise of three weeks is told to be gone when a week is more like before it than like it."""
    rates = np.full(12_000, 0.1)
    rates[4_000:8_200] = 0.25
    detector, stream, gone = detectors.create("adwin"), Stream(), []
    for row, error in enumerate(wrong(1, rates).astype(float).tolist()):
        at_s = START_S + row * 60 * DAY_S / 12_000
        episode = stream.read(at_s, error, 1.0, Bounds())
        if episode is not None and episode.gone_s is not None:
            gone.append((episode.gone_s - START_S) / DAY_S)
        detector.update(error)
        if detector.drift_detected:
            stream.alarmed(at_s)
    assert len(gone) == 1
    assert 41 + 4 <= gone[0] <= 41 + 9


def test_less_errors_are_no_finding_and_become_the_usual():
    """A rate that halves is not told, and one that doubles again after a month is."""
    rates = np.repeat([0.2, 0.1, 0.2], 6_000)
    [said] = told(wrong(2, rates), 90)
    assert abs(said.since_s - START_S - 60 * DAY_S) < 5 * DAY_S
    assert abs(said.before.value - 0.1) < 0.03


def test_few_errors_say_nothing():
    """What rests on fewer errors than asked for is not told."""
    rates = np.where(np.arange(12_000) < 6_000, 0.1, 0.2)
    assert told(wrong(0, rates), 60, Bounds(min_n=1e6)) == []


def test_errors_of_one_value_raise_nothing():
    """A stream without any error, then with errors only, has finite levels and one rise."""
    [said] = told(np.repeat([0.0, 1.0], 3_000), 40)
    assert said.before.value == 0.0
    assert said.after.value == 1.0
    assert all(math.isfinite(each) for each in (said.before.high, said.after.low))


def test_what_is_kept_is_bounded():
    """After three years of errors no more blocks are kept than of 96 days."""
    stream = Stream()
    for hour in range(3 * 365 * 24):
        stream.read(START_S + hour * 3_600, 0.1, 1.0, Bounds())
    assert sum(map(len, stream.blocks)) <= rise.KEPT
