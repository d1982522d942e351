from datetime import UTC, datetime

import pytest

from mlmon.cli.outcomes import Columns, to_event
from mlmon.cli.rows import Row
from mlmon.core import schema
from mlmon.core.errors import InvalidEventError
from mlmon.core.event import decode

NOW = datetime(2013, 5, 20, 12, tzinfo=UTC)
LATER = datetime(2014, 5, 20, 12, tzinfo=UTC)
COLUMNS = Columns(id="id", label="label", value="value", observed_at="at")


def outcome(values, *, revision=0, now=NOW):
    """The event of one row of model m."""
    return to_event(Row(line=2, values=values), COLUMNS, model="m", revision=revision, now=now)


def test_the_same_row_has_the_same_id():
    """A row gives the same id whenever it is read, and another id if it says something else."""
    first = outcome({"id": "a", "label": "late"})
    assert outcome({"id": "a", "label": "late"}, now=LATER).id == first.id
    others = [
        outcome({"id": "b", "label": "late"}),
        outcome({"id": "a", "label": "on_time"}),
        outcome({"id": "a", "label": "late"}, revision=1),
        outcome({"id": "a", "label": "late", "at": "2013-03-01"}),
    ]
    assert len({first.id, *(other.id for other in others)}) == 5


def test_a_row_becomes_an_outcome():
    """The document says whose outcome it is, what it was, and when it was seen, in UTC."""
    document = decode(outcome({"id": 17.0, "label": 1, "at": "2013-03-01T01:00:00+01:00"}))
    assert document[schema.INFERENCE_ID] == "17"
    assert document[schema.OUTCOME_LABEL] == "1"
    assert document[schema.OUTCOME_OBSERVED_AT] == "2013-03-01T00:00:00.000000Z"
    assert document[schema.OUTCOME_SOURCE] == "file"


def test_a_number_is_an_outcome():
    """Where there is no label, the value is the truth."""
    assert decode(outcome({"id": "a", "value": "1.5"}))[schema.OUTCOME_VALUE] == 1.5


@pytest.mark.parametrize(
    ("values", "reason", "words"),
    [
        ({"label": "late"}, "no_id", "'id' is empty"),
        ({"id": "", "label": "late"}, "no_id", "'id' is empty"),
        ({"id": "a"}, "no_outcome", "is empty"),
        ({"id": "a", "value": "much"}, "not_valid", "no number"),
        ({"id": "a", "value": "inf"}, "not_valid", "not finite"),
        ({"id": "a", "label": "late", "at": "soon"}, "not_valid", "no ISO 8601 time"),
    ],
)
def test_a_bad_row_says_what_is_wrong(values, reason, words):
    """A row without an id or a truth, or with an unreadable one, is refused with the column and value."""
    with pytest.raises(InvalidEventError, match=words) as refused:
        outcome(values)
    assert refused.value.reason == reason
