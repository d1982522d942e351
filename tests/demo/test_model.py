"""The model is honest about unseen flights, repeats itself, and scores small batches like large ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.metrics import log_loss, precision_score, recall_score, roc_auc_score

from mlmon.demo import flights, model, replay

if TYPE_CHECKING:
    import pandas as pd


def test_it_knows_something_of_flights_it_has_not_seen(training: model.Training) -> None:
    """Out-of-fold it beats the constant rate in log loss, and ranks better than chance."""
    seen = training.reference.dropna(subset=["outcome"])
    late = seen["outcome"] == flights.LATE
    constant = np.full(len(seen), late.mean())
    assert log_loss(late, seen["score"]) < log_loss(late, constant) - 0.02
    assert roc_auc_score(late, seen["score"]) > 0.65


def test_the_threshold_calls_as_many_late_as_are_late(training: model.Training) -> None:
    """Out-of-fold, precision equals recall, to within one flight in a thousand."""
    seen = training.reference.dropna(subset=["outcome"])
    late, called = seen["outcome"] == flights.LATE, seen["label"] == flights.LATE
    assert abs(precision_score(late, called) - recall_score(late, called)) < 1e-3
    assert 0 < training.model.threshold < 1


def test_the_reference_holds_every_training_flight(table: pd.DataFrame, training: model.Training) -> None:
    """Flights without an outcome are in the reference too, with a score and a label."""
    learned_from = flights.training(table)
    reference = training.reference
    assert reference["flight_id"].tolist() == learned_from["flight_id"].tolist()
    assert list(reference.columns) == [
        "flight_id", "departure", *flights.FEATURES, "score", "label", "outcome",
    ]  # fmt: skip
    assert reference["outcome"].isna().sum() == 606 + 1340
    assert reference["score"].between(0, 1).all()


def test_scores_are_out_of_fold(table: pd.DataFrame, training: model.Training) -> None:
    """The fitted model does better on its own training flights than the reference claims."""
    seen = training.reference.dropna(subset=["outcome"])
    late = seen["outcome"] == flights.LATE
    own = model.score(training.model, flights.features(seen))
    assert log_loss(late, own) < log_loss(late, seen["score"]) - 0.01


def test_training_again_gives_the_same_model(table: pd.DataFrame) -> None:
    """Trained twice on the same flights, every score and the threshold are the same to the last bit."""
    some = flights.training(table).iloc[::10]
    first, second = model.train(some), model.train(some)
    assert first.model.threshold == second.model.threshold
    np.testing.assert_array_equal(first.reference["score"], second.reference["score"])


def test_a_batch_scores_like_the_whole(table: pd.DataFrame, training: model.Training) -> None:
    """Hour by hour the scores are those of one call with every flight."""
    some = flights.serving(table).head(3000)
    hourly = [model.score(training.model, hour.features) for hour in replay.departures(some)]
    np.testing.assert_array_equal(np.concatenate(hourly), model.score(training.model, flights.features(some)))


def test_an_unknown_destination_is_scored(table: pd.DataFrame, training: model.Training) -> None:
    """A category that training never met counts as missing and still gets a probability."""
    columns = flights.features(table.head(2)) | {"dest": np.array(["XXX", None], dtype=object)}
    scores = model.score(training.model, columns)
    assert scores[0] > 0
    assert scores.shape == (2,)


def test_the_label_turns_at_the_threshold(training: model.Training) -> None:
    """A score at the threshold is late, the next smaller one is not."""
    at = training.model.threshold
    assert model.labels(training.model, np.array([at, np.nextafter(at, 0)])) == ["late", "on_time"]
