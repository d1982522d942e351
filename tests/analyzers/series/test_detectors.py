import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river import drift
from river.drift import binary

from mlmon.analyzers.series import detectors
from mlmon.core.errors import UsageError

RIVER = {
    "adwin": drift.ADWIN,
    "ddm": binary.DDM,
    "eddm": binary.EDDM,
    "hddm-a": getattr(binary, "HDDM_A", None) or binary.HDDMA,
    "hddm-w": getattr(binary, "HDDM_W", None) or binary.HDDMW,
    "kswin": lambda: drift.KSWIN(seed=detectors.SEED),
    "page-hinkley": drift.PageHinkley,
}
NAMES = pytest.mark.parametrize("name", detectors.DETECTORS)


def wrongs(seed, rates=(0.1, 0.5, 0.2), each=400):
    """A stream of 0 and 1 whose rate of 1 changes twice."""
    import random

    chance = random.Random(seed)
    return [float(chance.random() < rate) for rate in rates for _ in range(each)]


def by_river(name, errors):
    """The rows at which river itself says that there is drift."""
    detector, found = RIVER[name](), []
    for row, error in enumerate(errors):
        detector.update(error)
        if detector.drift_detected:
            found.append(row)
    return found


@NAMES
def test_alarms_are_those_of_river(name):
    """A detector alarms at exactly the rows at which river's does, and at some."""
    found = [detectors.alarms(detectors.create(name), wrongs(seed)) for seed in range(3)]
    assert found == [by_river(name, wrongs(seed)) for seed in range(3)]
    assert any(found) or name == "page-hinkley"


@NAMES
@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 10_000), cuts=st.lists(st.integers(0, 600), max_size=4))
def test_a_kept_state_goes_on_as_if_never_interrupted(name, seed, cuts):
    """Runs that hand on their state alarm where one run over all errors does."""
    errors = wrongs(seed, each=200)
    at = [0, *sorted(cuts), len(errors)]
    state, found = detectors.save(name, detectors.create(name)), []
    for start, end in pairwise(at):
        detector = detectors.load(name, state)
        assert detector is not None
        found += [start + row for row in detectors.alarms(detector, errors[start:end])]
        state = detectors.save(name, detector)
    assert found == detectors.alarms(detectors.create(name), errors)


def test_numbers_of_any_size_are_read():
    """ADWIN, KSWIN and Page-Hinkley find a change in the errors of a regression, as river does."""
    errors = [math.sin(row) + (40.0 if row >= 500 else 0.0) for row in range(1_000)]
    for name in ("adwin", "kswin", "page-hinkley"):
        found = detectors.alarms(detectors.create(name), errors)
        assert found == by_river(name, errors)
        assert any(500 <= row < 600 for row in found)


def test_a_state_of_another_detector_is_not_taken():
    """A state is only good for the detector that it came from."""
    state = detectors.save("ddm", detectors.create("ddm"))
    assert detectors.load("adwin", state) is None


def test_an_unknown_detector_is_named():
    """A wrong name is told with the nearest right one."""
    with pytest.raises(UsageError, match="Did you mean 'adwin'"):
        detectors.create("adwim")


def test_errors_that_a_formula_does_not_hold_for():
    """DDM refuses what is neither 0 nor 1, HDDM what is beyond 1, ADWIN nothing."""
    assert detectors.fault("ddm", 0.5)
    assert detectors.fault("hddm-a", 0.5) is None
    assert detectors.fault("hddm-w", 1.5)
    assert detectors.fault("adwin", 1e9) is None
