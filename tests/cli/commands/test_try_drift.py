import csv
import io
import json

import numpy as np
import pytest
from scipy import stats
from scipy.spatial import distance

ROWS = 2_000


def table(rng, rows, shift):
    """Give numbers, a category, gaps, a constant, an empty column, truth and an infinity."""
    temp = rng.normal(50 + shift, 9, rows).round(3).astype(object)
    temp[7] = "inf"
    wind = rng.exponential(3, rows).round(3).astype(object)
    wind[::10] = ""
    shares = [0.5, 0.3, 0.2] if not shift else [0.2, 0.3, 0.5]
    return {
        "temp": temp,
        "wind": wind,
        "origin": rng.choice(["EWR", "JFK", "LGA"], rows, p=shares),
        "constant": np.ones(rows, dtype=int),
        "empty": np.full(rows, ""),
        "flag": rng.choice(["True", "False"], rows),
        "mixed": rng.normal(size=rows) if not shift else np.full(rows, "x"),
        "at": np.full(rows, "2013-03-01T12:00:00"),
    }


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Write a reference and a shifted file; give the columns of both."""
    rng = np.random.default_rng(4)
    tables = {"reference": table(rng, ROWS, 0.0), "current": table(rng, ROWS // 2, 9.0)}
    for name, columns in tables.items():
        with (tmp_path / f"{name}.csv").open("w") as file:
            csv.writer(file).writerows([columns, *zip(*columns.values(), strict=True)])
    monkeypatch.chdir(tmp_path)
    return tables


BOTH = ("try", "drift", "--reference", "reference.csv", "--current", "current.csv")


@pytest.fixture
def rows(run, files):
    """Give the command's rows by column."""
    shown = run(*BOTH, "--format", "json")
    assert shown.exit_code == 0, shown.stderr
    return {row["column"]: row for row in json.loads(shown.stdout)}


def test_every_column_has_its_verdict(rows):
    """What changed is drift, what did not is stable, and odd columns have an answer of their own."""
    assert {name: row["verdict"] for name, row in rows.items()} == {
        "temp": "drift", "wind": "stable", "origin": "drift", "constant": "stable", "empty": "no values",
        "flag": "stable", "mixed": "other type",
    }  # fmt: skip


