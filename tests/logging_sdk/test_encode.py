import dataclasses
import enum
import uuid
from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlmon.core import schema
from mlmon.logging_sdk import ModelLogger
from mlmon.logging_sdk.encode import MAX_EVENT_BYTES, MAX_TEXT, number, split, split_columns, text
from mlmon.logging_sdk.testing import capture


class Colour(enum.Enum):
    """A category."""

    RED = "red"


@dataclasses.dataclass
class Point:
    """A value of several fields."""

    x: int


class Broken:
    """Cannot even be shown."""

    def __repr__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (Decimal("1.5"), 1.5),
        (float("nan"), None),
        (float("inf"), None),
        (np.float64("nan"), None),
        (None, None),
        (pd.NA, None),
        (10**400, None),
        (10**30, 1e30),
    ],
)
def test_numbers(value, expected):
    """Numbers of any kind become finite JSON numbers, and what is missing or infinite becomes null."""
    with capture() as events:
        ModelLogger("m").predicted({"x": value}, value=1)
    assert events.only()[schema.FEATURES_NUMERIC] == {"x": expected}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, "true"),
        (np.bool_(False), "false"),
        (Colour.RED, "red"),
        (b"ab", "YWI="),
        (datetime(2013, 3, 1), "2013-03-01T00:00:00Z"),  # noqa: DTZ001 - naive on purpose
        (pd.Timestamp("2013-03-01", tz="America/New_York"), "2013-03-01T05:00:00Z"),
        (date(2013, 3, 1), "2013-03-01"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (np.str_("a"), "a"),
        ({"b", "a"}, '["a","b"]'),
        ([1, 2.5, None], "[1,2.5,null]"),
        (np.array([1, 2]), "[1,2]"),
        (Point(x=1), '{"x":1}'),
        (Broken(), "<Broken>"),
        ("\ud800", "\\ud800"),
    ],
)
def test_texts(value, expected):
    """What is no number becomes text, and nothing raises."""
    with capture() as events:
        ModelLogger("m").predicted({"x": value}, value=1)
    assert events.only()[schema.FEATURES_CATEGORICAL] == {"x": expected}


def test_a_gap_stays_on_the_side_of_its_feature():
    """A missing value of a feature seen with text is categorical, of any other feature numeric."""
    texts: set[str] = set()
    split({"carrier": "UA"}, texts)
    numeric, categorical = split({"carrier": float("nan"), "temp": None}, texts)
    assert (dict(numeric), categorical) == ({"temp": None}, {"carrier": None})


def test_a_column_is_on_one_side():
    """A column with any text is categorical as a whole, one of numbers and gaps numeric."""
    numeric, categorical = split_columns({"a": [1, None, "x"], "b": [1, pd.NA, 2.5]}, set())
    assert categorical == {"a": ["1", None, "x"]}
    assert numeric == {"b": [1, None, 2.5]}


def test_cycles_and_huge_values_are_bounded():
    """A cycle ends, a long text is cut, and an event that is too large loses its families and says so."""
    cycle: list[object] = []
    cycle.append(cycle)
    assert len(text(cycle) or "") < MAX_TEXT
    with capture() as events:
        ModelLogger("m").predicted({"x": "y" * MAX_EVENT_BYTES}, label="a")
        ModelLogger("m").predicted({f"f{i}": "y" * 4000 for i in range(300)}, label="a")
    cut, emptied = events
    assert len(cut[schema.FEATURES_CATEGORICAL]["x"]) == MAX_TEXT
    assert emptied[schema.REDACTION_FIELDS] == [schema.FEATURES_CATEGORICAL]
    assert emptied[schema.PREDICTION_LABEL] == "a"


anything = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.binary(), st.datetimes(), st.decimals(),
        st.text(st.characters(codec=None)), st.complex_numbers(), st.fractions(), st.timedeltas(),
    ),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner), st.tuples(inner, inner)),
    max_leaves=8,
)  # fmt: skip


@given(st.dictionaries(st.one_of(st.text(st.characters(codec=None)), st.integers()), anything), anything)
def test_any_value_gives_a_valid_event(features, value):
    """Whatever a caller passes, the event is valid and in one piece."""
    with capture() as events:
        log = ModelLogger("m")
        log.predicted(features, label=value, score=value, value=value)
        log.warning("x", extra={"given": value})
        log.outcome("i", label="a", source=str(value))
    assert len(events) == 3
    assert log.stats().misused == 0


@given(st.floats() | st.integers() | st.none())
def test_a_number_is_finite_or_nothing(value):
    """A number is never NaN or infinite."""
    found = number(value)
    assert found is None or abs(found) < float("inf")


def test_a_fixed_datetime_keeps_its_moment():
    """A moment in another zone is written in UTC."""
    assert text(datetime(2013, 3, 1, tzinfo=UTC)) == "2013-03-01T00:00:00Z"
