from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from mlmon.core import schema
from mlmon.logging_sdk import ModelLogger

FRAME = pd.DataFrame({"temp": [1.0, None, 3.0], "carrier": ["UA", "AA", None]})
ROWS = [{"temp": 1.0, "carrier": "UA"}, {"temp": None, "carrier": "AA"}, {"temp": 3.0, "carrier": None}]


@pytest.mark.parametrize(
    "features",
    [FRAME, ROWS, {name: FRAME[name].to_numpy() for name in FRAME}, dict(FRAME.items())],
    ids=["frame", "rows", "arrays", "columns"],
)
def test_every_form_gives_the_same_rows(events, features):
    """A frame, a list of rows and a mapping of columns give one event a row, alike."""
    log = ModelLogger("m", segments=["carrier"])
    with log.batch(features, id="b") as batch:
        batch.predict(label=np.array([1, 0, 1]), score=np.array([0.9, 0.2, np.nan]))
    assert batch.ids == ["b-0", "b-1", "b-2"]
    assert [event[schema.FEATURES_NUMERIC]["temp"] for event in events] == [1.0, None, 3.0]
    assert [event[schema.FEATURES_CATEGORICAL]["carrier"] for event in events] == ["UA", "AA", None]
    assert [event[schema.SEGMENT]["carrier"] for event in events] == ["UA", "AA", None]
    assert [event[schema.PREDICTION_LABEL] for event in events] == ["1", "0", "1"]
    assert [event[schema.PREDICTION_SCORE] for event in events] == [0.9, 0.2, None]
    assert [event[schema.ITEM_INDEX] for event in events] == [0, 1, 2]
    assert {event[schema.BATCH_SIZE] for event in events} == {3}
    assert len({event[schema.EVENT_DURATION] for event in events}) == 1


def test_given_ids_and_times_are_used(events):
    """Rows take the given ids and times, a bare array's features are named by position."""
    moments = [datetime(2013, 3, 1, hour, tzinfo=UTC) for hour in (5, 6)]
    log = ModelLogger("m", classes=["on_time", "late"])
    with log.batch(np.array([[1.0, 2.0], [3.0, 4.0]]), ids=["x", "y"], timestamp=moments) as batch:
        batch.predict(probabilities=np.array([[0.25, 0.75], [0.5, 0.5]]))
    assert [event[schema.INFERENCE_ID] for event in events] == ["x", "y"]
    assert events[1][schema.TIMESTAMP] == "2013-03-01T06:00:00.000000Z"
    assert events[1][schema.FEATURES_NUMERIC] == {"x0": 3.0, "x1": 4.0}
    assert events[0][schema.PREDICTION_PROBABILITIES] == {"on_time": 0.25, "late": 0.75}


def test_a_failing_batch_fails_every_row(events):
    """An exception within a batch is recorded for each row and goes on."""
    with pytest.raises(ZeroDivisionError), ModelLogger("m").batch(FRAME):
        raise ZeroDivisionError
    assert [event[schema.EVENT_OUTCOME] for event in events] == ["failure"] * 3


def test_an_empty_batch_gives_nothing(events):
    """A batch without rows is no misuse and gives no event."""
    log = ModelLogger("m")
    with log.batch(FRAME.iloc[:0]) as batch:
        batch.predict(label=[])
    assert len(events) == 0
    assert log.stats().misused == 0


def test_a_prediction_of_another_length_is_noted(events):
    """A prediction that does not fit the rows is misuse, and the rows are logged without it."""
    log = ModelLogger("m")
    with log.batch(FRAME) as batch:
        batch.predict(label=["late"])
    assert len(events) == 3
    assert log.stats().misused > 0


def test_a_batch_larger_than_a_chunk_keeps_its_sequence(events):
    """A batch of any size is numbered without gaps, in the order of its rows."""
    with ModelLogger("m").batch({"x": list(range(1500))}) as batch:
        batch.predict(value=list(range(1500)))
    assert [event[schema.EVENT_SEQUENCE] for event in events] == list(range(1500))
    assert [event[schema.ITEM_INDEX] for event in events] == list(range(1500))
