import math
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlmon.analyzers import reference
from mlmon.analyzers.profile_columns import Columns, from_columns
from mlmon.analyzers.profile_frame import from_frame
from mlmon.analyzers.sums import BinarySums
from mlmon.core.errors import UsageError
from mlmon.logging_sdk.encode import text

NOW = datetime(2030, 3, 1, tzinfo=UTC)
ROWS: dict[str, list[Any]] = {
    "temp": [51.0, None, 60.5, 70.0],
    "seats": [100, 120, None, 90],
    "origin": ["EWR", "JFK", None, "EWR"],
    "rain": [True, False, None, True],
    "said": ["late", "on_time", "late", "late"],
}
MAKERS = {
    "pandas": pd.DataFrame,
    "pandas nullable": lambda rows: pd.DataFrame(rows).convert_dtypes(),
    "pandas category": lambda rows: pd.DataFrame(rows).astype({"origin": "category"}),
    "polars": pl.DataFrame,
    "arrow": pa.table,
}


@pytest.mark.parametrize("maker", MAKERS)
def test_every_library_gives_the_same_reference(maker):
    """A table gives the profile of its columns, whichever library holds it; gaps are counted."""
    made = from_frame(MAKERS[maker](ROWS), model="m", now=NOW, label="said")
    columns = {name: values for name, values in ROWS.items() if name != "said"}
    wanted = from_columns(
        Columns(features=columns, label=ROWS["said"]), model="m", source="DataFrame", now=NOW
    )
    assert made.numeric.keys() == {"temp", "seats"}
    assert {name: (one.counts, one.missing) for name, one in made.numeric.items()} == {
        name: (one.counts, one.missing) for name, one in wanted.numeric.items()
    }
    assert made.categorical["origin"] == wanted.categorical["origin"]
    assert made.categorical["prediction.label"] == wanted.categorical["prediction.label"]
    assert made.categorical["rain"].missing == 1.0


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-1e6, 1e6) | st.none(), st.sampled_from("abc") | st.none()), min_size=1,
             max_size=60),
    st.integers(0, 60),
    st.sampled_from(["pandas", "polars", "arrow"]),
)  # fmt: skip
def test_parts_of_a_frame_merge_to_the_whole(rows, at, maker):
    """Wherever a table is cut, the merged profiles of its parts are the profile of the whole."""
    names = ("x", "k")

    def frame(part):
        columns = dict(zip(names, zip(*part, strict=True), strict=True)) if part else dict.fromkeys(names, ())
        x = np.array([math.nan if value is None else value for value in columns["x"]], dtype=float)
        return MAKERS[maker](
            {"x": x, "k": pa.array(columns["k"], pa.string()) if maker == "arrow" else list(columns["k"])}
        )

    whole = from_frame(frame(rows), model="m", now=NOW)
    parts = [
        from_frame(frame(some), model="m", now=NOW, like=whole) for some in (rows[:at], rows[at:]) if some
    ]
    merged = parts[0] if len(parts) == 1 else reference.merge(*parts)
    assert merged.n == whole.n
    assert (merged.numeric["x"].counts, merged.numeric["x"].missing) == (
        whole.numeric["x"].counts,
        whole.numeric["x"].missing,
    )
    assert merged.categorical == whole.categorical
    assert merged.numeric.keys() == whole.numeric.keys()


def test_what_is_no_table_or_lacks_a_column_is_told():
    """A wrong name says the nearest, and what is no table is refused."""
    with pytest.raises(UsageError, match="no column 'sayd'"):
        from_frame(pd.DataFrame(ROWS), model="m", label="sayd")
    with pytest.raises(UsageError, match="not of a list"):
        from_frame([1, 2], model="m")


def test_classes_are_those_that_the_sdk_logs(sure):
    """Whole numbers and truth, as classes and as categories, read as what is logged of the same values."""
    table = pd.DataFrame(
        {"ok": [True, False, True], "said": [1, 0, 1], "was": [1.0, 0.0, None], "s": [0.9, 0.1, 0.8]}
    )
    made = from_frame(table, model="m", score="s", label="said", outcome="was", positive_label="1", now=NOW)
    assert set(made.categorical["ok"].counts) == {text(True), text(False)}
    assert set(sure(made.outcome).counts) == {text(1), text(0)}
    found = made.performance[""]
    assert isinstance(found, BinarySums)
    assert sum(sure(found.positives)) == 1
