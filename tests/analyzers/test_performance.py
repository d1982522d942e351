from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from sklearn import metrics as sk

from mlmon.analyzers import live
from mlmon.analyzers.jobs import run_once
from mlmon.analyzers.models import models
from mlmon.core import clock
from mlmon.core.config import Config
from mlmon.core.window import Window

START = datetime(2030, 3, 1, tzinfo=UTC)
SPAN = Window(start=START, end=START + timedelta(days=20))
NOW = START + timedelta(days=60)
ANSWERS = ("performance",)


def analyzed(store, now=NOW):
    """Join everything and give the one model."""
    run_once(store, Config(), clock=lambda: clock.to_ns(now))
    return models(store)[0]


def ask(store, model, **options):
    """The metrics of all traffic by label, and by segment."""
    found = live.metrics(store, model, SPAN, now=NOW, size="all", analyzers=ANSWERS, **options)
    return {(metric.segment, metric.label): metric for metric in found}


def test_binary_measures_equal_scikit_learn(store, service):
    """All traffic and each segment: counts agree to 1e-9, binned areas to 1e-3."""
    rng = np.random.default_rng(7)
    n = 400
    score = rng.uniform(size=n)
    late = rng.uniform(size=n) < score
    carrier = np.array(["UA", "AA"])[rng.integers(2, size=n)]
    said = score >= 0.5
    store.write(
        [
            service.inference(
                f"i{k}", START + timedelta(minutes=30 * k), TASK="binary", PREDICTION_SCORE=float(score[k]),
                PREDICTION_LABEL="late" if said[k] else "ok", SEGMENT={"carrier": str(carrier[k])},
            )
            for k in range(n)
        ]
    )  # fmt: skip
    store.write(
        [
            service.outcome(f"i{k}", START + timedelta(days=15), OUTCOME_LABEL="late" if late[k] else "ok")
            for k in range(n)
        ]
    )
    model = analyzed(store)
    assert model.positive_label == "late"
    found = ask(store, model, by=("carrier",))
    for segment, here in {"": slice(None), "carrier=UA": carrier == "UA"}.items():
        y, p, s = late[here], said[here], score[here]
        exact = {
            "accuracy": sk.accuracy_score(y, p),
            "precision": sk.precision_score(y, p),
            "recall": sk.recall_score(y, p),
            "f1": sk.f1_score(y, p),
            "balanced_accuracy": sk.balanced_accuracy_score(y, p),
            "mcc": sk.matthews_corrcoef(y, p),
            "log_loss": sk.log_loss(y, s),
            "brier": sk.brier_score_loss(y, s),
            "prevalence": y.mean(),
        }
        for name, value in exact.items():
            assert found[segment, name].value == pytest.approx(value, abs=1e-9), name
        assert found[segment, "roc_auc"].value == pytest.approx(sk.roc_auc_score(y, s), abs=1e-3)
        assert found[segment, "average_precision"].value == pytest.approx(
            sk.average_precision_score(y, s), abs=5e-3
        )
        accuracy = found[segment, "accuracy"]
        assert accuracy.n == y.size
        assert accuracy.low < accuracy.value < accuracy.high
        assert accuracy.coverage == 1.0
        assert accuracy.final


