"""The demo's numbers, computed again from the raw flights with pandas and scikit-learn."""

from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk

from mlmon.analyzers import live, models
from mlmon.analyzers.statistics.auc import auc_binning_error
from mlmon.core import result, schema
from mlmon.core.query import AllOf, Count, Equals, Query, Scan, Sum
from mlmon.core.result import Metric
from mlmon.core.schema import Dataset
from mlmon.core.store import Reader
from mlmon.core.window import Window
from mlmon.demo import flights, model, serve
from mlmon.demo.flights import LATE, ON_TIME
from mlmon.stores.embedded import open_store

pytestmark = pytest.mark.slow

NOW = datetime(2026, 1, 1, tzinfo=UTC)
YEAR = Window(start=datetime(2013, 3, 1, tzinfo=UTC), end=datetime(2014, 1, 2, tzinfo=UTC))
COUNTED = {
    "accuracy": lambda y, p, _: sk.accuracy_score(y, p),
    "precision": lambda y, p, _: sk.precision_score(y, p, pos_label=LATE, zero_division=np.nan),
    "recall": lambda y, p, _: sk.recall_score(y, p, pos_label=LATE, zero_division=np.nan),
    "f1": lambda y, p, _: sk.f1_score(y, p, pos_label=LATE, zero_division=np.nan),
    "log_loss": lambda y, _, s: sk.log_loss(y == LATE, s, labels=[False, True]),
    "brier": lambda y, _, s: sk.brier_score_loss(y == LATE, s),
}


@pytest.fixture(scope="module")
def truth(table: pd.DataFrame, training: model.Training) -> pd.DataFrame:
    """Every served flight with what the model says of it, and its outcome; nothing comes from the store."""
    served = flights.serving(table)
    scores = model.score(training.model, flights.features(served))
    return served.assign(
        score=scores,
        label=model.labels(training.model, scores),
        outcome=np.array(flights.outcomes(served["late"].to_numpy()), dtype=object),
        month=served["departure"].dt.strftime("%Y-%m"),
    )


@pytest.fixture(scope="module")
def reader(shown) -> Iterator[Reader]:
    """The store that the demo left."""
    store = open_store(shown.store, read_only=True)
    yield store
    store.close()


def written(reader: Reader, segment: str) -> dict[tuple[str, str, str], Metric]:
    """The monthly metrics the jobs wrote, by segment, month and name; `segment` is a prefix."""
    where = AllOf(
        (
            Equals(schema.WINDOW_SIZE, "month"),
            Equals(schema.MODEL_VERSION, ""),
            Equals(schema.RESULT_ANALYZER, "performance"),
        )
    )
    found = {}
    for batch in reader.scan(Scan(dataset=Dataset.METRIC, where=where)):
        for metric in map(result.from_document, batch):
            assert isinstance(metric, Metric)
            if metric.segment.startswith(segment) and bool(metric.segment) == bool(segment):
                found[metric.segment, f"{metric.window.start:%Y-%m}", metric.label] = metric
    return found


def auc_error(late: pd.Series, score: pd.Series) -> float:
    """1e-3; for a small cell what its bins can hide, if that is more: a handful of pairs shares one bin."""
    if len(late) > 5_000:
        return 1e-3
    bins = np.linspace(0, 1, 1_001)
    hidden = auc_binning_error(np.histogram(score[late], bins)[0], np.histogram(score[~late], bins)[0])
    return max(1e-3, hidden or 0.0) + 1e-12


def agree(rows: pd.DataFrame, found: dict[str, Metric]) -> None:
    """Hold the metrics of some flights against scikit-learn's."""
    known = rows[rows["outcome"].notna()]
    y, p, s = known["outcome"], known["label"], known["score"]
    for name, compute in COUNTED.items():
        expected = compute(y, p, s)
        metric = found[name]
        if metric.value is None:
            assert np.isnan(expected), name
            continue
        assert metric.value == pytest.approx(expected, abs=1e-9), name
        assert metric.coverage == pytest.approx(len(known) / len(rows), abs=1e-9)
    if y.nunique() == 2:
        expected = sk.roc_auc_score(y == LATE, s)
        assert found["roc_auc"].value == pytest.approx(expected, abs=auc_error(y == LATE, s))
    assert found["accuracy"].n == pytest.approx(len(known), abs=1e-6)


