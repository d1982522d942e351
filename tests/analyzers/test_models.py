from datetime import UTC, datetime

from mlmon.analyzers.models import Model, catalogue, models, remember
from mlmon.core.config import Config, ModelConfig

START = datetime(2030, 3, 4, tzinfo=UTC)


def test_the_positive_label_is_configured_named_or_inferred(new_store, service):
    """Configuration comes first, then what events say, then the label whose predictions score highest."""
    store = new_store()
    scores = {"ok": 0.1, "late": 0.8}
    store.write(
        [
            service.inference(f"i{label}", START, PREDICTION_LABEL=label, PREDICTION_SCORE=score)
            for label, score in scores.items()
        ]
    )
    assert models(store)[0].positive_label == "late"
    store.write([service.inference("named", START, PREDICTION_LABEL="ok", POSITIVE_LABEL="ok")])
    assert models(store)[0].positive_label == "ok"
    config = Config(models={"m": ModelConfig(positive_label="late")})
    assert models(store, config)[0].positive_label == "late"


def test_low_scores_of_one_label_name_no_positive_label(store, service):
    """Where only the other class was ever predicted, nothing is guessed."""
    store.write([service.inference("i", START, PREDICTION_LABEL="ok", PREDICTION_SCORE=0.1)])
    assert models(store)[0].positive_label is None


def test_what_is_remembered_is_added_to(store, service):
    """Knowing the past and asking for the new gives what asking for all gives."""
    for k in range(3):
        store.write(
            [
                service.inference(
                    f"i{k}", START, PREDICTION_LABEL=f"c{k}", MODEL_VERSION=str(k), SEGMENT={"a": str(k)}
                )
            ]
        )
        whole = models(store)
        remember(store, catalogue(store))
        assert models(store) == whole
    [model] = models(store)
    assert model.task == "multiclass"
    assert model.versions == ("0", "1", "2")
    assert model.segments == {"a": ("0", "1", "2")}
    assert model.inferences == 3


def test_a_model_of_numbers_is_a_regression(store, service):
    """Predicted numbers without a label mean regression."""
    store.write([service.inference("i", START, PREDICTION_VALUE=1.5)])
    assert models(store)[0].task == "regression"


def test_the_time_served_holds_the_last_inference_as_a_cluster_tells_it():
    """A last date that was cut to the millisecond still leaves the inference that it is of within."""
    moment = datetime(2013, 3, 1, 12, 0, 0, 123_999, tzinfo=UTC)
    cut = moment.replace(microsecond=123_000)
    served = Model(name="m", first=cut, last=cut).served
    assert served is not None
    assert moment in served
    assert Model(name="m").served is None
