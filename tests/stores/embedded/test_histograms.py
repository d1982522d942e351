import math

import duckdb
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mlmon.stores.embedded.conditions import Bindings
from mlmon.stores.embedded.histograms import histogram

WHOLE = st.integers(-(2**40), 2**40).map(float)
PARTS = st.tuples(st.integers(-(2**30), 2**30), st.integers(-20, 20)).map(lambda pair: math.ldexp(*pair))
ANY = st.floats(allow_nan=False)
EDGES = st.one_of(
    st.lists(WHOLE, min_size=1, max_size=20, unique=True),
    st.lists(PARTS, min_size=1, max_size=20, unique=True),
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20, unique=True),
).map(sorted)


def counted(values, edges):
    """Give the counts as a statement of DuckDB gives them, filled up with what it leaves out at the end."""
    bindings = Bindings(())
    sql = histogram(bindings, "x", edges)
    [(held, cast)] = bindings.lists
    tables = f"edges AS (SELECT ?::{cast} AS e0), t AS (SELECT unnest(?::DOUBLE[]) AS x)"
    statement = f"WITH {tables} SELECT {sql} FROM t, edges"
    with duckdb.connect() as connection:
        [(found,)] = connection.execute(statement, [held, values, *bindings.parameters]).fetchall()
    return [*(found or ()), *[0] * (len(edges) + 1 - len(found or ()))]


@settings(max_examples=150, deadline=None)
@given(EDGES, st.lists(st.one_of(ANY, WHOLE, PARTS), max_size=30))
@example([0.0, 5e-324], [0.0, 5e-324, -5e-324, math.inf, -math.inf])
@example([-1.0, 1.0], [1e308, -1e308, math.inf, -math.inf, 2.0**62, -(2.0**62), None])
@example([1.0, math.nextafter(1.0, 2.0)], [1.0, math.nextafter(1.0, 2.0), math.nextafter(1.0, 0.0)])
def test_counts_are_exact(edges, values):
    """Each value is in its bin, to the last bit, whichever way it is looked up; NULL is in none."""
    values = [*values, *edges, *(math.nextafter(edge, -math.inf) for edge in edges)]
    known = [value for value in values if value is not None]
    places = np.searchsorted(edges, known, side="right")
    assert counted(values, edges) == np.bincount(places, minlength=len(edges) + 1).tolist()


@pytest.mark.parametrize(
    ("edges", "cast"),
    [
        ([0.0, 1.0, 2.5], "BIGINT[]"),
        ([0.1, 0.2], "BIGINT[]"),
        ([1e-9, 1e9], "DOUBLE[]"),
        ([0.0, 1e300], "DOUBLE[]"),
    ],
)
def test_whole_numbers_where_they_fit(edges, cast):
    """Edges that are whole numbers of one power of two, and near enough, are looked up as whole numbers."""
    bindings = Bindings(())
    histogram(bindings, "x", edges)
    assert bindings.lists[0][1] == cast