def test_numbers_equal_scipy(rows, files):
    """The statistics of a number are SciPy's on the raw values; missing and infinite values are left out."""
    old, new = (np.delete(files[side]["temp"], 7).astype(float) for side in ("reference", "current"))
    found, test = rows["temp"], stats.ks_2samp(old, new)
    assert found["kolmogorov_smirnov"] == pytest.approx(test.statistic, abs=1e-12)
    assert found["p_value"] == pytest.approx(test.pvalue, rel=1e-9)
    moved = stats.wasserstein_distance(old, new)
    assert found["wasserstein"] == pytest.approx(moved, rel=1e-9)
    assert found["wasserstein_normed"] == pytest.approx(moved / old.std(), rel=1e-9)
    assert (found["n_reference"], found["n_current"]) == (ROWS - 1, ROWS // 2 - 1)


def test_categories_equal_scipy(rows, files):
    """The statistics of a category are SciPy's on the counts."""
    counts = np.array(
        [
            [np.sum(files[side]["origin"] == name) for name in ("EWR", "JFK", "LGA")]
            for side in ("reference", "current")
        ]
    )
    found, test = rows["origin"], stats.chi2_contingency(counts, correction=False)
    assert found["chi_squared"] == pytest.approx(test.statistic, rel=1e-9)
    assert found["p_value"] == pytest.approx(test.pvalue, rel=1e-9)
    assert found["cramers_v"] == pytest.approx(
        stats.contingency.association(counts, method="cramer"), rel=1e-9
    )
    r, c = counts / counts.sum(axis=1, keepdims=True)
    assert found["jensen_shannon"] == pytest.approx(distance.jensenshannon(r, c, base=2), rel=1e-9)
    assert found["hellinger"] == pytest.approx(
        distance.euclidean(np.sqrt(r), np.sqrt(c)) / np.sqrt(2), rel=1e-9
    )
    assert found["total_variation"] == pytest.approx(distance.cityblock(r, c) / 2, rel=1e-9)
    assert found["l_infinity"] == pytest.approx(distance.chebyshev(r, c), rel=1e-9)


def test_a_table_fits_80_columns(run, files):
    """The table fits a terminal, and what it sums up stands beside it."""
    shown = run(*BOTH)
    assert shown.exit_code == 0
    assert max(map(len, shown.stdout.splitlines())) <= 80
    assert "2 of 7 columns drifted" in shown.stderr


def test_columns_that_turn_against_each_other_are_told_in_a_line(run, tmp_path, monkeypatch):
    """Where each column looks the same but two no longer go together, the table's last line says so."""
    rng = np.random.default_rng(6)
    for name, sign in (("reference", 1), ("current", -1)):
        temp = rng.normal(size=800)
        dew = sign * temp + rng.normal(size=800) / 3
        with (tmp_path / f"{name}.csv").open("w") as file:
            csv.writer(file).writerows([("temp", "dew"), *zip(temp, dew, strict=True)])
    monkeypatch.chdir(tmp_path)
    shown = run(*BOTH)
    said = " ".join(shown.stderr.split())
    assert "0 of 2 columns drifted" in said
    assert "together: a classifier tells the files apart by" in said


def test_csv_has_a_row_a_column(run, files):
    """CSV comes with a header and a row for each column asked for."""
    shown = run(*BOTH, "--columns", "origin,temp", "--format", "csv")
    assert [row["column"] for row in csv.DictReader(io.StringIO(shown.stdout))] == ["origin", "temp"]


def test_a_column_of_another_name_is_named(run, files):
    """A column that is not there is told, with the nearest and those that are there."""
    shown = run(*BOTH, "--columns", "tmep")
    assert shown.exit_code == 2
    assert "'tmep'" in shown.stderr
    assert "temp" in shown.stderr


@pytest.mark.parametrize("text", ["x\n", "x\n1\n", "x\ninf\n", "x\n\n", "x\na\n"])
def test_small_files_have_an_answer(run, tmp_path, monkeypatch, text):
    """No row, one row, an infinity, an empty one, a text: each has a defined answer."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "reference.csv").write_text(text)
    (tmp_path / "current.csv").write_text("x\n1\n2\n3\n")
    shown = run(*BOTH, "--format", "json")
    assert shown.exit_code == 0, shown.stderr
    [row] = json.loads(shown.stdout)
    assert row["verdict"] in {"too few", "no values", "other type"}


def test_a_bad_row_is_told_by_its_line(run, tmp_path, monkeypatch):
    """A row with a cell too many is named by its line."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "reference.csv").write_text("x,y\n1,2\n1,2,3\n")
    (tmp_path / "current.csv").write_text("x,y\n1,2\n")
    shown = run(*BOTH)
    assert shown.exit_code == 2
    assert "reference.csv:3: It has 3 cells" in shown.stderr


def test_times_are_left_out_and_named(run, tmp_path, monkeypatch):
    """Times on both sides are left out and said to be; what is text on one side is of another type."""
    monkeypatch.chdir(tmp_path)
    days = "".join(f"2024-01-{day:02d},2024-02-{day:02d},{day}\n" for day in range(1, 29))
    words = "".join(f"2024-01-{day:02d},soon,{day}\n" for day in range(1, 29))
    (tmp_path / "a.csv").write_text("at,due,x\n" + days)
    (tmp_path / "b.csv").write_text("at,due,x\n" + words)
    shown = run("try", "drift", "--reference", "a.csv", "--current", "b.csv")
    assert "times left out: at." in shown.stderr
    asked = run("try", "drift", "--reference", "a.csv", "--current", "b.csv", "--format", "json")
    assert {row["column"]: row["verdict"] for row in json.loads(asked.stdout)} == {
        "due": "other type", "x": "too few",
    }  # fmt: skip
