import math
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlmon.core import query as q
from mlmon.core import schema
from mlmon.core.query import Query
from mlmon.core.schema import Dataset
from mlmon.core.window import Window

TEMP = schema.member(schema.FEATURES_NUMERIC, "temp")
UPPER_TEMP = schema.member(schema.FEATURES_NUMERIC, "Temp")
ODD = schema.member(schema.FEATURES_CATEGORICAL, "odd\"'name")
CARRIER = schema.member(schema.SEGMENT, "carrier")
ABSENT = schema.member(schema.SEGMENT, "nobody has it")
DAY = datetime(2013, 3, 1, tzinfo=UTC)
NUMBERS = (
    schema.EVENT_DURATION, schema.PREDICTION_SCORE, schema.PREDICTION_VALUE, TEMP, UPPER_TEMP,
    schema.member(schema.FEATURES_NUMERIC, "wind speed"), schema.member(schema.FEATURES_NUMERIC, "absent"),
)  # fmt: skip
WORDS = (
    schema.MODEL_NAME, schema.MODEL_VERSION, schema.PREDICTION_LABEL, schema.EVENT_OUTCOME, CARRIER, ABSENT,
    ODD, schema.member(schema.FEATURES_CATEGORICAL, "carrier"), schema.member(schema.LABELS, "k1"),
    schema.member(schema.LABELS, ""),
)  # fmt: skip


def same(one, other):
    """Whether two answers are equal, numbers up to the order in which they were added."""
    if hasattr(other, "low"):
        return same(one, other.low) or same(one, other.high) or other.low < one < other.high
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | float) and isinstance(other, int | float):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    return one == other


@pytest.fixture(scope="session")
def agree(store, oracle, indexed, tolerance):
    """Give a function that asks store and oracle the same, and holds their answers against each other."""

    def check(query: Query) -> None:
        got, expected = store.query(query).rows, oracle.answer(indexed, query, tolerance)
        assert same(got, expected), f"{query}\ngot      {got}\nexpected {expected}"

    return check


MEASURES: dict[str, q.Measure] = {
    "count": q.Count(),
    "count where": q.Count(where=q.Equals(schema.PREDICTION_LABEL, "late")),
    "sum": q.Sum(schema.PREDICTION_SCORE),
    "sum of a long": q.Sum(schema.EVENT_DURATION),
    "sum where": q.Sum(TEMP, where=q.Not(q.Equals(CARRIER, "UA"))),
    "sum of squares": q.SumSquares(TEMP),
    "mean": q.Mean(TEMP),
    "stddev": q.StdDev(TEMP),
    "min": q.Min(schema.EVENT_DURATION),
    "max": q.Max(TEMP),
    "min of dates": q.Min(schema.TIMESTAMP),
    "max of dates": q.Max(schema.TIMESTAMP),
    "quantiles": q.Quantiles(schema.EVENT_DURATION, (0.0, 0.25, 0.5, 0.95, 1.0)),
    "distinct": q.Distinct(schema.MODEL_NAME),
    "histogram": q.Histogram(schema.PREDICTION_SCORE, (0.0, 0.25, 0.5, 1.0)),
    "histogram of one edge": q.Histogram(TEMP, (1.0,)),
    "top terms": q.TopTerms(schema.MODEL_VERSION, 2),
    "top dates": q.TopTerms(schema.TIMESTAMP, 1),
    "of what nobody has": q.Mean(schema.member(schema.FEATURES_NUMERIC, "nobody")),
    "of a case": q.Max(UPPER_TEMP),
}
KEYS: dict[str, q.Key] = {
    "words": q.Terms(schema.MODEL_NAME),
    "some lack it": q.Terms(CARRIER),
    "nobody has it": q.Terms(ABSENT),
    "an odd name": q.Terms(ODD),
    "numbers": q.Terms(TEMP),
    "a date": q.Terms(schema.TIMESTAMP),
    "hours": q.TimeBucket("1h"),
    "days": q.TimeBucket("1d"),
    "weeks": q.TimeBucket("7d"),
    "two weeks": q.TimeBucket("2w"),
    "months": q.TimeBucket("month"),
    "5 minutes": q.TimeBucket("5m"),
    "width 1": q.NumberBucket(TEMP, 1.0),
    "width 0.1": q.NumberBucket(schema.PREDICTION_SCORE, 0.1),
}
FILTERS: dict[str, q.Filter] = {
    "equals": q.Equals(schema.MODEL_NAME, "délai ✈"),
    "equals quotes": q.Equals(schema.MODEL_NAME, "a'b\"c"),
    "equals empty": q.Equals(schema.MODEL_VERSION, ""),
    "equals a number": q.Equals(TEMP, 1),
    "equals a float": q.Equals(schema.EVENT_DURATION, 1e6),
    "equals of another type": q.Equals(TEMP, "1"),
    "equals a boolean to a number": q.Equals(schema.EVENT_DURATION, True),
    "equals a date": q.Equals(schema.TIMESTAMP, DAY),
    "equals in a list": q.Equals(schema.REDACTION_FIELDS, "b"),
    "one of": q.OneOf(schema.PREDICTION_LABEL, ("late", "spät")),
    "one of many numbers": q.OneOf(schema.EVENT_SEQUENCE, tuple(range(3, 200, 2))),
    "one of many words": q.OneOf(schema.EVENT_ID, tuple(f"p{at % 3}-{at}" for at in range(0, 120, 2))),
    "none of many numbers": q.Not(q.OneOf(schema.EVENT_SEQUENCE, (-(2**63), *range(60)))),
    "one of none": q.OneOf(schema.PREDICTION_LABEL, ()),
    "between": q.Between(field=TEMP, start=1, end=2.5),
    "between open": q.Between(field=TEMP, end=2.5),
    "between of all": q.Between(field=TEMP),
    "between words": q.Between(field=schema.PREDICTION_LABEL, start="late", end="on_time"),
    "between dates": q.Between(field=schema.TIMESTAMP, start=DAY, end=DAY + timedelta(days=1)),
    "between of another type": q.Between(field=TEMP, start="a"),
    "exists": q.Exists(CARRIER),
    "exists as a list": q.Exists(schema.REDACTION_FIELDS),
    "exists absent": q.Exists(ABSENT),
    "matches": q.Matches(schema.MESSAGE, "missing AT"),
    "matches part of a word": q.Matches(schema.MESSAGE, "miss"),
    "matches unicode": q.Matches(schema.MESSAGE, "SPÄT 日本"),
    "matches no words": q.Matches(schema.MESSAGE, " - "),
    "not": q.Not(q.Equals(CARRIER, "UA")),
    "not not": q.Not(q.Not(q.Equals(CARRIER, "UA"))),
    "all of none": q.AllOf(()),
    "any of none": q.AnyOf(()),
    "any of": q.AnyOf((q.Equals(CARRIER, "UA"), q.Exists(TEMP))),
    "not all of": q.Not(q.AllOf((q.Equals(CARRIER, "UA"), q.Exists(TEMP)))),
}


