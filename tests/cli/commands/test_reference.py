import json
import random

import pandas as pd
import pytest


@pytest.fixture
def table(store):
    """Write a training table with two features, a segment and what the model said of it."""
    chance = random.Random(3)
    lines = ["id,temp,origin,carrier,score,said,was"]
    for number in range(200):
        score = chance.random()
        temp = "" if number % 10 == 0 else f"{chance.gauss(50, 9):.3f}"
        said, was = ("late" if score > at else "on_time" for at in (0.5, chance.random()))
        lines.append(f"{number},{temp},{chance.choice(['EWR', 'JFK'])},UA,{score},{said},{was}")
    path = store.parent / "train.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


ROLES = (
    "--prediction-score", "score", "--prediction-label", "said", "--outcome-label", "was", "--segment",
    "carrier", "--ignore", "id",
)  # fmt: skip


def test_show(run, store, golden):
    """Each feature is shown with its range or its most frequent values, and its missing rate."""
    shown = run("reference", "show")
    assert shown.exit_code == 0
    golden("cli/tables/reference.txt", shown.stdout)


def test_build_from_a_table(run, store, table):
    """A training table gives a reference: numbers by their values, text by its categories, gaps counted."""
    made = run(
        "reference", "build", "--model", "flight-delay", "--version", "9", "--from", table.name, *ROLES
    )
    assert made.exit_code == 0, made.stderr
    assert made.stdout.startswith("Reference of flight-delay 9: 200 rows")
    shown = run("reference", "show", "--model", "flight-delay", "--version", "9", "--format", "json")
    found = {row["feature"]: row for row in json.loads(shown.stdout)}
    assert found.keys() == {"temp", "origin", "carrier", "prediction.score", "prediction.label"}
    assert (found["temp"]["kind"], found["temp"]["missing_rate"]) == ("numeric", 0.1)
    assert set(found["origin"]["most_frequent"]) == {"EWR", "JFK"}


def test_build_from_a_window(run, store):
    """A past time of the store gives a reference of what was served in it."""
    made = run("reference", "build", "--since", "2013-04-01", "--until", "2013-04-11")
    assert made.exit_code == 0, made.stderr
    assert made.stdout.startswith("Reference of flight-delay: 400 rows")


def test_build_of_a_time_without_events(run, store):
    """A time in which nothing was served is wrong usage."""
    shown = run("reference", "build", "--since", "2012-01-01", "--until", "2012-02-01")
    assert shown.exit_code == 2
    assert "served nothing" in shown.stderr


def test_columns_need_a_file(run, store):
    """Naming columns without a file is wrong usage."""
    shown = run("reference", "build", "--prediction-score", "score")
    assert shown.exit_code == 2
    assert "--from FILE" in shown.stderr


def test_no_reference(run, empty):
    """Without a reference it says how to build one, or what is missing before that."""
    shown = run("reference", "show", "--model", "m", "--format", "json")
    assert (shown.exit_code, shown.stdout) == (0, "[]\n")
    assert "mlmon reference build" in shown.stderr


def _days(run, since, until, *more):
    """Build a reference of some days."""
    made = run("reference", "build", "--since", since, "--until", until, *more)
    assert made.exit_code == 0, made.stderr
    return made


def _all(run):
    """Every kept reference."""
    shown = run("reference", "show", "--all", "--format", "json")
    assert shown.exit_code == 0, shown.stderr
    return json.loads(shown.stdout)


def test_a_candidate_is_kept_and_promoted(run, store):
    """A named reference is not in force until it is promoted; what it replaces is kept and can come back."""
    _days(run, "2013-04-01", "2013-04-11")
    _days(run, "2013-04-05", "2013-04-08", "--name", "april")
    model = ("--model", "flight-delay")
    assert {row["name"] for row in _all(run) if row["in_force"]}.isdisjoint({"april"})
    promoted = run("reference", "promote", "april", *model)
    assert promoted.exit_code == 0, promoted.stderr
    assert promoted.stdout.startswith("The reference april of flight-delay is in force: 120 rows")
    before = [row["name"] for row in _all(run) if not row["in_force"] and not row["version"]]
    assert len(before) >= 1
    back = run("reference", "promote", before[0], *model)
    assert back.exit_code == 0, back.stderr
    assert "april" not in {row["name"] for row in _all(run) if row["in_force"]}
    wrong = run("reference", "promote", "apirl", *model)
    assert wrong.exit_code == 2
    assert "april" in wrong.stderr