def test_multiclass_measures_equal_scikit_learn(store, service):
    """Macro, micro, weighted and per class, and the log loss of the given probabilities."""
    rng = np.random.default_rng(3)
    n, classes = 300, ["a", "b", "c"]
    chances = rng.dirichlet([1, 1, 1], size=n)
    actual = [classes[rng.choice(3, p=row)] for row in chances]
    said = [classes[k] for k in chances.argmax(axis=1)]
    store.write(
        [
            service.inference(
                f"i{k}", START + timedelta(minutes=k), PREDICTION_LABEL=said[k],
                PREDICTION_PROBABILITIES=dict(zip(classes, chances[k].tolist(), strict=True)),
            )
            for k in range(n)
        ]
    )  # fmt: skip
    store.write(
        [service.outcome(f"i{k}", START + timedelta(days=1), OUTCOME_LABEL=actual[k]) for k in range(n)]
    )
    found = {label: metric.value for (_, label), metric in ask(store, analyzed(store)).items()}
    assert found["log_loss"] == pytest.approx(sk.log_loss(actual, chances, labels=classes), abs=1e-9)
    for average in ("macro", "micro", "weighted"):
        assert found[f"f1_{average}"] == pytest.approx(sk.f1_score(actual, said, average=average), abs=1e-9)
    recalls = sk.recall_score(actual, said, average=None, labels=classes)
    assert [found[f"recall[{name}]"] for name in classes] == pytest.approx(recalls.tolist(), abs=1e-9)


def test_regression_measures_equal_scikit_learn(store, service):
    """Mean absolute error, root mean squared error, bias and R2, each of the first three with an interval."""
    rng = np.random.default_rng(4)
    actual = rng.normal(50, 10, size=200)
    said = actual + rng.normal(1, 3, size=200)
    store.write(
        [
            service.inference(f"i{k}", START + timedelta(minutes=k), PREDICTION_VALUE=float(said[k]))
            for k in range(200)
        ]
    )
    store.write(
        [
            service.outcome(f"i{k}", START + timedelta(days=1), OUTCOME_VALUE=float(actual[k]))
            for k in range(200)
        ]
    )
    found = {label: metric for (_, label), metric in ask(store, analyzed(store)).items()}
    assert found["mae"].value == pytest.approx(sk.mean_absolute_error(actual, said), abs=1e-9)
    assert found["rmse"].value == pytest.approx(sk.root_mean_squared_error(actual, said), abs=1e-9)
    assert found["r2"].value == pytest.approx(sk.r2_score(actual, said), abs=1e-9)
    for name in ("mae", "rmse", "bias"):
        assert found[name].low < found[name].value < found[name].high


def test_sampling_weights_give_the_whole_back(store, service):
    """Right predictions kept at one in four, wrong ones all: the weighted accuracy is that of all traffic."""
    rng = np.random.default_rng(11)
    n = 4_000
    right = rng.uniform(size=n) < 0.8
    kept = ~right | (rng.uniform(size=n) < 0.25)
    rows = np.flatnonzero(kept).tolist()
    store.write(
        [
            service.inference(
                f"i{k}", START + timedelta(minutes=k), PREDICTION_LABEL="a", TASK="multiclass",
                SAMPLE_WEIGHT=4.0 if right[k] else 1.0,
            )
            for k in rows
        ]
    )  # fmt: skip
    store.write(
        [
            service.outcome(f"i{k}", START + timedelta(days=3), OUTCOME_LABEL="a" if right[k] else "b")
            for k in rows
        ]
    )
    accuracy = ask(store, analyzed(store))["", "accuracy"]
    assert accuracy.low < right.mean() < accuracy.high
    assert accuracy.value == pytest.approx(right.mean(), abs=0.02)
    assert accuracy.n == pytest.approx(n, rel=0.05)
    assert accuracy.coverage == pytest.approx(1.0)


def test_coverage_and_final_follow_the_outcomes(store, service):
    """Half of the outcomes are a coverage of one half; a window is final once the time for more is over."""
    store.write(
        [
            service.inference(f"i{k}", START + timedelta(minutes=k), PREDICTION_LABEL="a", TASK="multiclass")
            for k in range(10)
        ]
    )
    store.write([service.outcome(f"i{k}", START, OUTCOME_LABEL="a") for k in range(5)])
    model = analyzed(store)
    for days, final in ((2, False), (9, True)):
        now = START + timedelta(days=days)
        found = live.metrics(store, model, SPAN, size="1d", now=now, analyzers=ANSWERS)
        [accuracy] = [metric for metric in found if metric.name == "accuracy"]
        assert accuracy.coverage == 0.5
        assert accuracy.final is final