@pytest.mark.parametrize("name", MEASURES)
def test_measure(agree, name):
    """Each measure is what plain Python makes of the documents, in all and by group."""
    keys: tuple[dict[str, q.Key], ...] = ({}, {"carrier": q.Terms(CARRIER)})
    for by in keys:
        query = Query(dataset=Dataset.INFERENCE, by=by, measures={name: MEASURES[name]})
        agree(query)


@pytest.mark.parametrize("name", MEASURES)
def test_measure_of_nothing(agree, name):
    """A measure over no documents is 0 where it counts, empty where it lists, and None elsewhere."""
    nothing = q.Equals(schema.MODEL_NAME, "no such model")
    agree(Query(dataset=Dataset.INFERENCE, where=nothing, measures={name: MEASURES[name]}))
    agree(Query(dataset=Dataset.APP, measures={name: MEASURES[name]}))


@pytest.mark.parametrize("name", KEYS)
def test_key(agree, name):
    """Each group key makes the groups that plain Python makes, sorted, None last."""
    asked: tuple[dict[str, q.Measure], ...] = ({"n": q.Count()}, {})
    for measures in asked:
        agree(Query(dataset=Dataset.INFERENCE, by={name: KEYS[name]}, measures=measures))


@pytest.mark.parametrize("name", FILTERS)
def test_filter(agree, name):
    """Each filter keeps the documents that plain Python keeps, as does its opposite."""
    both: tuple[q.Filter, ...] = (FILTERS[name], q.Not(FILTERS[name]))
    for where in both:
        agree(Query(dataset=Dataset.INFERENCE, where=where, measures={"n": q.Count()}))
        counted = Query(dataset=Dataset.INFERENCE, measures={"n": q.Count(where=where)})
        agree(counted)


@pytest.mark.parametrize(
    "window",
    [
        Window(start=DAY, end=DAY),
        Window(start=DAY, end=DAY + timedelta(hours=1)),
        Window(start=DAY - timedelta(microseconds=1), end=DAY + timedelta(microseconds=1)),
        Window(start=datetime(2013, 3, 1, 1, tzinfo=timezone(timedelta(hours=5, minutes=30))), end=DAY),
        Window(start=datetime(1, 1, 1, tzinfo=UTC), end=datetime(9999, 12, 31, tzinfo=UTC)),
        Window(start=datetime(2050, 1, 1, tzinfo=UTC), end=datetime(2051, 1, 1, tzinfo=UTC)),
    ],
    ids=str,
)
def test_window(agree, window):
    """A window holds its start and not its end, whatever zone its bounds are written in."""
    agree(Query(dataset=Dataset.INFERENCE, window=window, measures={"n": q.Count()}))


def test_no_key_and_no_measure_is_one_empty_row(store):
    """A question without keys and measures has one row with nothing in it."""
    assert store.query(Query(dataset=Dataset.INFERENCE)).rows == [{}]


