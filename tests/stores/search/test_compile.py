import json
import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlmon.core import query as q
from mlmon.core import schema
from mlmon.core.query import Query, Scan
from mlmon.core.schema import Dataset
from mlmon.core.window import Window, floor
from mlmon.stores.search import filters
from mlmon.stores.search.compile import MOST_BUCKETS, compile_query, ranges
from mlmon.stores.search.scan import compile_scan

TEMP = schema.member(schema.FEATURES_NUMERIC, "temp")
CARRIER = schema.member(schema.SEGMENT, "carrier")
DAY = datetime(2013, 3, 1, tzinfo=UTC)
MARCH = Window(start=DAY, end=datetime(2013, 4, 1, tzinfo=UTC))
QUERIES = {
    "count": Query(dataset=Dataset.INFERENCE, window=MARCH, measures={"n": q.Count()}),
    "measures": Query(
        dataset=Dataset.INFERENCE,
        measures={
            "n": q.Count(where=q.Equals(schema.EVENT_OUTCOME, "failure")),
            "sum": q.Sum(TEMP),
            "squares": q.SumSquares(TEMP),
            "mean": q.Mean(TEMP),
            "stddev": q.StdDev(TEMP),
            "least": q.Min(TEMP),
            "first": q.Min(schema.TIMESTAMP),
            "last": q.Max(schema.TIMESTAMP),
            "latency": q.Quantiles(schema.EVENT_DURATION, (0.5, 0.95)),
            "models": q.Distinct(schema.MODEL_NAME),
            "scores": q.Histogram(schema.PREDICTION_SCORE, (0.0, 0.5, 1.0)),
            "whole": q.Histogram(schema.EVENT_DURATION, (1.5, math.inf)),
            "top": q.TopTerms(CARRIER, 3),
            "of late": q.Sum(TEMP, where=q.Equals(schema.PREDICTION_LABEL, "late")),
        },
    ),
    "keys": Query(
        dataset=Dataset.EVALUATION,
        window=MARCH,
        by={
            "month": q.TimeBucket("month"),
            "week": q.TimeBucket("7d"),
            "hour": q.TimeBucket("1h"),
            "carrier": q.Terms(CARRIER),
            "score": q.NumberBucket(schema.PREDICTION_SCORE, 0.1),
        },
        measures={"n": q.Count(), "loss": q.Mean(schema.EVALUATION_LOSS)},
    ),
    "filters": Query(
        dataset=Dataset.APP,
        where=q.AllOf(
            (
                q.AnyOf((q.Equals(schema.LOG_LEVEL, "error"), q.Exists(schema.ERROR_TYPE))),
                q.Not(q.OneOf(schema.SERVICE_NAME, ("a", "b"))),
                q.Matches(schema.MESSAGE, "no weather"),
                q.Matches(schema.SERVICE_NAME, "my.service"),
                q.Between(field=schema.LOG_LINE, start=1.5, end=10),
                q.Between(field=schema.TIMESTAMP, start=DAY),
            )
        ),
        measures={"n": q.Count()},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", QUERIES)
def test_body_of_a_query(name, golden):
    """The body of a question is the one that was read and agreed to."""
    golden(f"search/query_{name}.json", json.dumps(compile_query(QUERIES[name]).body, indent=1) + "\n")


def test_body_of_a_scan(golden):
    """The body of a scan is the one that was read and agreed to."""
    scan = Scan(
        dataset=Dataset.OUTCOME, window=MARCH, time=schema.EVENT_INGESTED, newest_first=True,
        fields=(schema.INFERENCE_ID, schema.member(schema.LABELS, "team")),
    )  # fmt: skip
    golden("search/scan.json", json.dumps(compile_scan(scan), indent=1) + "\n")


def test_measures_of_the_same_numbers_share_an_aggregation():
    """Sum, squares, mean and deviation of one field are read off one aggregation."""
    measures: dict[str, q.Measure] = {
        "a": q.Sum(TEMP),
        "b": q.SumSquares(TEMP),
        "c": q.Mean(TEMP),
        "d": q.Max(TEMP),
    }
    compiled = compile_query(Query(dataset=Dataset.INFERENCE, measures=measures))
    assert compiled.body["aggs"] == {"a0": {"extended_stats": {"field": TEMP}}}


def test_what_a_histogram_repeats_is_not_sent():
    """The edges of a histogram are known to who asks; the keys of terms beside it are not."""
    scores: dict[str, q.Measure] = {"scores": q.Histogram(schema.PREDICTION_SCORE, (0.0, 0.5, 1.0))}
    top: dict[str, q.Measure] = {"top": q.TopTerms(CARRIER, 3)}
    alone = compile_query(Query(dataset=Dataset.INFERENCE, by={"hour": q.TimeBucket("1h")}, measures=scores))
    beside = compile_query(Query(dataset=Dataset.INFERENCE, measures=scores | top))
    assert "aggregations.groups.buckets.*.buckets.key" in alone.unread
    assert "aggregations.*.buckets.from" in beside.unread
    assert not any(path.endswith(".key") for path in beside.unread)
    assert compile_query(Query(dataset=Dataset.INFERENCE, measures=top)).unread == ()


def test_a_page_of_large_groups_holds_fewer():
    """However many buckets a group has, one answer stays below what a cluster gives."""
    edges = tuple(at / 1000 for at in range(1001))
    query = Query(
        dataset=Dataset.INFERENCE,
        by={"hour": q.TimeBucket("1h")},
        measures={"scores": q.Histogram(schema.PREDICTION_SCORE, edges)},
    )
    assert compile_query(query).page * (len(edges) + 2) <= MOST_BUCKETS


@pytest.mark.parametrize(
    "where",
    [
        q.Equals(TEMP, "1"),
        q.Equals(TEMP, math.nan),
        q.Equals(TEMP, math.inf),
        q.Equals(TEMP, 10**400),
        q.Equals(schema.EVENT_DURATION, True),
        q.Equals(schema.EVENT_DURATION, 1.5),
        q.Equals(schema.EVENT_DURATION, 2**63),
        q.Equals(schema.MODEL_NAME, 1),
        q.Equals(schema.TIMESTAMP, "2013-03-01"),
        q.Equals(schema.TIMESTAMP, datetime(1969, 1, 1, tzinfo=UTC)),
        q.OneOf(schema.MODEL_NAME, ()),
        q.Between(field=TEMP, start=math.nan),
        q.Between(field=TEMP, start=math.inf),
        q.Between(field=TEMP, end=-math.inf),
        q.Between(field=TEMP, start=2, end=1),
        q.Between(field=schema.EVENT_DURATION, start=2**64),
        q.Between(field=schema.EVENT_DURATION, end=-(2**64)),
        q.Between(field=schema.TIMESTAMP, end=datetime(1969, 1, 1, tzinfo=UTC)),
        q.Between(field=schema.TIMESTAMP, start=datetime(2300, 1, 1, tzinfo=UTC)),
        q.Between(field=schema.REDACTION_FIELDS, start="a"),
        q.Matches(schema.MESSAGE, " - "),
        q.Matches(TEMP, "1"),
    ],
    ids=repr,
)
def test_what_no_document_can_have_is_not_sent(where):
    """A value that the field cannot have becomes a clause that no document passes."""
    assert filters.clause(where) == filters.NEVER


@pytest.mark.parametrize(
    "where",
    [
        q.Between(field=TEMP),
        q.Between(field=TEMP, start=-math.inf, end=math.inf),
        q.Between(field=schema.EVENT_DURATION, start=-(2**64), end=2**64),
        q.Between(field=schema.TIMESTAMP, start=datetime(1, 1, 1, tzinfo=UTC)),
    ],
    ids=repr,
)
def test_bounds_that_bound_nothing_ask_for_a_value(where):
    """A bound beyond all that a cluster can hold is left out; the field must be there all the same."""
    assert filters.clause(where) == {"exists": {"field": where.field}}


def test_both_zeros_are_zero():
    """An index tells -0.0 from 0.0, so a filter on one asks for both."""
    assert {"range": {TEMP: {"gte": -0.0, "lte": 0.0}}} in filters.clause(q.Equals(TEMP, 0))["bool"]["should"]
    bound = filters.clause(q.Between(field=TEMP, start=0.0))["range"][TEMP]["gte"]
    assert math.copysign(1, bound) < 0


def test_many_words_are_cut_into_clauses():
    """More words than a cluster takes at once become several clauses."""
    clause = filters.clause(q.OneOf(schema.INFERENCE_ID, tuple(map(str, range(100_000)))))
    assert [len(part["terms"][schema.INFERENCE_ID]) for part in clause["bool"]["should"]] == [60_000, 40_000]


@given(
    st.lists(st.floats(allow_nan=False), min_size=1, max_size=8, unique=True).map(sorted).map(tuple),
    st.floats(allow_nan=False, allow_infinity=False),
)
def test_each_finite_number_is_in_one_range(edges, number):
    """The ranges of a histogram cover all numbers, and none twice."""
    found = [it for it in ranges(edges) if it.get("from", -math.inf) <= number < it.get("to", math.inf)]
    assert len(found) == 1


@given(
    st.datetimes(datetime(1970, 1, 9), datetime(2200, 1, 1)).map(lambda it: it.replace(tzinfo=UTC)),  # noqa: DTZ001
    st.sampled_from(["1s", "17m", "1h", "5d", "7d", "1w", "2w", "3w"]),
)
def test_intervals_begin_where_windows_do(moment, every):
    """The interval and offset that are sent are those of the windows of a size."""
    query = Query(dataset=Dataset.APP, by={"at": q.TimeBucket(every)})
    source = compile_query(query).body["aggs"]["groups"]["composite"]["sources"][0]["k0"]["date_histogram"]
    step = timedelta(seconds=int(source["fixed_interval"].rstrip("s")))
    offset = timedelta(seconds=int(source.get("offset", "0s").rstrip("s")))
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    assert epoch + (moment - epoch - offset) // step * step + offset == floor(moment, every)
