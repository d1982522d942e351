import csv
import json

import numpy as np
import pytest
from sklearn import metrics

ROWS = 1_500


@pytest.fixture
def columns(tmp_path, monkeypatch):
    """Write a file of scores, classes and numbers; give its columns."""
    rng = np.random.default_rng(6)
    z = rng.normal(size=ROWS)
    score = 1 / (1 + np.exp(-z))
    columns = {
        "score": score,
        "said": (score > 0.4).astype(int),
        "was": (rng.uniform(size=ROWS) < score).astype(int),
        "guess": z,
        "turned": z + rng.normal(scale=0.3, size=ROWS),
        "class": rng.choice(["a", "b", "c"], ROWS, p=[0.5, 0.3, 0.2]),
        "told": rng.choice(["a", "b", "c"], ROWS),
    }
    with (tmp_path / "served.csv").open("w") as file:
        csv.writer(file).writerows([columns, *zip(*columns.values(), strict=True)])
    monkeypatch.chdir(tmp_path)
    return columns


@pytest.fixture
def judged(run, columns):
    """Give a function that runs the command and gives its rows."""

    def rows(*options):
        shown = run("try", "performance", "served.csv", *options, "--format", "json")
        assert shown.exit_code == 0, shown.stderr
        return json.loads(shown.stdout)

    return rows


def measures(rows):
    """The metrics of the model by name."""
    return {row["name"]: row for row in rows if row["part"] == "metric" and not row["subject"]}


def test_two_classes_equal_scikit_learn(judged, columns):
    """Every measure of two classes is scikit-learn's, within its interval."""
    rows = judged("--score", "score", "--prediction", "said", "--outcome", "was")
    found, was, said, score = measures(rows), columns["was"], columns["said"], columns["score"]
    expected = {
        "accuracy": metrics.accuracy_score(was, said),
        "precision": metrics.precision_score(was, said),
        "recall": metrics.recall_score(was, said),
        "specificity": metrics.recall_score(was, said, pos_label=0),
        "f1": metrics.f1_score(was, said),
        "balanced_accuracy": metrics.balanced_accuracy_score(was, said),
        "mcc": metrics.matthews_corrcoef(was, said),
        "roc_auc": metrics.roc_auc_score(was, score),
        "average_precision": metrics.average_precision_score(was, score),
        "log_loss": metrics.log_loss(was, score),
        "brier": metrics.brier_score_loss(was, score),
    }
    for name, value in expected.items():
        assert found[name]["value"] == pytest.approx(value, rel=1e-9), name
        assert found[name]["low"] <= value <= found[name]["high"]
        assert found[name]["low"] < found[name]["high"]
    counts = [row["value"] for row in rows if row["part"] == "confusion"]
    assert counts == metrics.confusion_matrix(was, said).ravel().tolist()
    bins = [row for row in rows if row["part"] == "calibration"]
    assert sum(row["n"] for row in bins) == ROWS


def test_scores_alone_predict_by_the_threshold(judged, columns):
    """Without predictions a score from the threshold on says the positive class."""
    rows = judged("--score", "score", "--outcome", "was", "--threshold", "0.3")
    said = columns["score"] >= 0.3
    assert measures(rows)["recall"]["value"] == metrics.recall_score(columns["was"], said)


def test_several_classes_equal_scikit_learn(judged, columns):
    """Averages and single classes are scikit-learn's."""
    rows = judged("--prediction", "told", "--outcome", "class")
    found = measures(rows)
    report = metrics.classification_report(columns["class"], columns["told"], output_dict=True)
    assert found["accuracy"]["value"] == pytest.approx(report["accuracy"])
    assert found["f1_macro"]["value"] == pytest.approx(report["macro avg"]["f1-score"])
    assert found["precision_weighted"]["value"] == pytest.approx(report["weighted avg"]["precision"])
    of_b = {row["name"]: row["value"] for row in rows if row["part"] == "metric" and row["subject"] == "b"}
    assert of_b["recall"] == pytest.approx(report["b"]["recall"])


def test_numbers_equal_scikit_learn(judged, columns):
    """The measures of a regression are scikit-learn's."""
    found = measures(judged("--prediction", "guess", "--outcome", "turned"))
    turned, guess = columns["turned"], columns["guess"]
    assert found["mae"]["value"] == pytest.approx(metrics.mean_absolute_error(turned, guess))
    assert found["rmse"]["value"] == pytest.approx(metrics.root_mean_squared_error(turned, guess))
    assert found["r2"]["value"] == pytest.approx(metrics.r2_score(turned, guess))


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ("s,y\n0.5,\n", ("--score", "s", "--outcome", "y"), "No row has an outcome"),
        ("s,y\n0.5,1\n", ("--outcome", "y"), "Name --prediction, --score"),
        ("s,y\n0.5,1\n0.5,0\n", ("--score", "s", "--outcome", "y", "--positive", "9"), "'9' is no class"),
        ("s,y\n0.5,1\n0.5,0\n", ("--score", "s", "--outcome", "z"), "no column 'z'"),
    ],
)
def test_what_cannot_be_judged_is_told(run, tmp_path, text, options, said):
    """What is missing is said, with what to do."""
    path = tmp_path / "a.csv"
    path.write_text(text)
    shown = run("try", "performance", str(path), *options)
    assert shown.exit_code == 2
    assert said in shown.stderr


@pytest.mark.parametrize("text", ["s,y\n0.5,1\n", "s,y\n0.5,1\n0.7,1\n", "s,y\n,1\n,0\n", "s,y\n7,1\n-3,0\n"])
def test_small_tables_have_an_answer(run, tmp_path, text):
    """One row, one class, no scores, scores that are no probabilities: what can be said is said."""
    path = tmp_path / "a.csv"
    path.write_text(text)
    shown = run("try", "performance", str(path), "--score", "s", "--outcome", "y", "--format", "json")
    assert shown.exit_code == 0, shown.stderr
    assert {row["part"] for row in json.loads(shown.stdout)} >= {"metric"}


@pytest.mark.parametrize(
    ("text", "options", "positive"),
    [
        ("s,y,p\n0.1,0,0\n0.9,0,1\n", ("--score", "s"), "1"),
        ("s,y,p\n0.1,no,no\n0.9,no,yes\n", ("--prediction", "p"), "yes"),
        ("s,y,p\n0.1,False,False\n0.9,False,False\n", ("--prediction", "p"), "true"),
        ("s,y,p\n0.1,on_time,on_time\n", ("--prediction", "p", "--positive", "late"), "late"),
    ],
)
def test_a_file_without_the_positive_class(run, tmp_path, text, options, positive):
    """Where nothing turned out positive, there is no recall, and the other class is not taken for it."""
    (tmp_path / "a.csv").write_text(text)
    asked = ("try", "performance", str(tmp_path / "a.csv"), *options, "--outcome", "y")
    assert f"the score is of '{positive}'" in run(*asked).stderr
    values = {row["name"]: row["value"] for row in json.loads(run(*asked, "--format", "json").stdout)}
    assert values["accuracy"] is not None
    assert values.get("recall") is None
