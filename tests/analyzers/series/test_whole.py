import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mlmon.analyzers.series import anomaly, whole


def test_rows_in_any_order_have_the_scores_of_that_of_time():
    """However rows are shuffled, each has the score that it has in the order of time."""
    chance = np.random.default_rng(3)
    times, values = 300.0 * np.arange(400, dtype=np.float64), chance.normal(0, 1, 400)
    values[300] = 30.0
    straight = whole.scores(times, values)
    assert straight.kind[300] == "spike"
    shuffled = chance.permutation(400)
    found = whole.scores(times[shuffled], values[shuffled])
    for name in ("score", "anomaly", "kind", "expected"):
        np.testing.assert_array_equal(getattr(found, name), getattr(straight, name)[shuffled])


def test_what_is_said_is_what_is_said_row_by_row():
    """Columns hold what the scorer of single rows says, and progress adds up to the rows in thousands."""
    times, values = 60.0 * np.arange(2_500, dtype=np.float64), np.random.default_rng(4).normal(0, 1, 2_500)
    told: list[int] = []
    found = whole.scores(times, values, told.append)
    rows = list(anomaly.scores(times.tolist(), values.tolist()))
    assert found.score.tolist() == [row.score for row in rows]
    assert sum(told) == 2_000


TIMES = st.one_of(st.integers(0, 50).map(float), st.just(math.nan))


@settings(max_examples=200, deadline=None)
@given(st.lists(TIMES, max_size=30))
def test_the_order_is_that_of_time(times):
    """The order is one of all rows, time never goes back in it, and equal times stay as they were."""
    given_times = np.asarray(times, dtype=float)
    found = whole.order(given_times)
    rows = np.arange(len(times)) if found is None else found
    assert sorted(rows.tolist()) == list(range(len(times)))
    known = [(times[row], row) for row in rows.tolist() if not math.isnan(times[row])]
    assert known == sorted(known)