def test_every_flight_and_every_outcome_is_there(reader: Reader, truth: pd.DataFrame):
    """The store holds each served flight once, each outcome once, and an evaluation for each outcome."""
    counts = {holding.dataset: holding.count for holding in reader.holdings()}
    assert counts[Dataset.INFERENCE] == len(truth) == 284_821
    assert counts[Dataset.OUTCOME] == truth["outcome"].notna().sum() == 277_337
    weight = Query(dataset=Dataset.EVALUATION, measures={"n": Count(), "sum": Sum(schema.EVALUATION_WEIGHT)})
    assert reader.query(weight).rows == [{"n": 277_337, "sum": 277_337.0}]


def test_months_agree_with_scikit_learn(reader: Reader, truth: pd.DataFrame):
    """Each month's performance is that of the raw flights: counts to 1e-9, the binned AUC to 1e-3."""
    found = written(reader, "")
    for month, rows in truth.groupby("month"):
        agree(rows, {name: metric for (_, at, name), metric in found.items() if at == month})


def test_carriers_by_month_agree_with_scikit_learn(reader: Reader, truth: pd.DataFrame):
    """So is that of each carrier in each month; the AUC of a small one to its stated error of binning."""
    found = written(reader, "carrier=")
    seen = 0
    for (month, carrier), rows in truth.groupby(["month", "carrier"]):
        mine = {
            name: metric
            for (segment, at, name), metric in found.items()
            if at == month and segment == f"carrier={carrier}"
        }
        if rows["outcome"].notna().any():
            agree(rows, mine)
            seen += 1
    assert seen > 140


def test_carriers_of_the_year_agree_with_scikit_learn(reader: Reader, truth: pd.DataFrame):
    """So is what is computed when asked for, here each carrier over the whole time."""
    known = {each.name: each for each in models.models(reader)}[serve.MODEL]
    asked = live.metrics(
        reader, known, YEAR, size="all", by=("carrier",), now=NOW, analyzers=("performance",)
    )
    by_segment: dict[str, dict[str, Metric]] = {}
    for metric in asked:
        by_segment.setdefault(metric.segment, {})[metric.label] = metric
    for carrier, rows in truth.groupby("carrier"):
        agree(rows, by_segment[f"carrier={carrier}"])
    agree(truth, by_segment[""])


def test_prevalence_and_labels_agree(reader: Reader, truth: pd.DataFrame):
    """What the store holds as predicted and as true are the raw flights' own counts."""
    known = truth[truth["outcome"].notna()]
    for label in (LATE, ON_TIME):
        where = AllOf((Equals(schema.PREDICTION_LABEL, label), Equals(schema.OUTCOME_LABEL, LATE)))
        asked = Query(dataset=Dataset.EVALUATION, where=where, measures={"n": Count()})
        expected = ((known["label"] == label) & (known["outcome"] == LATE)).sum()
        assert reader.query(asked).rows[0]["n"] == expected


def test_inputs_of_segments_are_watched_by_the_month(reader: Reader, truth: pd.DataFrame):
    """Each airport's share of missing pressure is that of the raw flights; no segment raises a finding."""
    drift = Equals(schema.RESULT_ANALYZER, "drift")
    named = (drift, Equals(schema.METRIC_NAME, "missing_rate"), Equals(schema.RESULT_SUBJECT, "pressure"))
    scan = Scan(dataset=Dataset.METRIC, where=AllOf((*named, Equals(schema.WINDOW_SIZE, "month"))))
    found = {
        (document[schema.RESULT_SEGMENT], f"{document[schema.WINDOW_START]:%Y-%m}"): document
        for batch in reader.scan(scan)
        for document in batch
    }
    months = truth[truth["month"] != "2014-01"].groupby(["origin", "month"])["pressure"]
    for (origin, month), pressure in months:
        value = found[f"origin={origin}", month][schema.RESULT_VALUE]
        assert value == pytest.approx(pressure.isna().mean(), abs=1e-9)
    findings = Scan(dataset=Dataset.FINDING, where=drift)
    segments = {document.get(schema.RESULT_SEGMENT) for batch in reader.scan(findings) for document in batch}
    assert segments == {""}
