from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlmon.core import schema
from mlmon.core.query import AllOf, AnyOf, Between, Equals, Exists, Matches, Not, OneOf
from mlmon.kibana.kql import kql

LEVEL = schema.LOG_LEVEL
NAME = schema.MODEL_NAME
MOMENT = datetime(2013, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("where", "text"),
    [
        (None, ""),
        (Equals(NAME, "a"), f'{NAME}: "a"'),
        (Equals(NAME, ""), f'{NAME}: ""'),
        (Equals(schema.EVALUATION_CORRECT, False), f"{schema.EVALUATION_CORRECT}: false"),
        (Equals(schema.ITEM_INDEX, 3), f"{schema.ITEM_INDEX}: 3"),
        (OneOf(NAME, ("a", "b")), f'{NAME}: ("a" or "b")'),
        (OneOf(NAME, ("a",)), f'{NAME}: "a"'),
        (Between(field=schema.RESULT_VALUE, start=0.5), f"{schema.RESULT_VALUE} >= 0.5"),
        (
            Between(field=schema.TIMESTAMP, start=MOMENT, end=MOMENT),
            '@timestamp >= "2013-03-01T00:00:00.000000Z" and @timestamp < "2013-03-01T00:00:00.000000Z"',
        ),
        (Exists(NAME), f"{NAME}: *"),
        (Matches(schema.MESSAGE, "no weather"), f'{schema.MESSAGE}: "no weather"'),
        (Not(Equals(NAME, "a")), f'not {NAME}: "a"'),
        (Not(AnyOf((Exists(NAME), Exists(LEVEL)))), f"not ({NAME}: * or {LEVEL}: *)"),
        (AllOf((Exists(NAME), AllOf((Exists(LEVEL),)))), f"{NAME}: * and {LEVEL}: *"),
        (
            AllOf((Exists(NAME), AnyOf((Exists(LEVEL), Exists(NAME))))),
            f"{NAME}: * and ({LEVEL}: * or {NAME}: *)",
        ),
    ],
)
def test_filters_as_text(where, text):
    """Each filter reads as a person would type it."""
    assert kql(where) == text


def test_signs_of_the_language_are_escaped():
    """A member's name with blanks or brackets stays one field, and a value with quotes one value."""
    field = schema.member(schema.SEGMENT, "my tier (new)")
    assert kql(Equals(field, 'a"b\\c')) == f'{schema.SEGMENT}.my\\ tier\\ \\(new\\): "a\\"b\\\\c"'


@given(value=st.text())
def test_any_value_is_read_back(lens_reader, value):
    """Whatever a value holds, the query made of its text asks for that very value."""
    assert lens_reader.dsl(kql(Equals(NAME, value))) == {"match_phrase": {NAME: value}}


def test_brackets_are_read_back(lens_reader):
    """A filter within filters keeps its meaning."""
    where = AllOf(
        (Not(AnyOf((Exists(NAME), Equals(LEVEL, "a")))), Between(field=schema.RESULT_N, start=1, end=2))
    )
    inner = {"bool": {"should": [{"exists": {"field": NAME}}, {"match_phrase": {LEVEL: "a"}}]}}
    bounds = [{"range": {schema.RESULT_N: {"gte": 1.0}}}, {"range": {schema.RESULT_N: {"lt": 2.0}}}]
    assert lens_reader.dsl(kql(where)) == {
        "bool": {"filter": [{"bool": {"must_not": [inner]}}, {"bool": {"filter": bounds}}]}
    }
