import json
import random

import pytest


@pytest.fixture
def sales(tmp_path):
    """Write yearly sales whose level goes from 10 to 20 at row 40."""
    chance = random.Random(6)
    file = tmp_path / "sales.csv"
    lines = [f"{1900 + row},{chance.gauss(10 if row < 40 else 20, 1):.2f}" for row in range(90)]
    file.write_text("\n".join(["year,sold", *lines]) + "\n")
    return file


def test_changes_are_a_list_of_rows(run, sales):
    """JSON is a plain list of row numbers."""
    arguments = ("try", "changepoints", str(sales), "--time", "year", "--value", "sold")
    assert json.loads(run(*arguments, "--format", "json").stdout) == [40]


def test_the_table_shows_before_and_after(run, sales):
    """The table and CSV show the time of the change and the means around it."""
    arguments = ("try", "changepoints", str(sales), "--time", "year", "--value", "sold")
    shown = run(*arguments)
    assert shown.exit_code == 0, shown.stderr
    assert "1940" in shown.stdout
    assert "^" in shown.stdout
    assert run(*arguments, "--format", "csv").stdout.splitlines()[1].startswith("1940,40,")


def test_a_file_in_another_order_is_looked_at_in_that_of_time(run, sales):
    """Newest first, the row of the change is that of the same year, and the person is told."""
    header, *lines = sales.read_text().splitlines()
    sales.write_text("\n".join([header, *reversed(lines)]) + "\n")
    arguments = ("try", "changepoints", str(sales), "--time", "year", "--value", "sold")
    shown = run(*arguments, "--format", "json")
    assert json.loads(shown.stdout) == [89 - 40]
    assert "not in the order of 'year'" in shown.stderr
    assert run(*arguments, "--format", "csv").stdout.splitlines()[1].startswith("1940,49,")


def test_no_change_is_said(run, tmp_path):
    """A series without a change gives an empty list, and a sentence beside a table."""
    file = tmp_path / "flat.csv"
    file.write_text("at,x\n" + "".join(f"{row},5\n" for row in range(30)))
    arguments = ("try", "changepoints", str(file), "--time", "at", "--value", "x")
    assert run(*arguments, "--format", "json").stdout == "[]\n"
    assert "No change in 30 rows" in run(*arguments).stderr
