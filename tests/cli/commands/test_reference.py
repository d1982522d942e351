import json
import random

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
