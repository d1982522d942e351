from datetime import UTC, datetime

import numpy as np
import pytest

from mlmon.analyzers import compare, reference_diff
from mlmon.analyzers.profile_columns import Columns, from_columns

START = datetime(2030, 3, 1, tzinfo=UTC)


def columns(seed, n=2_000, shift=0.0):
    """A number, a category and a number with gaps."""
    rng = np.random.default_rng(seed)
    return {
        "temp": rng.normal(60 + shift, 10, n),
        "origin": rng.choice(["EWR", "JFK"], n).astype(object),
        "gust": np.where(rng.random(n) < 0.5, np.nan, rng.normal(30, 5, n)),
    }


def built(features, like=None):
    """A reference of columns."""
    return from_columns(Columns(features=features), model="m", source="x", now=START, like=like)


def rows(before, after):
    """The rows by feature."""
    return {row["feature"]: row for row in reference_diff.diff(before, after)}


def test_the_same_reference_is_no_distance_from_itself():
    """Every distance of a reference from itself is zero, and no category came or went."""
    one = built(columns(1))
    for row in reference_diff.diff(one, one):
        assert row.keys() == set(reference_diff.KEYS)
        assert row["psi"] == pytest.approx(0.0)
        assert row["missing_before"] == row["missing_after"]
        assert not row["new_categories"]


def test_distances_are_those_of_the_two_tables():
    """Over the same edges the distances are what the comparison of the raw tables says, to their bins."""
    old, new = columns(1), columns(2, shift=5.0)
    before = built(old)
    found = rows(before, built(new, like=before))
    wanted = {one.column: one.distance.metrics for one in compare.compare(old, new)}
    assert found["temp"]["psi"] == pytest.approx(wanted["temp"]["psi"])
    assert found["temp"]["kolmogorov_smirnov"] == pytest.approx(
        wanted["temp"]["kolmogorov_smirnov"], abs=1e-3
    )
    assert found["origin"]["cramers_v"] == pytest.approx(wanted["origin"]["cramers_v"])
    own = rows(before, built(new))
    assert own["temp"]["psi"] == pytest.approx(wanted["temp"]["psi"], rel=0.02)


def test_what_came_and_went_is_named():
    """Features and categories that only one side has are told, and a change of type."""
    new = columns(2)
    new["origin"] = np.where(new["origin"] == "JFK", "BOS", new["origin"])
    new["heat"] = new.pop("temp")
    new["gust"] = np.array(["hot"] * 2_000, dtype=object)
    found = rows(built(columns(1)), built(new))
    assert found["origin"]["new_categories"] == ["BOS"]
    assert found["origin"]["vanished_categories"] == ["JFK"]
    assert (found["temp"]["in"], found["heat"]["in"]) == ("before", "after")
    assert (found["gust"]["kind"], found["gust"]["psi"]) == ("mixed", None)
