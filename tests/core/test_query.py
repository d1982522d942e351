import copy
import math
from datetime import UTC, datetime

import msgspec
import pytest

from mlmon.core import query, schema
from mlmon.core.errors import QueryError
from mlmon.core.query import (
    AllOf,
    AnyOf,
    Between,
    Count,
    Equals,
    Exists,
    Histogram,
    Matches,
    Max,
    Mean,
    Not,
    NumberBucket,
    OneOf,
    Quantiles,
    Query,
    Scan,
    Sum,
    Terms,
    TimeBucket,
)
from mlmon.core.schema import Dataset
from mlmon.core.window import Window

TEMP = schema.member(schema.FEATURES_NUMERIC, "temp")
DAY = Window(start=datetime(2013, 3, 1, tzinfo=UTC), end=datetime(2013, 3, 2, tzinfo=UTC))


def ask(**changes) -> Query:
    """Make a question of inferences."""
    return Query(dataset=Dataset.INFERENCE, **changes)


def test_a_query_is_data():
    """Queries compare by value, and become JSON, so that a panel or a golden file can hold one."""
    whole = ask(
        window=DAY,
        where=AllOf(
            (
                Equals(schema.MODEL_NAME, "m"),
                Not(AnyOf((Exists(schema.ERROR_TYPE), OneOf(schema.LOG_LEVEL, ("error", "critical"))))),
                Between(field=TEMP, start=1.5),
                Matches(schema.MESSAGE, "no weather"),
            )
        ),
        by={"hour": TimeBucket("1h"), "v": Terms(schema.MODEL_VERSION), "t": NumberBucket(TEMP, 5.0)},
        measures={
            "n": Count(where=Exists(TEMP)),
            "q": Quantiles(TEMP, (0.5,)),
            "h": Histogram(TEMP, (0.0, 1.0)),
        },
    )
    query.check(whole)
    assert copy.deepcopy(whole) == whole
    assert msgspec.json.decode(msgspec.json.encode(whole))["by"]["hour"]["type"] == "time_bucket"


@pytest.mark.parametrize(
    ("question", "words"),
    [
        (ask(measures={"m": Mean("mlmon.prediction.scor")}), "mlmon.prediction.score"),
        (ask(measures={"m": Mean(schema.MODEL_NAME)}), "keyword"),
        (ask(measures={"m": Max(schema.MODEL_NAME)}), "keyword"),
        (ask(by={"f": Terms(schema.FEATURES_NUMERIC)}), "Name a member"),
        (ask(by={"t": TimeBucket("1h", schema.MODEL_NAME)}), "keyword"),
        (ask(by={"t": NumberBucket(TEMP, 0.0)}), "width above 0"),
        (ask(by={"t": TimeBucket("0s")}), "length above 0"),
        (ask(measures={"h": Histogram(TEMP, (1.0, 1.0))}), "ascend"),
        (ask(measures={"h": Histogram(TEMP, ())}), "ascend"),
        (ask(measures={"h": Histogram(TEMP, (math.nan,))}), "ascend"),
        (ask(where=Equals(schema.MESSAGE, "late")), "Matches"),
        (ask(by={"m": Terms(schema.MESSAGE)}), "Matches"),
        (ask(measures={"q": Quantiles(TEMP, (50.0,))}), "0 to 1"),
        (ask(where=Not(Equals("nothing", 1))), "nothing"),
        (ask(measures={"n": Count(where=Exists("nothing"))}), "nothing"),
        (ask(measures={"n": Sum(TEMP, where=Exists("nothing"))}), "nothing"),
        (Scan(dataset=Dataset.APP, fields=("messag",)), "message"),
    ],
)
def test_what_no_store_could_answer_is_refused(question: Query | Scan, words: str):
    """An unknown field, a field of the wrong type and a bad parameter are refused with what is wrong."""
    with pytest.raises(QueryError, match=words):
        query.check(question)


def test_narrowing_keeps_what_was_asked():
    """A narrowed query has both filters and the new window."""
    whole = ask(where=Equals(schema.MODEL_NAME, "m"))
    narrow = query.narrow(whole, Exists(TEMP), DAY)
    assert narrow.where == AllOf((Equals(schema.MODEL_NAME, "m"), Exists(TEMP)))
    assert narrow.window == DAY
    assert query.narrow(whole, None) == whole
