from datetime import UTC, datetime

import pytest

from mlmon.core import query as q
from mlmon.core import schema
from mlmon.core.query import Query, Scan
from mlmon.core.schema import Dataset
from mlmon.core.window import Window
from mlmon.stores.embedded.compile import After, Source, compile_query, compile_scan
from mlmon.stores.embedded.manifest import Columns

MARCH = Window(start=datetime(2013, 3, 1, tzinfo=UTC), end=datetime(2013, 4, 1, tzinfo=UTC))
SOURCES = (
    Source(
        columns=Columns(
            fields=(
                schema.TIMESTAMP,
                schema.EVENT_ID,
                schema.MODEL_NAME,
                schema.EVENT_DURATION,
                schema.LOG_LEVEL,
            ),
            members=((schema.FEATURES_NUMERIC, ("temp",)),),
        ),
        files=("segments/a.parquet", "segments/b.parquet"),
    ),
    Source(
        columns=Columns(
            fields=(schema.TIMESTAMP, schema.EVENT_ID, schema.MODEL_NAME),
            maps=((schema.FEATURES_NUMERIC, ("Temp", "temp")),),
        ),
        table="tail_1",
    ),
)
TEMP = schema.member(schema.FEATURES_NUMERIC, "temp")
QUERIES = {
    "service": Query(
        dataset=Dataset.INFERENCE,
        window=MARCH,
        where=q.Equals(schema.MODEL_NAME, "flights"),
        by={"start": q.TimeBucket("5m")},
        measures={
            "n": q.Count(),
            "errors": q.Count(where=q.Not(q.Equals(schema.EVENT_OUTCOME, "success"))),
            "latency": q.Quantiles(schema.EVENT_DURATION, (0.5, 0.95, 0.99)),
        },
    ),
    "drift": Query(
        dataset=Dataset.INFERENCE,
        by={"month": q.TimeBucket("month"), "warm": q.NumberBucket(TEMP, 10.0)},
        measures={
            "bins": q.Histogram(TEMP, (0.0, 0.5, 1.0)),
            "levels": q.TopTerms(schema.LOG_LEVEL, 3),
            "spread": q.StdDev(TEMP),
        },
    ),
    "metrics": Query(
        dataset=Dataset.METRIC,
        window=MARCH,
        where=q.AllOf(
            (q.Equals(schema.MODEL_NAME, "flights"), q.Between(field=schema.RESULT_VALUE, start=0.5))
        ),
        measures={"value": q.Max(schema.RESULT_VALUE)},
    ),
    "many": Query(
        dataset=Dataset.INFERENCE,
        where=q.OneOf(schema.MODEL_NAME, tuple(f"model-{number}" for number in range(40))),
        measures={"n": q.Count()},
    ),
    "nothing": Query(dataset=Dataset.APP, measures={"n": q.Count()}),
}


def _text(sql):
    return f"{sql.text}\n\n-- {list(sql.parameters)}\n"


@pytest.mark.parametrize("name", QUERIES)
def test_query_compiles_to_sql(golden, name):
    """A query becomes one statement with all its values bound."""
    sources = () if name == "nothing" else SOURCES
    golden(f"stores/embedded/{name}.sql", _text(compile_query(QUERIES[name], sources)))


def test_scan_compiles_to_sql(golden):
    """A scan orders by time and id, and goes on after the last document it gave."""
    scan = Scan(
        dataset=Dataset.INFERENCE, window=MARCH, where=q.Matches(schema.MESSAGE, "no Weather"),
        fields=(schema.EVENT_ID, TEMP), newest_first=True, limit=10,
    )  # fmt: skip
    golden("stores/embedded/scan.sql", _text(compile_scan(scan, SOURCES, after=After(1, "p-1"))))


def test_no_value_is_spliced_into_the_text():
    """Whatever a person asks for reaches the database as a parameter."""
    evil = "x'; DROP TABLE tail_1; --"
    query = Query(
        dataset=Dataset.INFERENCE,
        where=q.AnyOf((q.Equals(schema.MODEL_NAME, evil), q.Matches(schema.MESSAGE, evil))),
        by={evil: q.Terms(schema.member(schema.SEGMENT, evil))},
        measures={evil: q.Count()},
    )
    assert "DROP" not in compile_query(query, SOURCES).text
