import asyncio

import pytest

from mlmon.core import schema
from mlmon.logging_sdk import ModelLogger
from mlmon.logging_sdk.monitor import told


def test_a_decorated_function_is_an_inference(events):
    """Each call of a decorated function is an inference of its argument and its result."""
    log = ModelLogger("m")

    @log.monitor
    def predict(row: dict[str, float]) -> tuple[str, float]:
        """Predict."""
        return ("late", row["temp"] / 2)

    assert predict({"temp": 1.5}) == ("late", 0.75)
    assert predict.__doc__ == "Predict."
    event = events.only()
    assert event[schema.FEATURES_NUMERIC] == {"temp": 1.5}
    assert (event[schema.PREDICTION_LABEL], event[schema.PREDICTION_SCORE]) == ("late", 0.75)


def test_choices_name_the_features_the_id_and_the_prediction(events):
    """Features, id and prediction are chosen by a parameter's name or by a function."""
    log = ModelLogger("m")

    @log.monitor(
        features="row", id=lambda request, **_: request, prediction=lambda result: {"value": result[0]}
    )
    async def predict(request: str, row: dict[str, int]) -> list[int]:
        return [row["x"] * 2]

    assert asyncio.run(predict("r1", row={"x": 4})) == [8]
    event = events.only()
    assert (event[schema.INFERENCE_ID], event[schema.PREDICTION_VALUE]) == ("r1", 8)


def test_arguments_by_name_are_features(events):
    """A function of scalars has its arguments as features, without self, and failures are recorded."""
    log = ModelLogger("m")

    class Model:
        @log.monitor
        def predict(self, temp: float, scale: int = 1) -> float:
            return scale / temp

    assert Model().predict(4.0) == 0.25
    with pytest.raises(ZeroDivisionError):
        Model().predict(0.0)
    served, failed = events.inferences
    assert (served[schema.FEATURES_NUMERIC], served[schema.PREDICTION_VALUE]) == (
        {"temp": 4.0, "scale": 1},
        0.25,
    )
    assert failed[schema.EVENT_OUTCOME] == "failure"


def test_results_are_told():
    """A mapping, a label with its score, a number and a boolean are read as what they are."""
    assert told({"label": "a", "other": 1}) == {"label": "a"}
    assert told(("a", 0.5)) == {"label": "a", "score": 0.5}
    assert told(4) == {"value": 4}
    assert told(True) == {"label": True}
