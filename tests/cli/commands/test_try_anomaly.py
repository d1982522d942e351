import csv
import json
import random
from datetime import datetime, timedelta

import pytest


@pytest.fixture
def load(tmp_path):
    """Write a load every five minutes with one spike at row 600, and a value missing at row 10."""
    chance = random.Random(2)
    start = datetime(2014, 4, 1)  # noqa: DTZ001 - a file without zones
    file = tmp_path / "load.csv"
    lines = ["host,at,load"]
    for row in range(800):
        value = "" if row == 10 else f"{chance.gauss(50, 2) + (70 if row == 600 else 0):.3f}"
        lines.append(f"a,{start + row * timedelta(minutes=5)},{value}")
    file.write_text("\n".join(lines) + "\n")
    return file


def test_csv_has_one_row_for_each_of_the_file(run, load):
    """CSV carries the time and value columns as they were, and the results, row by row."""
    shown = run("try", "anomaly", str(load), "--time", "at", "--value", "load", "--format", "csv")
    assert shown.exit_code == 0, shown.stderr
    rows = list(csv.DictReader(shown.stdout.splitlines()))
    given = list(csv.DictReader(load.read_text().splitlines()))
    assert [(row["at"], row["load"]) for row in rows] == [(row["at"], row["load"]) for row in given]
    assert all(0 <= float(row["score"]) <= 1 for row in rows)
    assert [n for n, row in enumerate(rows) if row["anomaly"] == "true"] == [600]


def test_json_and_table(run, load):
    """JSON has every row; the table has the alarms and a sketch with a mark."""
    arguments = ("try", "anomaly", str(load), "--time", "at", "--value", "load")
    rows = json.loads(run(*arguments, "--format", "json").stdout)
    assert (len(rows), rows[600]["kind"], rows[600]["anomaly"]) == (800, "spike", True)
    table = run(*arguments).stdout
    assert "spike" in table
    assert "^" in table


def test_a_file_in_another_order_is_scored_in_that_of_time(run, load):
    """Newest first, every row has the score that it has oldest first, and the person is told."""
    arguments = ("try", "anomaly", str(load), "--time", "at", "--value", "load", "--format", "csv")
    before = run(*arguments).stdout.splitlines()
    header, *lines = load.read_text().splitlines()
    load.write_text("\n".join([header, *reversed(lines)]) + "\n")
    after = run(*arguments)
    assert after.stdout.splitlines() == [before[0], *reversed(before[1:])]
    assert "not in the order of 'at'" in after.stderr


@pytest.mark.parametrize("name", ["score", "anomaly", "kind", "expected", "row"])
def test_a_column_may_be_called_like_a_result(run, load, name):
    """A column of the file keeps its values beside the result of the same name."""
    load.write_text(load.read_text().replace("host,at,load", f"host,at,{name}"))
    asked = ("try", "anomaly", str(load), "--time", "at", "--value", name)
    rows = json.loads(run(*asked, "--format", "json").stdout)
    assert (rows[600][f"input_{name}"] > 100, rows[600]["anomaly"]) == (True, True)
    assert run(*asked, "--format", "csv").stdout.startswith(f"at,input_{name},score,anomaly,kind,expected\n")
    assert "spike" in run(*asked).stdout


def test_what_is_wrong_is_told(run, load):
    """A wrong column is told with the nearest, a text in the time column with its line."""
    shown = run("try", "anomaly", str(load), "--time", "at", "--value", "laod")
    assert (shown.exit_code, "Did you mean 'load'" in shown.stderr) == (2, True)
    shown = run("try", "anomaly", str(load), "--time", "host", "--value", "load")
    assert (shown.exit_code, "load.csv:2: 'a' in column 'host' is no time" in shown.stderr) == (2, True)
