import numpy as np
import pytest

from mlmon.analyzers import compare_rows
from mlmon.analyzers.multivariate import Together


def area(found: Together | None) -> float:
    """Give the area under the curve, which must have been found."""
    assert found is not None
    assert found.area is not None
    assert found.area.estimate.value is not None
    return found.area.estimate.value


def table(rng, n, sign=1.0):
    """Two numbers, a category that goes with the first, and a column of text."""
    first = rng.normal(size=n)
    return {
        "first": first,
        "second": sign * first + rng.normal(size=n) / 3,
        "kind": np.where(first > 0, "up", "down"),
        "note": [None] * n,
    }


def test_tables_that_are_alike_are_not_told_apart():
    """Two samples of the same rows have an area near one half, and the line names no column."""
    rng = np.random.default_rng(1)
    found = compare_rows.compare(table(rng, 3_000), table(rng, 1_000))
    assert area(found) == pytest.approx(0.5, abs=0.05)
    assert " by " not in compare_rows.sentence(found)


def test_tables_whose_columns_turn_are_told_apart():
    """A column that goes against another is found, and both are named."""
    rng = np.random.default_rng(2)
    found = compare_rows.compare(table(rng, 30_000), table(rng, 30_000, -1.0))
    assert area(found) > 0.85
    assert "second" in compare_rows.sentence(found)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({}, {}),
        ({"a": []}, {"a": []}),
        ({"a": [1.0], "b": [2.0]}, {"a": [1.0], "b": [2.0]}),
        ({"a": [1.0, 2.0] * 50, "b": [2.0] * 100}, {"a": [1.0] * 9, "b": [2.0] * 9}),
        ({"a": [1.0, 2.0] * 50, "b": ["x", "y"] * 50}, {"a": ["1"] * 9, "b": ["x"] * 9}),
        ({"a": [1.0, 2.0] * 50, "b": [1.0, 2.0] * 50}, {"a": [], "b": []}),
        ({"a": [np.inf, 2.0] * 50, "b": [None, 2.0] * 50}, {"a": [1.0] * 50, "b": [2.0] * 50}),
    ],
)
def test_little_and_odd_tables_have_no_line(old, new):
    """Empty, constant, mixed and infinite columns, and single rows, raise nothing and say nothing."""
    assert compare_rows.sentence(compare_rows.compare(old, new)) == ""
