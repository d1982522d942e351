from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from mlmon.analyzers import drift
from mlmon.analyzers.ask import Ask
from mlmon.analyzers.baseline import KINDS, earlier, later
from mlmon.analyzers.models import Model
from mlmon.analyzers.profile_columns import Columns, from_columns
from mlmon.core.result import Finding
from mlmon.core.window import Window, floor, following, windows

START = datetime(2030, 3, 4, tzinfo=UTC)
DAY = timedelta(days=1)
DAYS = 42
A_DAY = 240


@pytest.mark.parametrize("size", ["1h", "1d", "7d", "30d", "month", "all"])
@pytest.mark.parametrize("against", KINDS)
def test_earlier_windows_are_whole_and_before(size, against):
    """What a window is held against are whole windows of its size before it, within what `later` says."""
    start = (
        datetime(2030, 4, 1, tzinfo=UTC) if size == "all" else floor(datetime(2030, 4, 1, tzinfo=UTC), size)
    )
    window = Window(start=start, end=start + DAY if size == "all" else following(start, size))
    for one in earlier(window, size, against):
        assert one.end <= window.start
        assert one.end == following(one.start, size)
        assert len(list(windows(Window(start=one.start, end=window.start), size))) <= later(size, against)
    assert (not earlier(window, size, against)) == (later(size, against) == 0)


@pytest.fixture
def served(store, service):
    """Serve six weeks whose Sundays are unlike the other days, and whose last week is unlike them all."""
    rng = np.random.default_rng(2)
    for day in range(DAYS):
        at = START + day * DAY
        mean = (3.0 if day % 7 == 6 else 0.0) + (2.0 if day >= DAYS - 7 else 0.0)
        store.write(
            [
                service.inference(
                    f"{day}-{k}", at + k * DAY / A_DAY, FEATURES_NUMERIC={"x": float(x)}, PREDICTION_SCORE=0.5
                )
                for k, x in enumerate(rng.normal(mean, size=A_DAY))
            ]
        )
    return store


def found(store, against, size):
    """The days whose x has drifted by the first of the last three weeks and on."""
    columns = Columns(features={"x": np.random.default_rng(3).normal(0.4, 1.4, 5_000)})
    reference = from_columns(columns, model="m", source="train", now=START)
    span = Window(start=START + (DAYS - 14) * DAY, end=START + DAYS * DAY)
    ask = Ask(
        model=Model(name="m", drift_against=against),
        span=span,
        size=size,
        now=span.end,
        references={"": reference},
    )
    results = list(drift.analyze(store, ask))
    psi = {
        (one.window.start - START) // DAY: one.value
        for one in results
        if not isinstance(one, Finding) and (one.name, one.subject) == ("psi", "x")
    }
    return psi, [one for one in results if isinstance(one, Finding)]


def test_a_season_is_no_drift_against_the_same_season(served):
    """Sundays drift from a fixed reference and not from Sundays before; a week unlike all others does."""
    sunday, after = DAYS - 8, range(DAYS - 7, DAYS)
    fixed, _ = found(served, "fixed", "1d")
    seasonal, findings = found(served, "seasonal", "1d")
    assert fixed[sunday] > 0.25
    assert seasonal[sunday] < 0.1
    assert min(seasonal[day] for day in after) > 0.5
    [finding] = findings
    assert finding.window.end == START + DAYS * DAY
    assert finding.evidence["against"] == "seasonal"
    assert finding.evidence["windows"] == 7


@pytest.mark.parametrize("against", ["previous", "rolling"])
def test_windows_before_as_what_is_normal(served, against):
    """The last week is far from the weeks before it, which are near each other."""
    psi, _ = found(served, against, "7d")
    assert psi[DAYS - 14] < 0.1
    assert psi[DAYS - 7] > 0.5


def test_in_steps_or_at_once_is_the_same(served):
    """The distances of a window don't depend on the span that was asked for."""
    whole, _ = found(served, "rolling", "1d")
    span = Window(start=START + (DAYS - 1) * DAY, end=START + DAYS * DAY)
    columns = Columns(features={"x": np.random.default_rng(3).normal(0.4, 1.4, 5_000)})
    reference = from_columns(columns, model="m", source="train", now=START)
    model = Model(name="m", drift_against="rolling")
    ask = Ask(model=model, span=span, size="1d", now=span.end, references={"": reference})
    [last] = [
        one.value
        for one in drift.analyze(served, ask)
        if not isinstance(one, Finding) and (one.name, one.subject) == ("psi", "x")
    ]
    assert last == pytest.approx(whole[DAYS - 1], rel=1e-12)
