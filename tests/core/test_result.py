from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from mlmon.core import result, schema
from mlmon.core.result import Finding, Metric, Severity, State
from mlmon.core.window import Window

DAY = Window(start=datetime(2013, 3, 1, tzinfo=UTC), end=datetime(2013, 3, 2, tzinfo=UTC))
METRIC = Metric(analyzer="drift", model="flights", name="psi", window=DAY, size="1d", value=0.3, n=90)
FINDING = Finding(
    analyzer="drift",
    model="flights",
    metric="psi",
    window=DAY,
    size="1d",
    value=0.3,
    bound=0.2,
    n=90,
    message="It moved.",
)
NUMBERS = st.none() | st.floats(allow_nan=False, allow_infinity=False)


@given(
    value=NUMBERS, low=NUMBERS, coverage=NUMBERS, final=st.booleans(), subject=st.text(), segment=st.text()
)
def test_a_metric_survives_its_document(**changes):
    """The document of a metric holds all of it."""
    metric = replace(METRIC, **changes)
    assert result.from_document(result.to_document(metric)) == metric


@given(
    state=st.sampled_from(State),
    severity=st.sampled_from(Severity),
    evidence=st.dictionaries(st.text(), NUMBERS),
)
def test_a_finding_survives_its_document(**changes):
    """The document of a finding holds all of it."""
    finding = replace(FINDING, **changes)
    assert result.from_document(result.to_document(finding)) == finding


def test_documents_name_declared_fields_only():
    """Every key of a result's document is a field that the schema gives its dataset."""
    for each in (METRIC, FINDING):
        allowed = {field.name for field in schema.fields_of(result.dataset_of(each))}
        assert set(result.to_document(each)) <= allowed


@pytest.mark.parametrize(
    "change",
    [
        {"value": 0.9}, {"n": 1.0}, {"low": 0.1}, {"coverage": 0.5}, {"final": False},
        {"window": Window(start=DAY.start, end=DAY.end + timedelta(hours=1))},
    ],
)  # fmt: skip
def test_stating_again_is_the_same_result(change):
    """Another value of the same model, window and name has the same identity."""
    assert result.identity(replace(METRIC, **change)) == result.identity(METRIC)


@pytest.mark.parametrize(
    "change",
    [
        {"analyzer": "a"}, {"model": "m"}, {"name": "x"}, {"size": "1h"}, {"version": "2"},
        {"segment": "carrier=UA"}, {"subject": "temp"}, {"window": Window(start=DAY.end, end=DAY.end)},
    ],
)  # fmt: skip
def test_another_subject_is_another_result(change):
    """Whatever a metric speaks of is part of its identity."""
    assert result.identity(replace(METRIC, **change)) != result.identity(METRIC)


def test_a_finding_is_no_metric():
    """A metric and a finding about the same number do not replace each other."""
    assert result.identity(METRIC) != result.identity(FINDING)
    assert replace(METRIC, subject="temp").label == replace(FINDING, subject="temp").label == "psi[temp]"
