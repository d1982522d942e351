from datetime import UTC, datetime

import numpy as np
import pytest
from sklearn import metrics as sk

from mlmon.analyzers import usual
from mlmon.analyzers.models import Model
from mlmon.analyzers.profile_columns import Columns, from_columns
from mlmon.core.result import REFERENCE

NOW = datetime(2030, 3, 1, tzinfo=UTC)


def build(version: str):
    """A reference of a few hundred scored rows of two carriers, and its columns."""
    rng = np.random.default_rng(7)
    score = rng.uniform(size=400)
    columns = Columns(
        features={"temp": rng.normal(size=400)},
        score=score,
        label=np.where(score >= 0.5, "late", "ok").astype(object),
        outcome=np.where(rng.uniform(size=400) < score, "late", "ok").astype(object),
        segments={"carrier": np.where(np.arange(400) % 2, "UA", "AA").astype(object)},
    )
    made = from_columns(
        columns, model="m", source="train.csv", now=NOW, version=version, task="binary", positive_label="late"
    )
    return columns, made


def test_the_reference_is_stated_for_the_whole_and_each_segment(sure):
    """Its accuracy and log loss, of all rows and of a carrier's, are those of its columns."""
    columns, made = build("1")
    found = {
        (metric.version, metric.segment, metric.label): metric
        for metric in usual.stated(Model(name="m", task="binary", versions=("1",)), {"1": made})
    }
    assert {metric.size for metric in found.values()} == {REFERENCE}
    late = np.asarray(columns.outcome) == "late"
    ours = found["1", "", "log_loss"]
    assert ours.value == pytest.approx(sk.log_loss(late, columns.score), abs=1e-9)
    assert sure(ours.low) < sure(ours.value) < sure(ours.high)
    right = np.asarray(columns.outcome) == np.asarray(columns.label)
    of_carrier = np.asarray(columns.segments["carrier"]) == "UA"
    assert found["", "carrier=UA", "accuracy"].value == pytest.approx(right[of_carrier].mean(), abs=1e-9)


def test_without_a_reference_nothing_is_stated():
    """A model that has none gives no metric."""
    assert list(usual.stated(Model(name="m", task="binary"), {})) == []