def test_a_promotion_needs_a_model(run, store):
    """Without a model it is not clear whose reference is meant."""
    wrong = run("reference", "promote", "april")
    assert wrong.exit_code == 2
    assert "--model" in wrong.stderr


def test_what_to_expect_is_printed_as_settings(run, store, table, tmp_path, monkeypatch):
    """The printed section is mlmon.yaml, and the training file itself breaks none of it."""
    made = run(
        "reference", "build", "--model", "m", "--from", table.name, "--expect", "--ignore", "id",
    )  # fmt: skip
    assert made.exit_code == 0, made.stderr
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mlmon.yaml").write_text(made.stdout)
    (tmp_path / "train.csv").write_text(table.read_text())
    checked = run("try", "quality", "train.csv", "--model", "m", "--format", "json")
    assert checked.exit_code == 0, checked.stderr
    broken = {row["column"]: row["problems"] for row in json.loads(checked.stdout) if row["problems"]}
    assert {one["check"] for each in broken.values() for one in each} <= {"schema", "cardinality", "constant"}
    assert "temp" not in broken


def test_diff_of_references_files_and_windows(run, store, table, tmp_path):
    """Two references, a reference and a file, and a reference and a served time are compared by feature."""
    _days(run, "2013-04-01", "2013-04-06", "--name", "early")
    _days(run, "2013-04-06", "2013-04-11", "--name", "late")
    model = ("--model", "flight-delay", "--format", "json")
    shown = run("reference", "diff", "early", "late", *model)
    assert shown.exit_code == 0, shown.stderr
    found = {row["feature"]: row for row in json.loads(shown.stdout)}
    assert found["temp"]["psi"] is not None
    assert found["temp"]["n_before"] == 200
    served = run("reference", "diff", "early", "--since", "2013-04-06", "--until", "2013-04-11", *model)
    assert {row["feature"]: row["psi"] for row in json.loads(served.stdout)} == {
        name: row["psi"] for name, row in found.items()
    }
    of_file = run("reference", "diff", "early", table.name, *model)
    assert {row["feature"]: row["in"] for row in json.loads(of_file.stdout)}["id"] == "after"
    alone = run("reference", "diff", "early", *model)
    assert alone.exit_code == 2
    assert "--since" in alone.stderr


@pytest.mark.parametrize("suffix", ["parquet", "feather", "ndjson"])
def test_build_from_every_form_of_table(run, store, table, suffix):
    """A training table gives the same reference in whichever form it comes."""
    frame, path = pd.read_csv(table), store.parent / f"train.{suffix}"
    if suffix == "ndjson":
        frame.to_json(path, orient="records", lines=True, double_precision=15)
    else:
        getattr(frame, f"to_{suffix}")(path)

    def profile(version, name):
        made = run("reference", "build", "--model", "m", "--version", version, "--from", name, *ROLES)
        assert made.exit_code == 0, made.stderr
        shown = run("reference", "show", "--model", "m", "--version", version, "--format", "json")
        return [row | {"version": ""} for row in json.loads(shown.stdout)]

    assert profile("a", path.name) == profile("b", table.name)


def test_values_are_read_as_they_are_served(run, store):
    """What says that nothing is there is missing, and truth and whole numbers read as the SDK logs them."""
    path = store.parent / "train.csv"
    path.write_text(
        "temp;ok;zone;score;was\n10,5;True;1.0;0,25;1.0\nNA;False;NA;0,75;0.0\n12,5;True;2.0;0,5;1.0\n"
    )
    roles = ("--prediction-score", "score", "--outcome-label", "was", "--segment", "zone")
    made = run("reference", "build", "--model", "m", "--from", path.name, *roles)
    assert made.exit_code == 0, made.stderr
    shown = run("reference", "show", "--model", "m", "--format", "json")
    found = {row["feature"]: row for row in json.loads(shown.stdout)}
    assert (found["temp"]["kind"], found["temp"]["missing_rate"]) == ("numeric", pytest.approx(1 / 3))
    assert set(found["ok"]["most_frequent"]) == {"true", "false"}


@pytest.mark.parametrize(
    ("text", "said"), [("x,score\n", "has no rows"), ("x,score\n1,0.5\n2,bad\n", "a.csv:3: the value 'bad'")]
)
def test_a_table_that_is_no_reference_is_told(run, store, text, said):
    """A table without rows, or whose scores are no numbers, is wrong usage and makes no reference."""
    path = store.parent / "a.csv"
    path.write_text(text)
    made = run("reference", "build", "--model", "m", "--from", path.name, "--prediction-score", "score")
    assert (made.exit_code, said in made.stderr) == (2, True), made.stderr
