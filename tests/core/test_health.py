from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlmon.core import event, health, schema
from mlmon.core.health import Part, Report
from mlmon.core.schema import Dataset

AT = datetime(2013, 3, 1, tzinfo=UTC)
NUMBERS = st.dictionaries(st.text(), st.floats(min_value=0, max_value=1e15))


@given(
    part=st.sampled_from(Part),
    number=st.integers(min_value=0, max_value=2**40),
    counters=NUMBERS,
    gauges=NUMBERS,
)
def test_a_report_survives_its_document(part, number, counters, gauges):
    """The document of a report holds all of it, and is a valid event."""
    report = Report(
        part=part,
        id="ab12",
        number=number,
        at=AT,
        started=AT,
        counters=counters,
        gauges=gauges,
        message="well",
    )
    stored = event.encode(health.to_document(report))
    assert health.from_document(event.decode(stored)) == report


@pytest.mark.parametrize(
    ("part", "dataset"),
    [(Part.PRODUCER, Dataset.HEALTH), (Part.COLLECTOR, Dataset.HEALTH), (Part.ANALYZERS, Dataset.JOB)],
)
def test_each_dataset_has_one_kind_of_writer(part, dataset):
    """The analyzers' reports are kept apart from those that come by the collector."""
    assert health.dataset_of(part) is dataset


def test_a_report_takes_no_sequence_number():
    """A report is never counted among the events of its producer."""
    report = Report(part=Part.PRODUCER, id="ab12", number=3, at=AT, started=AT)
    document = health.to_document(report, {schema.HOST_NAME: "box"})
    assert schema.EVENT_SEQUENCE not in document
    assert document[schema.EVENT_ID] == "ab12-health-3"
    assert document[schema.HOST_NAME] == "box"
