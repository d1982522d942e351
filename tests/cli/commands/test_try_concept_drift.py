import json
import random

import pytest


@pytest.fixture
def errors(tmp_path):
    """Write errors whose rate goes from one in ten to six in ten at row 500, each tenth row without one."""
    chance = random.Random(4)
    values = [int(chance.random() < (0.1 if row < 500 else 0.6)) for row in range(1_000)]
    file = tmp_path / "errors.csv"
    lines = [f"{row},{'' if row % 10 == 9 else value}" for row, value in enumerate(values)]
    file.write_text("\n".join(["id,wrong", *lines]) + "\n")
    return file


def test_alarms_are_a_list_of_rows(run, errors):
    """JSON is a plain list of row numbers; the first alarm comes soon after the change."""
    shown = run(
        "try", "concept-drift", str(errors), "--error", "wrong", "--detector", "ddm", "--format", "json"
    )
    assert shown.exit_code == 0, shown.stderr
    alarms = json.loads(shown.stdout)
    assert any(500 <= row < 600 for row in alarms)


def test_the_table_shows_before_and_after(run, errors):
    """The table gives the mean error before and after each alarm, and a sketch marks it."""
    shown = run("try", "concept-drift", str(errors), "--error", "wrong")
    assert shown.exit_code == 0, shown.stderr
    assert "mean of 100 before" in shown.stdout
    assert "^" in shown.stdout
    csv = run("try", "concept-drift", str(errors), "--error", "wrong", "--format", "csv").stdout
    assert csv.startswith("row,mean_before,mean_after\n")


def test_what_is_wrong_is_told(run, errors, tmp_path):
    """A wrong column, detector, text value or empty file is one sentence that says what to do."""
    for arguments, part in (
        ([str(errors), "--error", "wron"], "Did you mean 'wrong'"),
        ([str(errors), "--error", "wrong", "--detector", "ddn"], "Did you mean 'ddm'"),
        ([str(errors), "--error", "id", "--detector", "ddm"], "errors.csv:4: the error 2 is not allowed"),
    ):
        shown = run("try", "concept-drift", *arguments)
        assert (shown.exit_code, part in shown.stderr) == (2, True), shown.stderr
    empty = tmp_path / "empty.csv"
    empty.write_text("wrong\n")
    assert "no rows" in run("try", "concept-drift", str(empty), "--error", "wrong").stderr
    text = tmp_path / "text.csv"
    text.write_text("wrong\n1\nperhaps\n")
    assert (
        "text.csv:3: the value 'perhaps'" in run("try", "concept-drift", str(text), "--error", "wrong").stderr
    )


def test_an_unknown_analyzer_is_named(run):
    """A wrong name of what can be tried is told with the nearest right one."""
    shown = run("try", "concept-drif", "x.csv")
    assert shown.exit_code == 2
    assert "Did you mean 'concept-drift'" in shown.stderr
