import math
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mlmon.analyzers import expectations, inferred, quality_table
from mlmon.analyzers.profile_columns import Columns, from_columns
from mlmon.core import settings

START = datetime(2030, 3, 1, tzinfo=UTC)


def reference(features, source="train.csv"):
    """A reference of columns."""
    return from_columns(Columns(features=features), model="m", source=source, now=START)


def declared(text, folder):
    """What the settings say once the text is mlmon.yaml."""
    path = Path(folder) / "mlmon.yaml"
    path.write_text(text)
    return settings.load(path).models["m"].expect


def table(rng, n=500):
    """Columns of every kind."""
    return {
        "temp": rng.normal(60, 10, n),
        "rain": np.where(rng.random(n) < 0.9, 0.0, rng.exponential(1, n)),
        "gust": np.where(rng.random(n) < 0.7, math.nan, rng.normal(30, 5, n)),
        "below": -rng.exponential(1, n),
        "one": np.full(n, 7.0),
        "none": np.full(n, math.nan),
        "origin": rng.choice(["EWR", "JFK", "on"], n).astype(object),
        "who": np.array([f"flight {k}" for k in range(n)], dtype=object),
        "a: 'b' #": rng.random(n),
    }


def test_the_training_data_itself_passes(tmp_path):
    """What is inferred, written and read again lets the rows pass that it was inferred from."""
    columns = table(np.random.default_rng(1))
    expect = declared(inferred.yaml(reference(columns)), tmp_path)
    assert expect.keys() == columns.keys()
    found = quality_table.check(columns, expect=expectations.declared(expect))
    problems = {(row["column"], one["check"]) for row in found for one in row["problems"]}
    assert problems <= {("one", "constant"), ("who", "cardinality")}


def test_bounds_leave_room_and_keep_signs(tmp_path):
    """Ranges are wider than what was seen, but what was never negative, or never positive, stays so."""
    expect = declared(inferred.yaml(reference(table(np.random.default_rng(2)))), tmp_path)
    assert expect["rain"].low == 0.0
    assert expect["below"].high == 0.0
    assert expect["origin"].categories == ("EWR", "JFK", "on")
    assert expect["who"].categories is None
    assert expect["none"].type is None
    assert expect["none"].missing == 1.0
    assert expect["temp"].missing == 0.05


def test_it_is_the_same_each_time_and_says_where_from():
    """The text is deterministic and has a comment for each feature."""
    columns = table(np.random.default_rng(3))
    text = inferred.yaml(reference(columns, source="train\n.csv"))
    assert text == inferred.yaml(reference(columns, source="train\n.csv"))
    assert "# train .csv" in text
    assert all("#" in line for line in text.splitlines() if line.startswith("      ") and line.endswith("%"))
    assert "7 to 7, 0.0% missing of 500" in text


@given(st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=40))
def test_every_number_passes_what_is_inferred_of_it(values):
    """Whatever numbers a column holds, the inferred range holds them."""
    [one] = inferred.infer(reference({"x": np.array(values)}))
    assert one.expect.low is not None
    assert one.expect.high is not None
    assert one.expect.low <= min(values)
    assert max(values) <= one.expect.high