def test_result_stated_again_counts_once(agree):
    """Of a result that was put twice only the last is seen."""
    measures: dict[str, q.Measure] = {"n": q.Count(), "value": q.Sum(schema.RESULT_VALUE)}
    filters = (None, q.Equals(schema.RESULT_VALUE, 0.5), q.Equals(schema.METRIC_NAME, "error_rate"))
    for where in filters:
        for window in (None, Window(start=DAY, end=DAY + timedelta(hours=1))):
            query = Query(dataset=Dataset.METRIC, where=where, window=window, measures=measures)
            agree(query)


def test_time_of_ingestion_bounds_a_window(store, events):
    """A window over the time of ingestion cuts what was written by batches."""
    query = Query(
        dataset=Dataset.INFERENCE, by={"at": q.Terms(schema.EVENT_INGESTED)}, measures={"n": q.Count()}
    )
    rows = store.query(query).rows
    moments = [row["at"] for row in rows]
    assert len(moments) >= 5
    cut = Query(
        dataset=Dataset.INFERENCE, time=schema.EVENT_INGESTED, measures={"n": q.Count()},
        window=Window(start=moments[1], end=moments[2]),
    )  # fmt: skip
    assert store.query(cut).rows == [{"n": rows[1]["n"]}]


_SCALARS = st.sampled_from(["late", "UA", "", "1", 0, 1, 0.5, -7.25, True, DAY, "délai ✈"])
_FIELDS = st.sampled_from((*NUMBERS, *WORDS, schema.TIMESTAMP, schema.REDACTION_FIELDS))
_LEAVES = st.one_of(
    st.builds(q.Equals, _FIELDS, _SCALARS),
    st.builds(q.OneOf, _FIELDS, st.lists(_SCALARS, max_size=3).map(tuple)),
    st.builds(q.Exists, _FIELDS),
    st.builds(
        q.Between,
        field=st.sampled_from(NUMBERS),
        start=st.none() | st.floats(-9, 9),
        end=st.none() | st.floats(-9, 9),
    ),
    st.builds(q.Matches, st.just(schema.MESSAGE), st.sampled_from(["late", "weather missing", "JFK"])),
)
_WHERE = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.builds(q.Not, inner),
        st.builds(q.AllOf, st.lists(inner, max_size=3).map(tuple)),
        st.builds(q.AnyOf, st.lists(inner, max_size=3).map(tuple)),
    ),
    max_leaves=5,
)
_NUMBER = st.sampled_from(NUMBERS)
_MEASURE = st.one_of(
    st.builds(q.Count, where=st.none() | _WHERE),
    st.builds(q.Sum, st.sampled_from((TEMP, UPPER_TEMP, schema.PREDICTION_SCORE)), where=st.none() | _WHERE),
    st.builds(q.Min, _NUMBER),
    st.builds(q.Max, _NUMBER),
    st.builds(q.Quantiles, _NUMBER, st.lists(st.floats(0, 1), max_size=4).map(tuple)),
    st.builds(q.Distinct, st.sampled_from(WORDS)),
    st.builds(q.TopTerms, st.sampled_from(WORDS), st.integers(1, 4)),
    st.builds(
        q.Histogram,
        _NUMBER,
        st.lists(st.floats(-9, 9), min_size=1, max_size=30, unique=True).map(sorted).map(tuple),
    ),
)
_KEY = st.one_of(
    st.builds(q.Terms, st.sampled_from(WORDS)),
    st.builds(q.TimeBucket, st.sampled_from(["1h", "3d", "1w", "month", "17m"])),
    st.builds(q.NumberBucket, st.sampled_from((TEMP, UPPER_TEMP)), st.sampled_from([0.5, 1.0, 3.0])),
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    where=st.none() | _WHERE,
    by=st.dictionaries(st.text(max_size=4), _KEY, max_size=3),
    measures=st.dictionaries(st.text(min_size=5, max_size=8), _MEASURE, max_size=3),
)
def test_any_query(agree, where, by, measures):
    """Whatever is asked, the store answers as the oracle does."""
    agree(Query(dataset=Dataset.INFERENCE, where=where, by=by, measures=measures))


def test_more_groups_than_a_page_holds(agree, store, monkeypatch):
    """However many pages the groups take, each is there once, and its measures whole."""
    from mlmon.stores.search import compile as compiler

    monkeypatch.setattr(compiler, "MOST_GROUPS", 7)
    week = Window(start=DAY - timedelta(days=9), end=DAY + timedelta(days=9))
    keys: tuple[dict[str, q.Key], ...] = (
        {"at": q.TimeBucket("1h"), "model": q.Terms(schema.MODEL_NAME)},
        {"model": q.Terms(schema.MODEL_NAME), "at": q.TimeBucket("1h")},
        {"id": q.Terms(schema.EVENT_ID)},
    )
    for by in keys:
        for window in (None, week):
            agree(Query(dataset=Dataset.INFERENCE, window=window, by=by, measures={"n": q.Count()}))


def test_an_answer_says_what_gave_it(store):
    """An answer names the folder or the indices that it is from."""
    answer = store.query(Query(dataset=Dataset.INFERENCE, measures={"n": q.Count()}))
    assert answer.sources
    assert all("inference" in source or source == store.url for source in answer.sources)
